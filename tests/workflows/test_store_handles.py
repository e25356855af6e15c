"""`ovstore.open` and what its Store hands out: handles, searches, SQL, and features that were computed elsewhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import generated_room
import numpy as np
import ovstore
import pyarrow as pa
import pytest
from command_line import ovstore as typed
from new_store import new_database, new_store
from ovstore.core.errors import BadInput, BadScene, NotFound
from ovstore.core.features import EmbeddingSpace
from ovstore.ingest.formats.openscene.files import write_features
from ovstore.models.encoders import color_words
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import verify
from ovstore.store.postgres.server import Server
from ovstore.workflows import remedies

NAME = "scene0000_00"


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("openscene", tmp_path_factory.mktemp("openscene") / "room")


@pytest.fixture(scope="module")
def store(server: Server, processed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ovstore.Store]:
    """One scene with features of color_words, "color_words"."""
    folder = tmp_path_factory.mktemp("handles") / "store"
    with new_database(server) as url, new_store(folder, url) as made:
        result = typed(made, "ingest", "openscene", processed, "--name", "scans", "--encoder", "color_words")
        assert result.exit_code == 0, result.output
        with ovstore.open() as opened:
            yield opened


@pytest.fixture
def scene(store: ovstore.Store) -> Any:
    return store.scene(NAME)


def some_vectors(count: int) -> np.ndarray:
    """Two thirds of the points have one, of lengths other than 1."""
    vectors = np.random.default_rng(5).random((count, 13)).astype(np.float16) * 2
    vectors[::3] = np.nan
    return vectors


def test_what_opens_is_a_store_with_its_scenes(store: ovstore.Store) -> None:
    assert type(store) is ovstore.Store
    assert [scene.full_name for scene in store.scenes()] == [f"scans/{NAME}"]
    assert store.scenes(split="test") == []
    assert [kind.name for kind in store.features()] == [found.name for found in store.feature_sets("color_words")]
    with pytest.raises(NotFound, match="No scene named 'scene0000_01'"):
        store.scene("scene0000_01")


def test_points_are_those_of_the_scans_file_in_its_order(scene: Any) -> None:
    mesh = generated_room.recording().mesh
    np.testing.assert_array_equal(scene.points().xyz, mesh.xyz.astype(np.float64))
    np.testing.assert_array_equal(scene.points().rgb, mesh.rgb)


def test_a_search_by_the_store_is_ovstore_search(store: ovstore.Store) -> None:
    mine, free = store.search("red", top=3), ovstore.search(store, "red", top=3)
    assert [hit.full_name for hit in mine] == [hit.full_name for hit in free]
    assert len(mine) == 3


def test_sql_gives_an_arrow_table(store: ovstore.Store) -> None:
    table = store.sql("SELECT name, point_count FROM scenes")
    assert isinstance(table, pa.Table)
    assert table.to_pylist() == [{"name": NAME, "point_count": len(store.scene(NAME))}]
    empty = store.sql("SELECT name, point_count FROM scenes WHERE false")
    assert (empty.column_names, len(empty)) == (["name", "point_count"], 0)
    vectors = store.sql("SELECT embedding, {text:red} AS asked FROM regions LIMIT 2", features="color_words")
    assert [len(row["embedding"]) for row in vectors.to_pylist()] == [13, 13]
    with pytest.raises(BadInput, match="more than 1,000,000 rows"):
        store.sql("SELECT * FROM generate_series(1, 1100000)")


def test_sql_over_the_files_has_rows_in_stored_order(store: ovstore.Store) -> None:
    pytest.importorskip("duckdb")
    table = store.sql("SELECT x, y, z FROM points", files=True)
    xyz = np.stack([table.column(axis).to_numpy() for axis in "xyz"], axis=1)
    np.testing.assert_array_equal(xyz, store.scene(NAME, order="stored").points().xyz)


def test_added_features_are_found_by_their_vectors(store: ovstore.Store, scene: Any) -> None:
    points = scene.points()
    yellow, pink = color_words.load_text_encoder(color_words.Options())(["yellow", "pink"])
    chosen = points.labels == np.bincount(points.labels[points.labels > 2]).argmax()
    added = store.add_features(scene, "given", np.where(chosen[:, None], pink, yellow), "color_words")
    assert added.space == color_words.space(color_words.Options())
    np.testing.assert_allclose(added.vectors()[chosen], np.broadcast_to(pink, (chosen.sum(), 13)), atol=1e-3)
    [best] = store.search("pink", features="given", top=1)
    assert best.score > 0.95 and best.probability > 0.5
    assert chosen[best.mask].mean() > 0.9
    assert store.search("yellow", features="given", top=1)[0].score == pytest.approx(1, abs=1e-3)


def test_added_features_equal_those_that_ingest_takes_in(
    store: ovstore.Store, scene: Any, processed: Path, tmp_path: Path
) -> None:
    vectors = some_vectors(len(scene))
    covered = ~np.isnan(vectors).any(axis=1)
    (tmp_path / "fused").mkdir()
    write_features(tmp_path / "fused" / f"{NAME}_0.pt", covered, vectors[covered])
    result = typed(
        store, "ingest", "openscene", processed, "--name", "scans", "--encoder", "color_words",
        "--fused", tmp_path / "fused", "--features", "ingested",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    added = store.add_features(scene, "added", vectors, "color_words")
    ingested = store.scene(NAME).features("ingested")
    assert added.info.content_digest == ingested.info.content_digest
    assert (added.info.source, added.info.object_count) == ("imported", ingested.info.object_count)
    np.testing.assert_array_equal(added.vectors(), ingested.vectors())


def test_the_same_vectors_may_be_said_in_several_ways(store: ovstore.Store, scene: Any) -> None:
    vectors = some_vectors(len(scene))
    seen = ~np.isnan(vectors).any(axis=1)
    backwards = np.flatnonzero(seen)[::-1]
    stored = store.scene(NAME, order="stored")
    order = np.empty(len(scene), int)
    order[stored.rows_of_scan(np.arange(len(scene)))] = np.arange(len(scene))
    ways: list[tuple[Any, Any, Any]] = [
        (scene, vectors, None),
        (scene, vectors[seen], seen),
        (NAME, vectors, seen),
        (scene, vectors[backwards], backwards),
        (stored, vectors[np.argsort(order)], None),
        (stored, vectors[seen], order[seen]),
    ]
    digests = set()
    for number, (held, given, rows) in enumerate(ways):
        added = store.add_features(held, f"way {number}", given, "color_words", rows=rows)
        digests.add(added.info.content_digest)
        np.testing.assert_array_equal(store.scene(NAME).features(f"way {number}").seen, seen)
    assert len(digests) == 1


def test_vectors_of_any_precision_and_length_come_to_unit_length(store: ovstore.Store, scene: Any) -> None:
    directions = np.random.default_rng(0).random((len(scene), 13))
    for number, scale in enumerate((1e-300, 1e-9, 1.0, 1e9, 1e300)):
        added = store.add_features(scene, f"scaled {number}", directions * scale, "color_words")
        found = added.vectors().astype(np.float64)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=2e-3)
        np.testing.assert_allclose(found, directions / np.linalg.norm(directions, axis=1, keepdims=True), atol=1e-3)


def test_what_a_handle_gives_can_be_added_under_another_name(store: ovstore.Store, scene: Any) -> None:
    own = scene.features("color_words")
    copy = store.add_features(scene, "copy", own.vectors(), own.space)
    np.testing.assert_array_equal(copy.vectors(), own.vectors())
    assert copy.recipe["encoder"] == own.recipe["encoder"]


def test_equal_vectors_are_left_alone_and_others_replaced_only_when_asked_for(store: ovstore.Store, scene: Any) -> None:
    vectors = some_vectors(len(scene))
    first = store.add_features(scene, "twice", vectors, "color_words")
    assert store.add_features(scene, "twice", vectors, "color_words").info.id == first.info.id
    other = np.roll(vectors, 1, axis=1)
    with pytest.raises(BadInput, match=r"has other features named 'twice'.*again=True"):
        store.add_features(scene, "twice", other, "color_words")
    np.testing.assert_array_equal(scene.features("twice").vectors(), first.vectors())
    store.add_features(scene, "twice", other, "color_words", again=True)
    with pytest.raises(NotFound, match="replaced or forgotten"):
        first.vectors()
    np.testing.assert_allclose(
        scene.features("twice").vectors()[1], other[1] / np.linalg.norm(other[1].astype(float)), atol=1e-3
    )


def test_of_two_who_add_other_vectors_under_one_name_the_second_is_refused(store: ovstore.Store, scene: Any) -> None:
    vectors = some_vectors(len(scene))
    with ThreadPoolExecutor(4) as threads:
        given = [np.roll(vectors, shift, axis=1) for shift in range(4)]
        adding = [threads.submit(store.add_features, scene, "at once", one, "color_words") for one in given]
    errors = [found.exception() for found in adding]
    assert sum(error is None for error in errors) == 1
    assert all(isinstance(error, BadInput) and "has other features" in str(error) for error in errors if error)
    winner = adding[errors.index(None)].result()
    assert scene.features("at once").info.id == winner.info.id


def test_features_of_the_scans_encoder_are_not_replaced_unasked(store: ovstore.Store, scene: Any) -> None:
    with pytest.raises(BadInput, match="has other features named 'color_words'"):
        store.add_features(scene, "color_words", some_vectors(len(scene)), "color_words")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v[:-1], r"vectors were given, scans/scene0000_00 has .* points"),
        (lambda v: v[:, :12], "have 12 numbers, those of 'color_words' have 13"),
        (lambda v: v[0], "floats of shape"),
        (lambda v: np.zeros(v.shape, np.int32), "int32"),
        (lambda v: np.where(np.arange(13) == 3, np.nan, v), "not finite"),
        (lambda v: np.full_like(v, np.inf), "Row 0 of the vectors has numbers that are not finite"),
        (lambda v: np.zeros_like(v), "Row 0 of the vectors is zero"),
        (lambda v: np.full_like(v, np.nan), "all rows are nan"),
        (lambda v: [[1.0], [1.0, 2.0]], "The vectors are no array"),
    ],
)
def test_vectors_that_cannot_be_are_refused_in_a_sentence(
    store: ovstore.Store, scene: Any, change: Any, said: str
) -> None:
    before = [found.name for found in scene.feature_sets]
    with pytest.raises(BadInput, match=said):
        store.add_features(scene, "refused", change(some_vectors(len(scene))), "color_words")
    assert [found.name for found in scene.feature_sets] == before


def test_rows_and_spaces_that_cannot_be_are_refused_in_a_sentence(store: ovstore.Store, scene: Any) -> None:
    vectors = np.ones((2, 13), np.float32)
    for rows, said in (([0, 0], "a point twice"), ([0, 1, 2], "for 3 points"), ([0, len(scene)], "There is no point")):
        with pytest.raises(BadInput, match=said):
            store.add_features(scene, "refused", vectors, "color_words", rows=rows)
    with pytest.raises(BadInput, match="give an encoder's name as the space"):
        store.add_features(scene, "refused", vectors, EmbeddingSpace("elsewhere", 13, ""), rows=[0, 1])
    with pytest.raises(BadInput, match="encoder_options belong to an encoder"):
        store.add_features(scene, "refused", vectors, scene.features("color_words").space, encoder_options={})
    with pytest.raises(BadInput, match="color_words has no option 'model'"):
        store.add_features(scene, "refused", vectors, "color_words", rows=[0, 1], encoder_options={"model": "x"})
    with pytest.raises(ovstore.OvstoreError, match="Did you mean 'color_words'"):
        store.add_features(scene, "refused", vectors, "colour_words", rows=[0, 1])
    with pytest.raises(BadScene, match="control characters"):
        store.add_features(scene, "a\nname", vectors, "color_words", rows=[0, 1])


def test_the_remedy_of_lost_added_vectors_is_not_to_make_others(store: ovstore.Store, scene: Any) -> None:
    added = store.add_features(scene, "lost", some_vectors(len(scene)), "color_words")
    store.file(added.info.features_file).unlink()
    [finding] = remedies.with_commands(store, verify.check(store))
    assert finding.remedy == f"ovstore forget scans/{NAME} --features lost --yes"
    again = store.add_features(scene, "lost", some_vectors(len(scene)), "color_words")
    assert again.info.content_digest == added.info.content_digest
    assert verify.check(store) == []
    assert catalog.find_feature_set(store, scene.info, "lost").point_count == added.info.point_count


def test_the_scores_of_a_scene_are_those_of_a_search_in_words(store: ovstore.Store) -> None:
    kind = {"features": "color_words"}
    found = store.scene_scores(["red", ovstore.Question("blue")], f"scans/{NAME}", exclude="green", **kind)
    assert found == ovstore.scene_scores(store, ["red", "blue"], NAME, exclude=["green"], **kind)
    for row, words in enumerate(("red", "blue")):
        answer = store.search(words, exclude="green", level="object", top=500, scenes=NAME, **kind)
        column = {region: number for number, region in enumerate(found.regions.tolist())}
        scores = [
            (found.scores[row, column[hit.region]], found.probabilities[row, column[hit.region]]) for hit in answer
        ]
        assert scores == [(np.float32(hit.score), np.float32(hit.probability)) for hit in answer]
        assert not any(found.left_out[row, column[hit.region]] for hit in answer)
    with pytest.raises(BadInput, match="At least one question"):
        store.scene_scores([], NAME)


def test_an_ingest_notes_its_stages(store: ovstore.Store) -> None:
    first = jobs.jobs(store)[-1]
    assert (first.scene, first.state) == (NAME, "done") and first.stage is not None and first.updated_at is not None
    assert first.started_at <= first.updated_at <= first.finished_at
