"""Regions by pages, with all there is to draw; points by columns and row groups; superpoints by their objects."""

from pathlib import Path

import numpy as np
import pytest
import small_scene
from crowd import Crowd
from ovstore.core.errors import BadInput, NotFound
from ovstore.core.features import Level, Query
from ovstore.core.paging import Page, key_of, token
from ovstore.core.scene import PointCloud
from ovstore.store.catalog import catalog, loading
from ovstore.store.catalog.regions import RegionInfo
from ovstore.store.files import parquet
from ovstore.store.postgres.database import Database
from ovstore.store.search.search import search


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(things=30)


@pytest.fixture(scope="module")
def full(shared_store: Database, crowd: Crowd) -> Database:
    """A hall with two feature sets, and a room of another kind."""
    crowd.publish(shared_store, "hall", 23)
    crowd.publish(shared_store, "hall", 23, features="second")
    small_scene.make("room").publish(shared_store)
    return shared_store


def pages(store: Database, scene_id: int, level: Level, limit: int, **asked: object) -> list[Page[RegionInfo]]:
    found, after = [], None
    while True:
        found.append(catalog.regions(store, scene_id, level, after=after, limit=limit, **asked))
        after = found[-1].next
        if after is None:
            return found


@pytest.mark.parametrize("order", ["-points", "ordinal"])
@pytest.mark.parametrize("limit", [1, 7, 23, 100])
def test_pages_one_after_the_other_are_the_whole_list(full: Database, order: str, limit: int) -> None:
    scene = catalog.find_scene(full, "hall").id
    whole = catalog.regions(full, scene, "object", feature_set="toy", order=order)
    assert len(whole) == 23 and whole.next is None
    parts = pages(full, scene, "object", limit, feature_set="toy", order=order)
    assert [one for part in parts for one in part] == list(whole)
    assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1) and len(parts) == -(-23 // limit)


def test_the_feature_set_and_the_order_are_those_asked_for(full: Database) -> None:
    scene = catalog.find_scene(full, "hall").id
    assert {one.features for one in catalog.regions(full, scene, feature_set="second")} == {"second"}
    assert len(catalog.regions(full, scene)) == 46
    ordinals = [one.ordinal for one in catalog.regions(full, scene, "superpoint", feature_set="toy", order="ordinal")]
    assert ordinals == list(range(46))
    room = catalog.regions(full, catalog.find_scene(full, "room").id, "superpoint")
    assert [one.point_count for one in room] == sorted((one.point_count for one in room), reverse=True)


def test_each_region_has_its_box_its_views_and_its_object(full: Database) -> None:
    scene = catalog.find_scene(full, "room")
    frames = {frame.name: frame for frame in catalog.load_frames(full, scene.id)}
    [found] = catalog.feature_sets(full, scene.id)
    stored = {level: catalog_regions(full, found.id, level) for level in ("object", "superpoint")}
    small = small_scene.make("room")
    for level in ("object", "superpoint"):
        for one in catalog.regions(full, scene.id, level, details=True):
            as_published = stored[level][one.ordinal]
            assert one.oriented_box == as_published.oriented_box
            seen = [(view.ordinal, view.box_xyxy, view.visible_points) for view in one.views]
            assert seen == [(view.frame, view.box_xyxy, view.visible_points) for view in as_published.views]
            assert all(view.camera == frames[view.frame].camera for view in one.views)
            own = None if level == "object" else int(small.object_of_superpoint[one.ordinal])
            assert one.parent == own
    plain = catalog.regions(full, scene.id, "superpoint")
    assert all(one.views == () and one.parent is None and one.oriented_box is not None for one in plain)


def catalog_regions(store: Database, feature_set: int, level: Level) -> dict[int, object]:
    from ovstore.store.catalog.regions import load_regions

    return {one.ordinal: one for one in load_regions(store, feature_set, small_scene.SPACE, level).regions}


def test_the_evidence_of_a_hit_says_which_frame_and_how_large_its_image_is(full: Database, crowd: Crowd) -> None:
    for ungrouped in (True, False):
        hit = search(full, Query(crowd.word(int(crowd.thing_of["hall"][0])), crowd.space, ungrouped=ungrouped))[0]
        [view] = hit.evidence
        [frame] = catalog.load_frames(full, catalog.find_scene(full, "hall").id)
        assert (view.ordinal, view.camera) == (0, frame.camera) and view.camera.width == 64


@pytest.mark.parametrize(
    "after", ["", "x", "é", "W10", token("-points", [1]), token("-points", ["a", 1]), "A" * 99_999]
)
def test_what_is_no_end_of_a_page_is_refused(full: Database, after: str) -> None:
    scene = catalog.find_scene(full, "hall").id
    with pytest.raises(BadInput, match="is not where a page ended"):
        catalog.regions(full, scene, after=after)
    with pytest.raises(BadInput, match="keep the order"):
        catalog.regions(full, scene, after=token("ordinal", [1, 2]))
    with pytest.raises(BadInput, match="A page has 1 to 10,000 rows, not 0"):
        catalog.regions(full, scene, limit=0)


def test_a_token_gives_its_key_back() -> None:
    assert list(key_of(token("name", ["a/ü\n👩", 5]), "name", (str, int))) == ["a/ü\n👩", 5]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PointCloud]:
    """More points than a row group holds, in an order in which neighbours are near."""
    random = np.random.default_rng(0)
    xyz = random.normal(size=(150_000, 3))
    xyz = xyz[np.argsort(xyz[:, 0])]
    points = PointCloud(xyz=xyz, rgb=random.integers(0, 256, xyz.shape, dtype=np.uint8))
    path = tmp_path_factory.mktemp("points") / "points.parquet"
    order = np.arange(len(xyz), dtype=np.int32)
    parquet.write_points(path, points, order // 1000, order)
    return path, points


def test_row_groups_are_the_cloud_in_pieces_each_inside_its_box(large: tuple[Path, PointCloud]) -> None:
    path, points = large
    groups = parquet.point_row_groups(path)
    assert [(group.start, group.stop) for group in groups] == [(0, 65_536), (65_536, 131_072), (131_072, 150_000)]
    for number, group in enumerate(groups):
        columns = parquet.read_point_columns(path, ["z", "x", "y"], [number])
        xyz = np.stack([columns[axis] for axis in "xyz"], axis=1)
        np.testing.assert_array_equal(xyz, points.xyz[group.start : group.stop])
        assert (tuple(xyz.min(axis=0)), tuple(xyz.max(axis=0))) == (group.low, group.high)
    some = parquet.read_point_columns(path, ["superpoint"], [2, 0])
    assert list(some) == ["superpoint"] and len(some["superpoint"]) == 65_536 + 18_928
    assert some["superpoint"][0] == 131 and parquet.superpoint_count(path) == 150


def test_columns_of_a_scene_are_those_of_its_cloud(full: Database) -> None:
    scene = catalog.find_scene(full, "room").id
    whole = catalog.load_points(full, scene)
    columns = catalog.load_points(full, scene, columns=["r", "g", "b", "superpoint"])
    np.testing.assert_array_equal(np.stack([columns[name] for name in "rgb"], axis=1), whole.points.rgb)
    np.testing.assert_array_equal(columns["superpoint"], whole.superpoint)
    with pytest.raises(BadInput, match=r"no column 'w'\. They have: x, y, z"):
        catalog.load_points(full, scene, columns=["w"])
    with pytest.raises(BadInput, match="no row group 1: they have 1, numbered from 0"):
        catalog.load_points(full, scene, columns=["x"], row_groups=[1])
    [group] = loading.row_groups(full, scene)
    assert group.low == tuple(whole.points.xyz.min(axis=0)) and group.stop == len(whole)


def test_each_superpoint_has_its_object(full: Database) -> None:
    scene = catalog.find_scene(full, "room").id
    small = small_scene.make("room")
    seen = np.unique(small.superpoint[small.features.point_index])
    expected = np.full(small.superpoint.max() + 1, -1)
    expected[seen] = small.object_of_superpoint[seen]
    np.testing.assert_array_equal(loading.load_object_of_superpoint(full, scene, "toy"), expected)
    with pytest.raises(NotFound, match="no features named 'none'"):
        loading.load_object_of_superpoint(full, scene, "none")
