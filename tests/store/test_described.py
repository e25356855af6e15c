"""The side files of objects' vectors from crops, alone and together with the fused ones, follow the database."""

from dataclasses import replace

import numpy as np
import pytest
import small_scene
from numpy.typing import NDArray
from ovstore.core.errors import NotFound
from ovstore.core.features import CropVectors, Query, Vectors
from ovstore.store.catalog import catalog, crop_sets
from ovstore.store.catalog.catalog import FeatureSetInfo
from ovstore.store.postgres.database import Database
from ovstore.store.publish.crop_sets import publish_crops
from ovstore.store.search import described, region_vectors, space_state


def features(store: Database, scene: str = "room") -> FeatureSetInfo:
    return catalog.find_feature_set(store, catalog.find_scene(store, scene))


def describe(store: Database, scene: str = "room", seed: int = 0, objects: int = 3) -> CropVectors:
    rows = np.random.default_rng(seed).normal(size=(objects, small_scene.SPACE.dim))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    crops = CropVectors(small_scene.SPACE, np.arange(objects, dtype=np.int32), np.full(objects, 15, np.int32), unit)
    publish_crops(store, features(store, scene), {"crops": {"seed": seed}}, crops)
    return crops


def held(store: Database, vectors: Vectors) -> dict[tuple[str, int], NDArray[np.float16]]:
    """The vector of each object by scene and ordinal."""
    named = {}
    for scene in catalog.scenes(store):
        named |= {found.id: (scene.name, found.ordinal) for found in catalog.regions(store, scene.id, "object")}
    with store.autocommit() as connection:
        state = space_state.of_space(connection, small_scene.SPACE)
    with described.holding(store, state, vectors) as table:
        rows = table.rows_of(np.array(sorted(named), np.int64))
        return {
            named[id]: table.vectors[row].copy()
            for id, row in zip(table.ids[rows].tolist(), rows.tolist(), strict=True)
        }


@pytest.fixture
def two(store: Database, tmp_path) -> Database:
    return small_scene.publish_two(store, tmp_path)


def test_crops_are_the_vectors_of_the_objects_that_were_described(two: Database) -> None:
    crops = describe(two)
    found = held(two, "crops")
    assert set(found) == {("room", 0), ("room", 1), ("room", 2)}
    for ordinal, vector in enumerate(crops.vectors):
        np.testing.assert_array_equal(found["room", ordinal], vector)


def test_both_is_the_mean_of_unit_vectors_and_the_fused_one_where_there_is_no_crop(two: Database) -> None:
    crops = describe(two).vectors.astype(np.float64)
    fused, both = held(two, "fused"), held(two, "both")
    assert set(both) == set(fused)
    for (scene, ordinal), vector in both.items():
        expected = fused[scene, ordinal].astype(np.float64)
        expected /= np.linalg.norm(expected)
        if scene == "room" and ordinal < len(crops):
            expected = expected + crops[ordinal] / np.linalg.norm(crops[ordinal])
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-3)


def test_vectors_that_are_described_anew_or_forgotten_are_followed(two: Database) -> None:
    describe(two)
    held(two, "both"), held(two, "crops")
    again = describe(two, seed=1, objects=2)
    np.testing.assert_array_equal(held(two, "crops")["room", 1], again.vectors[1])
    assert len(held(two, "crops")) == 2
    room = features(two).id
    with two.connect() as connection:
        assert crop_sets.remove(connection, [room]) == 1
    assert held(two, "crops") == {}
    np.testing.assert_array_equal(held(two, "both")["room", 1], held(two, "fused")["room", 1])


def test_a_set_without_crops_is_noted_and_none_at_all_is_refused(two: Database) -> None:
    vector = np.eye(small_scene.SPACE.dim, dtype=np.float32)[0]
    query = Query(vector, small_scene.SPACE, vectors="crops")
    with pytest.raises(NotFound, match="ovstore describe"):
        described.note(two, query)
    describe(two)
    assert "1 scene of 2 without vectors from crops: left out." in str(described.note(two, query))
    assert described.note(two, replace(query, scenes=("room",))) is None
    with pytest.raises(NotFound, match="ovstore describe"):
        described.note(two, replace(query, scenes=("hall",)))


def test_a_damaged_side_file_is_found_and_written_again(two: Database) -> None:
    describe(two)
    before = held(two, "both")
    [file] = two.file("indexes").glob("regions-*-both/*.vectors")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    [(space_id, level)] = region_vectors.damaged(two)
    region_vectors.drop(two, space_id, level)
    region_vectors.current(two, space_id, level)
    assert region_vectors.damaged(two) == []
    assert all((vector == before[name]).all() for name, vector in held(two, "both").items())
