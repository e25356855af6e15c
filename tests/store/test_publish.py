"""Publishing: whole or not at all, once, and as it was given."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_scene
from ovstore.core.errors import BadInput, BadScene, DatabaseError, NotFound, SpaceMismatch
from ovstore.core.features import LEVELS, EmbeddingSpace, PointFeatures
from ovstore.store.catalog import catalog, loading
from ovstore.store.catalog.regions import load_regions, load_scene_vectors
from ovstore.store.files import parquet
from ovstore.store.maintain import forget, verify
from ovstore.store.postgres import locks
from ovstore.store.postgres.database import Database
from ovstore.store.publish import publish
from psycopg.errors import CheckViolation
from sqlalchemy import text


def assert_equal(before: Any, after: Any) -> None:
    """Equal in every field, arrays included."""
    if isinstance(before, np.ndarray):
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)
    elif is_dataclass(before):
        for field in fields(before):
            assert_equal(getattr(before, field.name), getattr(after, field.name))
    elif isinstance(before, list | tuple):
        assert len(after) == len(before)
        for one, other in zip(before, after, strict=True):
            assert_equal(one, other)
    elif isinstance(before, float):
        assert np.float32(after) == np.float32(before)  # radius and boxes are real columns
    else:
        assert after == before


def test_what_is_published_reads_back_equal(store: Database) -> None:
    small = small_scene.make()
    scene_id, feature_set_id = small.publish(store)
    held = catalog.load_points(store, scene_id)
    assert_equal(small.scene.points, held.points)
    assert_equal(small.superpoint, held.superpoint)
    assert_equal(small.original_index, held.original_index)
    assert_equal(small.scene.frames, catalog.load_frames(store, scene_id))
    assert_equal(small.correspondences, catalog.load_correspondences(store, scene_id))
    assert_equal(small.features, catalog.load_features(store, scene_id, "toy"))
    for regions in small.regions:
        assert_equal(regions, load_regions(store, feature_set_id, small_scene.SPACE, regions.level))
    assert_equal(small.scene_vectors, load_scene_vectors(store, feature_set_id, small_scene.SPACE))


def test_rows_of_a_region_are_its_points(store: Database) -> None:
    small = small_scene.make()
    scene_id, _ = small.publish(store)
    of_point = {"superpoint": small.superpoint, "object": small.object_of_superpoint[small.superpoint]}
    [features] = catalog.feature_sets(store)
    for level in LEVELS:
        for region in catalog.regions(store, scene_id, level):
            points, _ = parquet.read_feature_rows(store.file(features.features_file), region.row_start, region.row_stop)
            seen = small.features.point_index
            assert sorted(points) == seen[of_point[level][seen] == region.ordinal].tolist()


def test_publishing_the_same_again_changes_nothing(store: Database) -> None:
    first = small_scene.make().publish(store)
    before = small_scene.files_of(store), catalog.feature_sets(store), catalog.scenes(store)
    assert small_scene.make().publish(store) == first
    assert (small_scene.files_of(store), catalog.feature_sets(store), catalog.scenes(store)) == before


@pytest.mark.parametrize("damage", ["a flipped bit", "another file of the name", "nothing there"])
@pytest.mark.parametrize("file", ["points", "correspondences", "features"])
def test_publishing_the_same_again_heals_a_damaged_file_and_keeps_what_stands_on_it(
    store: Database, tmp_path: Path, file: str, damage: str
) -> None:
    (tmp_path / "0.jpg").touch()
    small = small_scene.make(pictures=tmp_path)
    first = small.publish(store)
    small_scene.with_other_points(small_scene.make("other")).publish(store)
    [other, scene] = sorted(catalog.scenes(store), key=lambda held: held.name)
    [other_set, own_set] = sorted(catalog.feature_sets(store), key=lambda held: held.scene)
    pairs = {
        "points": (scene.points_file, other.points_file),
        "correspondences": (scene.correspondences_file, other.correspondences_file),
        "features": (own_set.features_file, other_set.features_file),
    }
    path, foreign = (store.file(name) for name in pairs[file])
    if damage == "nothing there":
        path.unlink()
    elif damage == "a flipped bit":
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 4
        path.write_bytes(content)
    else:
        path.write_bytes(foreign.read_bytes() if file != "correspondences" else b"PAR1")
    assert small.publish(store) == first
    assert [found.problem for found in verify.check(store, contents=True) if "scans/room" in found.subject] == []
    assert verify.orphans(store) == []


def test_publishing_the_same_again_heals_rows_that_somebody_changed(store: Database, tmp_path: Path) -> None:
    (tmp_path / "0.jpg").touch()
    small = small_scene.make(pictures=tmp_path)
    scene_id, _ = small.publish(store)
    for change in (
        "UPDATE frames SET camera_to_world[4] = 7 WHERE ordinal = 1",
        "UPDATE scenes SET up_axis = 'y'",
        "UPDATE regions SET centre[1] = 9 WHERE ordinal = 1",
        "DELETE FROM scene_vectors WHERE kind = 'mean'",
    ):
        with store.driver_connection() as connection:
            connection.execute(change)
        assert [finding.subject for finding in verify.check(store, contents=True)], change
        assert small.publish(store)[0] == scene_id
        assert verify.check(store, contents=True) == [], change
    with store.driver_connection() as connection:
        connection.execute("DELETE FROM frames WHERE ordinal = 2")
    small.publish(store)
    assert verify.check(store, contents=True) == []


def test_the_same_content_has_the_same_digest_in_another_store_place_and_order(store: Database) -> None:
    small = small_scene.make()
    small.publish(store, "scans")
    moved = small_scene.make(pictures=Path("/elsewhere"))
    moved = replace(moved, correspondences=moved.correspondences[::-1], regions=moved.regions[::-1])
    moved.publish(store, "copies")
    assert len({scene.content_digest for scene in catalog.scenes(store)}) == 1
    assert len({features.content_digest for features in catalog.feature_sets(store)}) == 1
    assert verify.check(store, contents=True)[0].problem.startswith("its images are no longer where they were")


def test_pictures_that_moved_keep_their_features(store: Database) -> None:
    scene_id, feature_set_id = small_scene.make().publish(store)
    small_scene.make(pictures=Path("/elsewhere")).publish_geometry(store)
    assert catalog.load_frames(store, scene_id)[1].image_path == Path("/elsewhere/1.jpg")
    assert [features.id for features in catalog.feature_sets(store)] == [feature_set_id]


def test_pictures_inside_the_store_move_with_it(store: Database) -> None:
    inside = store.path / "unpacked" / "scans"
    scene_id = small_scene.make(pictures=inside).publish_geometry(store)
    with store.driver_connection() as connection:
        stored = connection.execute("SELECT image_path FROM frames ORDER BY ordinal LIMIT 1").fetchone()
    assert stored == ("unpacked/scans/0.jpg",)
    assert catalog.load_frames(store, scene_id)[0].image_path == inside / "0.jpg"


def test_points_without_pictures_are_a_scene_when_that_is_said(store: Database) -> None:
    small = small_scene.make()
    with pytest.raises(BadScene, match="no usable frame"):
        replace(small.scene, frames=())
    regions = tuple(
        replace(level, regions=tuple(replace(region, views=()) for region in level.regions)) for level in small.regions
    )
    bare = replace(small.scene, frames=(), points_only=True)
    small = replace(small, scene=bare, correspondences=[], regions=regions)
    scene_id, _ = small.publish(store)
    assert small.publish(store)[0] == scene_id
    assert catalog.load_frames(store, scene_id) == ()
    assert catalog.load_correspondences(store, scene_id) == []
    assert verify.check(store, contents=True) == []


@pytest.mark.parametrize("change", ["points", "recipe"])
def test_another_geometry_takes_the_place_of_the_old_one_and_its_features(store: Database, change: str) -> None:
    small = small_scene.make()
    old, _ = small.publish(store)
    if change == "points":
        new = small_scene.with_other_points(small).publish_geometry(store)
    else:
        new = small.publish_geometry(store, recipe={"visibility": {"depth_tolerance": 0.1}})
    assert [scene.id for scene in catalog.scenes(store)] == [new] != [old]
    assert catalog.feature_sets(store) == []
    assert len(small_scene.files_of(store)) == 3
    assert verify.orphans(store) == []
    with pytest.raises(NotFound, match="replaced or forgotten"):
        small.publish_features(store, old)


def test_a_name_means_one_feature_set_of_a_scene(store: Database) -> None:
    small = small_scene.make()
    scene_id, old = small.publish(store)
    new = small.publish_features(store, scene_id, recipe={"encoder": {"name": "toy", "options": {"size": 2}}})
    other = small.publish_features(store, scene_id, "other", {"encoder": {"name": "other", "options": {}}})
    assert sorted((features.id, features.name) for features in catalog.feature_sets(store)) == [
        (new, "toy"), (other, "other"),
    ]  # fmt: skip
    assert old not in (new, other)
    assert verify.orphans(store) == []


def test_an_equal_recipe_under_another_name_leaves_the_first_where_it_is(store: Database) -> None:
    small = small_scene.make()
    scene_id, first = small.publish(store)
    second = small.publish_features(store, scene_id, "second")
    held = catalog.feature_sets(store)
    assert [(found.id, found.name) for found in held] == [(second, "second"), (first, "toy")]
    assert held[0].content_digest == held[1].content_digest
    assert verify.check(store, contents=True)[1:] == []  # the first says that its images are not there


def test_up_to_date_means_equal_recipe_and_files_that_are_there(store: Database) -> None:
    scene_id, feature_set_id = small_scene.make().publish(store)
    found = lambda: (  # noqa: E731
        catalog.ready_geometry(store, "scans", "room", small_scene.GEOMETRY),
        catalog.ready_feature_set(store, "scans", "room", "toy", small_scene.FEATURES),
    )
    assert found() == (scene_id, feature_set_id)
    assert catalog.ready_geometry(store, "scans", "room", {"visibility": {"depth_tolerance": 0.051}}) is None
    assert catalog.ready_feature_set(store, "scans", "hall", "toy", small_scene.FEATURES) is None
    assert catalog.ready_feature_set(store, "scans", "room", "other", small_scene.FEATURES) is None
    store.file(catalog.feature_sets(store)[0].features_file).unlink()
    assert found() == (scene_id, None)
    store.file(catalog.scenes(store)[0].points_file).unlink()
    assert found() == (None, None)
    small_scene.make().publish(store)
    assert None not in found()


def test_an_error_leaves_no_file_behind(store: Database) -> None:
    scene_id = small_scene.make().publish_geometry(store)
    before = small_scene.files_of(store)
    with store.connect() as connection:
        connection.execute(text("ALTER TABLE scene_vectors ADD CHECK (kind = 'nothing')"))
    with pytest.raises(CheckViolation):
        small_scene.make().publish_features(store, scene_id)
    assert small_scene.files_of(store) == before
    assert catalog.feature_sets(store) == []


def test_many_publish_the_same_scene_at_once_and_one_wins(store: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: small_scene.make().publish(store), range(4)))
    assert len(set(done)) == 1
    assert len(catalog.scenes(store)) == len(catalog.feature_sets(store)) == 1
    assert verify.orphans(store) == []


def test_many_publish_many_scenes_of_a_new_dataset_at_once(store: Database) -> None:
    """Region ids become visible in ascending order: an index that knows the last one has missed none."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: small_scene.make(f"room{number}", number).publish(store), range(8)))
    assert len(catalog.scenes(store)) == 8
    with store.driver_connection() as connection:
        rows = connection.execute(
            "SELECT feature_set_id, min(id), max(id) FROM regions GROUP BY 1 ORDER BY 1"
        ).fetchall()
    edges = [edge for _, low, high in rows for edge in (low, high)]
    assert edges == sorted(edges)


def test_a_reader_whose_file_is_replaced_under_it_reads_the_new_one(store: Database) -> None:
    small = small_scene.make()
    scene_id, _ = small.publish(store)
    published: list[int] = []

    def read_too_late(found: tuple[Path, EmbeddingSpace]) -> PointFeatures:
        if not published:
            published.append(small.publish_features(store, scene_id, recipe={"encoder": "newer"}))
            assert not found[0].exists()
        return parquet.read_features(*found)

    held = loading.read_what_is_named(lambda: loading.features_file(store, scene_id, "toy"), read_too_late)
    assert_equal(small.features, held)
    assert [features.id for features in catalog.feature_sets(store)] == published
    small_scene.with_other_points(small).publish_geometry(store)
    with pytest.raises(NotFound, match="replaced or forgotten"):
        catalog.load_points(store, scene_id)


def test_geometry_and_features_that_are_published_together_replace_the_old_ones_together(store: Database) -> None:
    """An error between the two leaves the old geometry, and every feature set that stands on it."""
    old = small_scene.make()
    scene_id, _ = old.publish(store)
    old.publish_features(store, scene_id, "second")
    before = catalog.scenes(store), catalog.feature_sets(store), small_scene.files_of(store)
    new = small_scene.with_other_points(old)

    def publish_both(fail: bool) -> None:
        with publish.publishing(store) as at:
            made = at.geometry(
                "scans", "rgbd", new.scene, new.superpoint, new.original_index, new.correspondences, {"made": "anew"}
            )
            if fail:
                raise KeyboardInterrupt
            at.features(
                made, "toy", new.features.space, {"made": "anew"}, "fused", new.features, new.object_of_superpoint,
                new.regions, new.scene_vectors,
            )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        publish_both(fail=True)
    assert (catalog.scenes(store), catalog.feature_sets(store), small_scene.files_of(store)) == before
    publish_both(fail=False)
    assert [found.name for found in catalog.feature_sets(store)] == ["toy"]
    assert verify.orphans(store) == []


def test_nobody_removes_files_while_somebody_publishes(store: Database) -> None:
    with store.connect() as publisher, Database(store.path, store.conninfo) as elsewhere:
        locks.publishing(publisher)
        with elsewhere.connect() as another:
            locks.publishing(another)
        with pytest.raises(DatabaseError, match="being published for 1 seconds"), elsewhere.connect() as cleaner:
            locks.removing(cleaner, seconds=1)
    with store.connect() as cleaner:
        locks.removing(cleaner, seconds=1)


def test_parts_that_do_not_agree_are_refused(store: Database) -> None:
    small = small_scene.make()
    for wrong, sentence in (
        (replace(small, superpoint=small.superpoint[:-1]), "superpoint has shape"),
        (replace(small, original_index=small.original_index * 0), "not a permutation"),
        (replace(small, correspondences=small.correspondences * 2), "each of 0 to 2 once"),
    ):
        with pytest.raises(BadInput, match=sentence):
            wrong.publish_geometry(store)
    scene_id = small.publish_geometry(store)
    for wrong, sentence in (
        (replace(small, object_of_superpoint=small.object_of_superpoint[:3]), "3 superpoints have an object"),
        (replace(small, regions=small.regions[:1]), "Regions of levels"),
        (replace(small, object_of_superpoint=small.object_of_superpoint[::-1]), "do not match the features file"),
    ):
        with pytest.raises(BadInput, match=sentence):
            wrong.publish_features(store, scene_id)
    with pytest.raises(SpaceMismatch):
        other = EmbeddingSpace("other", 16, "")
        replace(small, features=small_scene.make(space=other).features).publish_features(store, scene_id)
    assert catalog.feature_sets(store) == []
    assert verify.orphans(store) == []


def test_a_scene_that_no_frame_sees_is_refused(store: Database) -> None:
    small = small_scene.make()
    nothing = replace(
        small.features,
        point_index=small.features.point_index[:0],
        vectors=small.features.vectors[:0],
        view_count=small.features.view_count[:0],
    )
    with pytest.raises(BadScene, match="No frame sees a point"):
        replace(small, features=nothing).publish_features(store, small.publish_geometry(store))


def test_a_dataset_keeps_to_one_reader(store: Database) -> None:
    small = small_scene.make()
    small.publish_geometry(store)
    with pytest.raises(BadInput, match="'rgbd', these are 'scannet'"):
        publish.publish_geometry(
            store, "scans", "scannet", replace(small.scene, name="hall"), small.superpoint, small.original_index,
            small.correspondences, {},
        )  # fmt: skip
    assert verify.orphans(store) == []


def test_names_in_any_script_are_kept_and_files_stay_inside(store: Database) -> None:
    small_scene.make("../Küche 3 厨房").publish(store, "Wöhnung/..")
    [scene] = catalog.scenes(store)
    assert scene.full_name == "Wöhnung/../../Küche 3 厨房"
    assert catalog.find_scene(store, scene.full_name) == scene
    assert all(file.isascii() for file in small_scene.files_of(store))
    assert forget.forget_scenes(store, [scene]).scenes == 1


def test_what_the_database_cannot_hold_is_named(store: Database) -> None:
    with pytest.raises(BadScene, match="not valid UTF-8"):
        small_scene.make(pictures=Path(os.fsdecode(b"/bad\xff"))).publish_geometry(store)
    small = small_scene.make()
    points = replace(small.scene.points, label_names={0: "chair\0"})
    with pytest.raises(BadScene, match="contains a NUL"):
        replace(small, scene=replace(small.scene, points=points)).publish_geometry(store)
    assert catalog.scenes(store) == []
