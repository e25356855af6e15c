"""Handles to scenes and feature sets: two orders of points, and only what is asked for is read."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import small_scene
from ovstore.core.errors import BadInput, NotFound
from ovstore.core.features import EmbeddingSpace, PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.store.catalog import handles
from ovstore.store.catalog.handles import FeatureSetHandle, SceneHandle
from ovstore.store.files import parquet
from ovstore.store.files.readers import FeaturesFile
from ovstore.store.files.stored_points import Order, StoredPoints
from ovstore.store.maintain.export import export_ply
from ovstore.store.postgres.database import Database
from plyfile import PlyData

LARGE = 120_000
ORDERS: tuple[Order, ...] = ("scan", "stored")


@pytest.fixture(scope="module")
def held(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return small_scene.publish_two(shared_store, tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def room(held: Database) -> SceneHandle:
    return handles.scene_handle(held, "room")


@pytest.fixture(params=ORDERS)
def features(room: SceneHandle, request: pytest.FixtureRequest) -> FeatureSetHandle:
    return room.in_order(request.param).features("toy")


def test_the_default_is_the_scans_own_order_as_exports_have_it(room: SceneHandle, tmp_path: Path) -> None:
    export_ply(room.store, room.info, tmp_path / "room.ply")
    vertex = PlyData.read(tmp_path / "room.ply")["vertex"]
    points = room.points()
    np.testing.assert_allclose(points.xyz, np.stack([vertex[axis] for axis in "xyz"], axis=1), atol=1e-5)
    np.testing.assert_array_equal(points.labels, vertex["label"])
    np.testing.assert_array_equal(room.superpoints, vertex["superpoint"])


def test_the_stored_order_is_that_of_the_files(room: SceneHandle) -> None:
    small, stored = small_scene.make("room", 0), room.in_order("stored")
    np.testing.assert_array_equal(stored.points().xyz, small.scene.points.xyz)
    np.testing.assert_array_equal(room.points("stored").xyz, small.scene.points.xyz)
    np.testing.assert_array_equal(stored.superpoints, small.superpoint)
    toy = stored.features("toy")
    np.testing.assert_array_equal(np.flatnonzero(toy.seen), small.features.point_index)
    np.testing.assert_array_equal(toy.vectors()[toy.seen], small.features.vectors)
    np.testing.assert_array_equal(toy.view_counts[toy.seen], small.features.view_count)


def test_one_order_is_a_permutation_of_the_other_for_every_array(room: SceneHandle) -> None:
    order = small_scene.make("room", 0).original_index  # stored point i is point order[i] of the scan
    stored = room.in_order("stored")
    columns: list[Callable[[SceneHandle], np.ndarray]] = [
        lambda scene: scene.points().xyz,
        lambda scene: scene.superpoints,
        lambda scene: scene.features().seen,
        lambda scene: scene.features().view_counts,
        lambda scene: scene.features().vectors(),
        lambda scene: scene.features().region_of_points("object"),
        lambda scene: scene.features().region_of_points("superpoint"),
    ]
    for column in columns:
        np.testing.assert_array_equal(column(room)[order], column(stored))
    np.testing.assert_array_equal(stored.rows_of_scan(np.array([4, 0])), order[[4, 0]])


def test_points_without_a_vector_are_nan_and_no_others(features: FeatureSetHandle) -> None:
    vectors = features.vectors()
    assert vectors.shape == (len(features.scene), features.space.dim)
    np.testing.assert_array_equal(np.isnan(vectors).all(axis=1), ~features.seen)
    assert np.isfinite(vectors[features.seen]).all()
    assert 0 < features.seen.sum() == features.info.point_count < len(features.scene)


def test_some_rows_are_the_same_as_all_rows_cut(features: FeatureSetHandle) -> None:
    everything = features.vectors()
    rng = np.random.default_rng(3)
    for rows in (rng.permutation(len(features.scene))[:50], np.array([5, 5, 0]), np.arange(3), np.empty(0, int)):
        np.testing.assert_array_equal(features.vectors(rows), everything[rows])
    np.testing.assert_array_equal(features.vectors([7, 3]), everything[[7, 3]])
    np.testing.assert_array_equal(features.vectors(features.seen), everything[features.seen])


def test_blocks_together_are_all_vectors_once(features: FeatureSetHandle) -> None:
    blocks = list(features.blocks())
    rows = np.concatenate([rows for rows, _ in blocks])
    np.testing.assert_array_equal(np.sort(rows), np.flatnonzero(features.seen))
    np.testing.assert_array_equal(np.concatenate([vectors for _, vectors in blocks]), features.vectors()[rows])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([-1], "no point -1"),
        ([600], "no point 600: the scene has 600"),
        (np.array([0.5]), "whole numbers"),
        (np.zeros((2, 2), int), "one dimension"),
        (np.zeros(7, bool), "mask of shape"),
    ],
)
def test_rows_that_name_no_point_are_refused(room: SceneHandle, rows: object, said: str) -> None:
    for order in ("scan", "stored"):
        with pytest.raises(BadInput, match=said):
            room.features().vectors(rows)  # type: ignore[arg-type]
        with pytest.raises(BadInput, match=said):
            room.in_order(order).rows_of_scan(rows)  # type: ignore[arg-type]


def test_rows_may_be_any_sequence_of_whole_numbers(room: SceneHandle) -> None:
    for rows in ([3, 4, 5], (3, 4, 5), range(3, 6), np.array([3, 4, 5], np.uint8), np.isin(np.arange(600), [3, 4, 5])):
        np.testing.assert_array_equal(room.rows_of_scan(rows), [3, 4, 5])


def test_an_order_that_there_is_not_is_refused(room: SceneHandle) -> None:
    with pytest.raises(BadInput, match="'scan' or 'stored'"):
        room.points("morton")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="order"):
        handles.scene_handle(room.store, "room", "file")  # type: ignore[arg-type]


def test_scenes_are_filtered_by_dataset_and_split(held: Database) -> None:
    assert [scene.full_name for scene in handles.scene_handles(held)] == ["scans/hall", "scans/room"]
    assert [scene.full_name for scene in handles.scene_handles(held, "scans", "train")] == ["scans/hall", "scans/room"]
    assert handles.scene_handles(held, split="test") == []
    with pytest.raises(NotFound, match="No dataset named 'scan'"):
        handles.scene_handles(held, "scan")


def test_a_handle_says_what_it_is_and_reads_nothing(room: SceneHandle) -> None:
    assert repr(room) == "<scene 'scans/room', 600 points, order 'scan'>"
    assert (
        repr(room.features())
        == f"<features 'toy' of 'scans/room', {room.features().info.point_count} vectors of toy/16>"
    )
    assert [frame.name for frame in room.frames] == ["000000", "000001", "000002"]
    assert {region.level for region in room.regions("superpoint")} == {"superpoint"}
    assert room.features().regions() == room.regions()
    with pytest.raises(NotFound, match="no features named 'tow'"):
        room.features("tow")


def test_a_handle_of_what_was_replaced_says_so(store: Database) -> None:
    small = small_scene.make()
    scene_id, _ = small.publish(store)
    before = handles.scene_handle(store, "room")
    toy = before.features("toy")
    other = replace(small.features, view_count=small.features.view_count + 1)
    replace(small, features=other).publish_features(store, scene_id)
    with pytest.raises(NotFound, match="were replaced or forgotten since this handle was made"):
        toy.vectors()
    with pytest.raises(NotFound, match="were replaced or forgotten since this handle was made"):
        toy.regions()
    with pytest.raises(NotFound, match="were replaced or forgotten since this handle was made"):
        toy.tree()
    with pytest.raises(NotFound, match="have no tree of things: ovstore doctor --repair makes one"):
        before.tree("toy")
    seen = before.features("toy").seen
    np.testing.assert_array_equal(
        before.features("toy").in_order("stored").view_counts[small.features.point_index], other.view_count
    )
    assert seen.sum() == len(other.point_index)


# The files behind, without a database


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EmbeddingSpace]:
    """Vectors of 61 MB in 59 row groups."""
    rng, space, count = np.random.default_rng(0), EmbeddingSpace("wide", 256, ""), LARGE
    path = tmp_path_factory.mktemp("large") / "features.parquet"
    superpoint = np.sort(rng.integers(0, 300, count)).astype(np.int32)
    vectors = rng.standard_normal((count, space.dim), np.float32).astype(np.float16)
    found = PointFeatures(space, np.arange(count, dtype=np.int32), vectors, np.ones(count, np.int32))
    parquet.write_features(path, found, superpoint, np.arange(300, dtype=np.int32) % 40)
    return path, space


def test_blocks_take_the_memory_of_a_block(large: tuple[Path, EmbeddingSpace]) -> None:
    path, space = large
    pool, most = pa.default_memory_pool(), 0
    before = pool.bytes_allocated()
    tracemalloc.start()  # NumPy's arrays; Arrow's are in the pool
    try:
        for _, vectors in FeaturesFile(path, space).blocks():
            most = max(most, pool.bytes_allocated() - before + tracemalloc.get_traced_memory()[1])
            assert len(vectors) <= 8_192
    finally:
        tracemalloc.stop()
    assert most < LARGE * 256 * 2 / 2


def test_only_the_row_groups_of_the_rows_are_read(large: tuple[Path, EmbeddingSpace]) -> None:
    path, space = large
    damaged = path.with_name("damaged.parquet")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)  # in the middle of the vectors
    damaged.write_bytes(content)
    with pytest.raises(BadInput, match="is damaged"):
        parquet.read_features(damaged, space)
    rows = np.array([30, LARGE - 10, 0])
    np.testing.assert_array_equal(
        parquet.read_vectors_at(damaged, space, rows), parquet.read_vectors_at(path, space, rows)
    )


def test_rows_come_in_the_order_asked_for(large: tuple[Path, EmbeddingSpace]) -> None:
    path, space = large
    everything = np.concatenate([vectors for _, vectors in parquet.feature_blocks(path, space)])
    rows = np.random.default_rng(1).integers(0, len(everything), 500)
    np.testing.assert_array_equal(parquet.read_vectors_at(path, space, rows), everything[rows])
    with pytest.raises(BadInput, match="are not in"):
        parquet.read_vectors_at(path, space, np.array([LARGE]))


def test_points_go_to_the_scan_and_back() -> None:
    rng = np.random.default_rng(2)
    order = rng.permutation(50).astype(np.int32)
    held = StoredPoints(PointCloud(rng.random((50, 3))), np.zeros(50, np.int32), order)
    column = rng.random(50)
    np.testing.assert_array_equal(held.to_stored(held.to_scan(column)), column)
    np.testing.assert_array_equal(held.in_scan_order().xyz[order], held.points.xyz)
    found = PointFeatures(
        EmbeddingSpace("toy", 2, ""),
        np.array([3, 9], np.int32),
        np.eye(2, dtype=np.float16),
        np.array([1, 2], np.int32),
    )
    of_scan = held.features_to_scan(found)
    assert of_scan.point_index.tolist() == sorted(order[[3, 9]].tolist())
    for row, vector in zip(order[[3, 9]], found.vectors, strict=True):
        np.testing.assert_array_equal(of_scan.vectors[of_scan.point_index == row], [vector])
