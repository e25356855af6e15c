"""What a search returns: the right regions, under any filter, with what there is to show; and what people are told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from command_line import ovstore
from crowd import Crowd, unit
from ovstore.core.errors import BadInput, NotFound, SpaceMismatch
from ovstore.core.features import Query
from ovstore.store.postgres.database import Database
from ovstore.store.search.point_search import region_points
from ovstore.store.search.probability import near_synonyms
from ovstore.store.search.search import probably_here, search
from sqlalchemy import text


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(things=30)


@pytest.fixture(scope="module")
def full(shared_store: Database, crowd: Crowd) -> Database:
    """Three scenes in two datasets."""
    crowd.publish(shared_store, "hall", 40)
    crowd.publish(shared_store, "attic", 40)
    crowd.publish(shared_store, "hall", 20, dataset="other")
    crowd.publish(shared_store, "attic", 40, features="second")
    return shared_store


@pytest.fixture
def query(crowd: Crowd) -> Query:
    """For a thing that the hall has."""
    return Query(crowd.word(int(crowd.thing_of["hall"][0])), crowd.space, top=5, feature_set="toy")


def test_a_word_finds_the_thing_with_its_evidence(full: Database, crowd: Crowd, query: Query) -> None:
    best = search(full, query)[0]
    assert label(full, best.region) == f"thing {crowd.thing_of['hall'][0]}"
    [view] = best.evidence
    assert (view.frame, view.image_path, view.box_xyxy) == ("0", "/pictures/0.jpg", (1.0, 2.0, 30.5, 40.0))
    assert best.level == "object" and best.point_count == 6 and view.visible_points == 6
    assert all(low < centre < high for low, centre, high in zip(best.box_min, best.centre, best.box_max, strict=True))
    assert np.allclose(best.oriented_box.size, np.subtract(best.box_max, best.box_min))


def label(store: Database, region: int) -> str:
    with store.connect() as connection:
        return connection.execute(text("SELECT label FROM regions WHERE id = :id"), {"id": region}).scalar_one()


def test_searching_twice_gives_equal_answers(full: Database, query: Query) -> None:
    first, second = ([(hit.region, hit.score, hit.probability) for hit in search(full, query)] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("filters", "scenes"),
    [
        ({"datasets": ("other",)}, {"other/hall"}),
        ({"scenes": ("attic",)}, {"crowd/attic"}),
        ({"scenes": ("hall",)}, {"crowd/hall", "other/hall"}),
        ({"scenes": ("crowd/hall",)}, {"crowd/hall"}),
        ({"where": "scene = 'hall' AND ordinal < 30"}, {"crowd/hall", "other/hall"}),
        ({"where": "dataset = 'other'", "scenes": ("hall",)}, {"other/hall"}),
        ({"feature_set": "second"}, {"crowd/attic"}),
    ],
)
def test_a_filter_keeps_what_passes_and_nothing_else(full: Database, query: Query, filters: dict, scenes: set) -> None:
    everything = search(full, replace(query, top=1000, feature_set=None))
    kept = search(full, replace(query, top=1000, **filters))
    assert {f"{hit.dataset}/{hit.scene}" for hit in kept} == scenes
    expected = [(hit.region, hit.score) for hit in everything if hit.region in {hit.region for hit in kept}]
    assert [(hit.region, hit.score) for hit in kept] == expected
    assert all(
        hit.score == other.score for hit, other in zip(kept[:5], search(full, replace(query, **filters)), strict=False)
    )


def test_a_condition_that_nothing_meets_is_no_error(full: Database, query: Query) -> None:
    assert search(full, replace(query, where="label = 'nothing; at all'")) == []


@pytest.mark.parametrize(
    "condition",
    [
        "",
        " ",
        "1 = 1; DROP TABLE regions",
        "true) OR (true",
        "(true",
        "true -- ",
        "true /* ",
        "label = 'x",
        "label = $$x$$",
        "label = E'\\''",
    ],
)
def test_what_is_not_one_condition_is_refused(full: Database, query: Query, condition: str) -> None:
    with pytest.raises(BadInput, match="is not one complete SQL condition"):
        search(full, replace(query, where=condition))


def test_a_condition_that_fails_names_the_columns(full: Database, query: Query) -> None:
    with pytest.raises(BadInput, match=r"column \"colour\" does not exist. Columns: region, dataset, .*size_z"):
        search(full, replace(query, where="colour = 'red'"))
    with pytest.raises(BadInput, match="division by zero"):
        search(full, replace(query, where="1 / (point_count - 6) > 0"))


def test_a_condition_writes_nothing(full: Database, query: Query) -> None:
    with pytest.raises(BadInput, match=r"cannot be used: permission denied for function setval\. Columns"):
        search(full, replace(query, where="setval('regions_id_seq', 1) = 1"))


def test_names_that_are_wrong_are_put_right(full: Database, query: Query) -> None:
    with pytest.raises(NotFound, match=r"No scene named 'atic'\. Did you mean 'attic'\?"):
        search(full, replace(query, scenes=("atic",)))
    with pytest.raises(NotFound, match=r"No dataset named 'crow'\. Did you mean 'crowd'\?"):
        search(full, replace(query, datasets=("crow",)))
    with pytest.raises(NotFound, match=r"No features named 'third'.* There are: second, toy"):
        search(full, replace(query, feature_set="third"))
    with pytest.raises(NotFound, match=r"No index named 'fais'\. Did you mean 'faiss'\?"):
        search(full, query, index="fais")


def test_another_space_never_answers(full: Database, query: Query) -> None:
    with pytest.raises(SpaceMismatch, match="with other weights"):
        search(full, replace(query, space=replace(query.space, digest="other")))
    with pytest.raises(SpaceMismatch, match="in 'else', but the store's vectors are in 'toy/crowd'"):
        search(full, replace(query, space=replace(query.space, name="else")))


def test_a_vector_that_is_none_is_refused(full: Database, query: Query) -> None:
    for vector in (np.full(32, np.nan, np.float32), np.ones(31, np.float32)):
        with pytest.raises(BadInput, match="32 finite numbers were expected"):
            search(full, replace(query, vector=vector))


def test_an_empty_store_says_what_to_type(store: Database, query: Query) -> None:
    with pytest.raises(NotFound, match="ovstore ingest --help"):
        search(store, query)


def test_what_is_excluded_is_left_out(full: Database, crowd: Crowd, query: Query) -> None:
    common = crowd.word(0)
    hits = search(full, replace(query, vector=common, excluded=crowd.words()[1:], top=8))
    assert len(hits) == 8 and {label(full, hit.region) for hit in hits} == {"thing 0"}
    nobody = search(full, replace(query, vector=unit(crowd.word(0) + crowd.word(1)), excluded=crowd.words()[:2]))
    for hit in nobody:
        assert label(full, hit.region) not in ("thing 0", "thing 1")


def test_the_probability_tells_what_is_here_from_what_is_not(full: Database, crowd: Crowd, query: Query) -> None:
    present = {int(label(full, hit.region).split()[1]) for hit in search(full, replace(query, top=1000))}
    absent = set(range(crowd.things)) - present
    assert len(present) > 5 and len(absent) > 5
    for thing in range(crowd.things):
        hits = search(full, replace(query, vector=crowd.word(thing), background=crowd.words()))
        assert probably_here(hits) == (thing in present), thing
    assert probably_here(search(full, query)) is None


def test_a_query_is_no_rival_of_its_own(full: Database, crowd: Crowd, query: Query) -> None:
    background = crowd.words()
    [near] = np.flatnonzero(near_synonyms(query.vector, background))
    assert np.array_equal(background[near], query.vector)
    [alone, rivalled] = (
        search(full, replace(query, background=words))[0].probability
        for words in (np.delete(background, near, axis=0), background)
    )
    assert alone == pytest.approx(rivalled, abs=1e-3)


def test_points_of_a_hit_are_scored_and_boxed(full: Database, crowd: Crowd, query: Query) -> None:
    hits = search(full, query)
    for hit, points in zip(hits, region_points(full, [hit.region for hit in hits], query), strict=True):
        assert points.region == hit.region and len(points.point_index) == 6 and points.answers.any()
        assert list(points.point_index) == sorted(points.point_index)
        assert abs(points.score.mean() - hit.score) < 0.15
        assert (points.box_min >= hit.box_min).all() and (points.box_max <= hit.box_max).all()
        if points.answers.all():
            assert np.array_equal(points.box_min, hit.box_min)
    with pytest.raises(NotFound, match="Region 12345678 is not in the store"):
        region_points(full, [12345678], query)


def index(store: Database, *arguments: str) -> str:
    result = ovstore(store, "index", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_indexes_are_listed_built_checked_and_dropped(full: Database) -> None:
    built = index(full, "build", "faiss", "--level", "object")
    assert built.startswith("faiss  toy/crowd  object  140 regions")
    [measured] = json.loads(index(full, "check", "--json", "--queries", "20"))
    assert measured["index"] == "faiss" and measured["worst"] == 1 and measured["queries"] == 40
    listed = json.loads(index(full, "list", "--json"))
    assert [(row["level"], row["index"], bool(row["answers"])) for row in listed] == [
        ("object", "exact", True), ("object", "faiss", False), ("superpoint", "exact", True),
    ]  # fmt: skip
    assert listed[1]["recall"]["worst"] == 1
    shown = index(full, "list")
    assert "yes: exact is fastest up to 300,000 regions" in shown and "100.0%, 100%" in shown
    assert index(full, "drop", "faiss", "--level", "object") == "faiss  toy/crowd  object  dropped\n"
    assert "No index is built" in index(full, "check")


def test_a_background_of_nothing_but_the_query_says_nothing(full: Database, crowd: Crowd, query: Query) -> None:
    assert search(full, replace(query, background=query.vector[None]))[0].probability is None
    against_one = search(full, replace(query, background=crowd.word(0)[None] + query.vector[None]))[0].probability
    assert against_one is not None and 0 < against_one < 1
