"""The scores of a whole scene are those of a search, to the last bit, for any number of queries at once."""

from dataclasses import replace

import numpy as np
import pytest
from crowd import Crowd, unit
from ovstore.core.errors import BadInput, NotFound, SpaceMismatch
from ovstore.core.features import EmbeddingSpace, Level, Query
from ovstore.store.postgres.database import Database
from ovstore.store.search.probability import probabilities
from ovstore.store.search.scene_scores import scene_scores
from ovstore.store.search.search import search


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(things=30)


@pytest.fixture(scope="module")
def full(shared_store: Database, crowd: Crowd) -> Database:
    """Three scenes in two datasets, one with two feature sets."""
    crowd.publish(shared_store, "hall", 40)
    crowd.publish(shared_store, "attic", 55)
    crowd.publish(shared_store, "hall", 20, dataset="other")
    crowd.publish(shared_store, "attic", 55, features="second")
    return shared_store


@pytest.fixture
def queries(crowd: Crowd) -> list[Query]:
    """Six; of them one without a background, one that leaves regions out, one with rivals."""
    plain = [Query(crowd.word(thing), crowd.space, background=crowd.words()) for thing in range(6)]
    return [
        *plain[:3],
        replace(plain[3], background=None),
        replace(plain[4], excluded=crowd.words()[:2]),
        replace(plain[5], rivals=unit(crowd.words()[7:9] + crowd.common)),
    ]


@pytest.mark.parametrize("level", ["object", "superpoint"])
def test_they_are_those_of_a_search_to_the_last_bit(full: Database, queries: list[Query], level: Level) -> None:
    found = scene_scores(full, queries, "crowd/attic", feature_set="toy", level=level)
    assert found.scores.dtype == found.probabilities.dtype == np.float32 and found.ordinals.dtype == np.int32
    assert len(found.ordinals) == (55 if level == "object" else 110) and (np.diff(found.ordinals) > 0).all()
    place = {region: column for column, region in enumerate(found.regions.tolist())}
    for row, query in enumerate(queries):
        asked = replace(query, scenes=("crowd/attic",), feature_set="toy", level=level, ungrouped=True)
        for top in (1, 7, 1000):
            hits = search(full, replace(asked, top=top))
            assert len(hits) == min(top, int((~found.left_out[row]).sum()))
            for hit in hits:
                column = place[hit.region]
                assert found.ordinals[column] == hit.ordinal and found.feature_set == hit.feature_set
                assert found.scores[row, column] == np.float32(hit.score)
                if hit.probability is None:
                    assert np.isnan(found.probabilities[row, column])
                else:
                    assert found.probabilities[row, column] == np.float32(hit.probability)


def test_a_probability_does_not_depend_on_what_else_is_looked_at() -> None:
    random = np.random.default_rng(3)
    for dim, texts in ((13, 5), (96, 97), (512, 300)):
        vectors = unit(random.normal(size=(200, dim))).astype(np.float16)
        words = unit(random.normal(size=(texts, dim)))
        query = Query(words[0], EmbeddingSpace("x", dim, "", 30.0), background=words[1:])
        together = probabilities(vectors, query)
        for count in (1, 2, 3, 50, 199):
            rows = random.permutation(200)[:count]
            assert probabilities(vectors[rows], query) == [together[row] for row in rows]


def test_without_any_background_there_are_no_probabilities(full: Database, queries: list[Query]) -> None:
    found = scene_scores(full, [replace(queries[0], background=None)], "attic", feature_set="toy")
    assert found.probabilities is None and found.scores.shape == (1, 55)


def test_a_scene_is_named_without_doubt(full: Database, queries: list[Query]) -> None:
    assert len(scene_scores(full, queries, "other/hall").ordinals) == 20
    with pytest.raises(NotFound, match=r"Several scenes are named 'hall': choose crowd/hall or other/hall\."):
        scene_scores(full, queries, "hall")
    with pytest.raises(NotFound, match=r"2 feature sets of 'toy/crowd': choose one of second, toy\."):
        scene_scores(full, queries, "attic")
    with pytest.raises(NotFound, match=r"No scene named 'atic'\. Did you mean 'attic'"):
        scene_scores(full, queries, "atic")
    with pytest.raises(NotFound, match="No features named 'third'"):
        scene_scores(full, queries, "attic", feature_set="third")
    with pytest.raises(NotFound, match="'hall' has no features named 'second'"):
        scene_scores(full, queries, "hall", feature_set="second")


def test_queries_that_cannot_be_asked_together_are_refused(full: Database, queries: list[Query]) -> None:
    with pytest.raises(BadInput, match="At least one query"):
        scene_scores(full, [], "attic")
    other = EmbeddingSpace("other", 3, "")
    with pytest.raises(SpaceMismatch):
        scene_scores(full, [queries[0], Query(np.ones(3, np.float32), other)], "attic")
    with pytest.raises(BadInput, match="ask one kind at a time"):
        scene_scores(full, [queries[0], replace(queries[0], vectors="crops")], "attic", feature_set="toy")
    with pytest.raises(NotFound, match="ovstore describe"):
        scene_scores(full, [replace(queries[0], vectors="crops")], "attic", feature_set="toy")


def test_a_scene_that_is_published_again_is_scored_as_it_is(full: Database, crowd: Crowd, queries: list[Query]) -> None:
    crowd.publish(full, "cellar", 9)
    before = scene_scores(full, queries, "cellar")
    crowd.publish(full, "cellar", 12)
    after = scene_scores(full, queries, "cellar")
    assert (len(before.ordinals), len(after.ordinals)) == (9, 12) and before.feature_set != after.feature_set
