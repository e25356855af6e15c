"""`ovstore ingest --masks FOLDER`: objects of a scene from the 2D masks of its frames, from files to the store."""

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql
import toy_room
from click.testing import Result
from command_line import ovstore
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.ingest.regions.masks.cut import cut_along
from ovstore.ingest.regions.masks.superpoints import object_of_superpoint
from ovstore.store.catalog import catalog
from ovstore.store.files import parquet
from ovstore.store.postgres import thing_trees
from ovstore.store.postgres.database import Database
from PIL import Image

FRAMES = 6


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room", FRAMES)


def ids_of(frame: int) -> NDArray[np.uint8]:
    """(H, W) 1..5 for the boxes of the toy room, 0 elsewhere; another frame numbers them in another order."""
    colour, _ = toy_room.render(toy_room.poses(FRAMES)[frame])
    ids = np.zeros(colour.shape[:2], np.uint8)
    for number, (_, _, paint) in enumerate(toy_room.BOXES.values()):
        ids[(colour == paint).all(axis=2)] = (number + frame) % len(toy_room.BOXES) + 1
    return ids


def write_masks(folder: Path, frames: range = range(FRAMES), scale: int = 1, empty: bool = False) -> Path:
    (folder / "room").mkdir(parents=True)
    for frame in frames:
        ids = np.repeat(np.repeat(ids_of(frame), scale, 0), scale, 1) * (not empty)
        Image.fromarray(ids.astype(np.uint8)).save(folder / "room" / f"{frame:04d}.png")
    return folder


def ingest(store: Database, room: Path, *more: object) -> Result:
    return ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", *more)


def box_objects(store: Database) -> list[int]:
    """For each box of the room, how many objects hold its points, floor left out."""
    [scene] = catalog.scenes(store)
    held = catalog.load_points(store, scene.id)
    found = catalog.load_features(store, scene.id, "color_words")
    [info] = catalog.feature_sets(store)
    of_point = parquet.read_objects(store.file(info.features_file), held.superpoint)
    counts = []
    for low, high, _ in toy_room.BOXES.values():
        xyz = held.points.xyz
        inside = ((xyz > np.array(low) + 0.03) & (xyz < np.array(high) - 0.03)).sum(axis=1) >= 2
        inside &= (xyz > np.array(low) - 0.02).all(axis=1) & (xyz < np.array(high) + 0.02).all(axis=1)
        inside &= (xyz[:, 2] > 0.05) & np.isin(np.arange(len(xyz)), found.point_index)
        counts.append(len(np.unique(of_point[inside])))
    return counts


def test_each_thing_that_masks_show_is_one_object(store: Database, room: Path, tmp_path: Path) -> None:
    result = ingest(store, room, "--object-masks", write_masks(tmp_path / "masks"), "--objects", "masks")
    assert result.exit_code == 0, result.output
    assert "masks: 5 objects from " in result.output
    assert f"of {FRAMES} frames" in result.output
    assert box_objects(store) == [1] * 5


def test_masks_of_another_size_than_the_images_give_the_same(store: Database, room: Path, tmp_path: Path) -> None:
    for scale in (1, 3):
        masks = write_masks(tmp_path / f"masks{scale}", scale=scale)
        result = ingest(store, room, "--object-masks", masks, "--again")
        assert "masks: 5 objects from " in result.output, result.output
    assert len(catalog.feature_sets(store)) == 1


def test_the_same_masks_are_up_to_date_and_others_are_not(store: Database, room: Path, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks")
    assert "1 ingested" in ingest(store, room, "--object-masks", masks).stdout
    assert "1 up to date" in ingest(store, room, "--object-masks", masks).stdout
    (masks / "room" / "0000.png").unlink()
    again = ingest(store, room, "--object-masks", masks)
    assert "1 ingested" in again.stdout
    assert "1 of 6 frames without masks" in again.output


def test_objects_from_masks_are_not_replaced_unasked(store: Database, room: Path, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks")
    ingest(store, room, "--object-masks", masks)
    for more, said in [
        ((), "made with --masks"),
        (("--object-masks", masks, "--objects", "masks"), "made with --objects both, not masks"),
        (("--object-masks", masks, "--objects", "both", "--compat", "maskclustering"), "made by other rules for masks"),
    ]:
        refused = ingest(store, room, *more)
        assert (refused.exit_code, said in refused.output) == (1, True), refused.output
        assert "--features NAME keeps both, --again replaces them" in refused.output
    assert ingest(store, room, "--again").exit_code == 0


def test_a_recipe_without_masks_does_not_speak_of_them(store: Database, room: Path, tmp_path: Path) -> None:
    ingest(store, room)
    ingest(store, room, "--object-masks", write_masks(tmp_path / "masks"), "--features", "masked")
    plain, masked = sorted(catalog.feature_sets(store), key=lambda found: "masks" in found.recipe)
    assert "masks" not in plain.recipe
    assert masked.recipe["masks"]["merged_by"] == "both"
    assert str(tmp_path) not in str(masked.recipe)


def test_masks_that_fit_no_frame_are_one_sentence_and_nothing_is_stored(
    store: Database, room: Path, tmp_path: Path
) -> None:
    masks = write_masks(tmp_path / "masks")
    for path in (masks / "room").iterdir():
        path.rename(path.with_name(f"view_{int(path.stem) + 500}.png"))
    result = ingest(store, room, "--object-masks", masks)
    assert result.exit_code == 1
    assert "none of the scene's 6 frames, such as '0000', has a mask file" in result.output
    assert "such as 'view_500'" in result.output
    assert catalog.scenes(store) == []


def test_masks_without_a_mask_are_refused(store: Database, room: Path, tmp_path: Path) -> None:
    result = ingest(store, room, "--object-masks", write_masks(tmp_path / "masks", empty=True))
    assert result.exit_code == 1
    assert "no mask of 6 frames shows 10 points" in result.output
    assert catalog.scenes(store) == []


def test_images_with_65535_numbers_are_refused_and_a_few_large_numbers_are_not(
    store: Database, room: Path, tmp_path: Path
) -> None:
    masks = write_masks(tmp_path / "masks")
    first = masks / "room" / "0000.png"
    Image.fromarray(np.where(ids_of(0) > 0, 65530 + ids_of(0).astype(np.uint16), 0).astype(np.uint16)).save(first)
    assert "masks: 5 objects from " in ingest(store, room, "--object-masks", masks).output
    Image.fromarray(np.arange(256 * 256, dtype=np.uint16).reshape(256, 256)).save(first)
    result = ingest(store, room, "--object-masks", masks, "--again")
    assert (result.exit_code, "0000.png: more than 5,000 masks in one frame" in result.output) == (1, True)
    [kept] = catalog.feature_sets(store)  # what was there before
    assert kept.state == "ready"


def test_what_needs_masks_says_so(store: Database, room: Path, tmp_path: Path) -> None:
    for more in (("--objects", "both"), ("--compat", "maskclustering")):
        result = ingest(store, room, *more)
        assert (result.exit_code, " ".join(more) + " needs 2D masks of things" in result.output) == (2, True)
    result = ingest(store, room, "--object-masks", tmp_path / "absent")
    assert "is no folder" in result.output


def test_a_superpoint_is_of_the_object_that_holds_most_of_what_is_seen_of_it() -> None:
    superpoint = np.array([0] * 4 + [1] * 4 + [2] * 6 + [3] * 4, np.int32)
    seen = np.array([0, 1, 2, *range(4, 14)], np.int32)
    owner = object_of_superpoint([np.array([0, 1, 4]), np.array([5, 6, 7, 8])], superpoint, seen)
    assert owner.tolist() == [0, 1, -1, -1]  # a sixth is too little


def test_a_superpoint_of_two_objects_is_cut_and_the_others_stay() -> None:
    superpoint = np.array([0] * 40 + [1] * 30 + [0] * 4, np.int32)
    xyz = np.zeros((74, 3))
    xyz[:, 0] = np.arange(74)
    left, right = np.arange(2, 18), np.arange(22, 38)
    cut = cut_along(superpoint, [right, left, np.arange(40, 45)], xyz)
    assert cut.tolist() == [0] * 20 + [1] * 20 + [2] * 30 + [1] * 4  # what no object holds goes with the nearest
    unheld = cut_along(superpoint, [np.arange(40)], xyz)
    np.testing.assert_array_equal(unheld, superpoint)
    slivers = cut_along(superpoint, [left, np.arange(30, 34)], xyz)
    np.testing.assert_array_equal(slivers, superpoint)
    np.testing.assert_array_equal(cut_along(superpoint, [], xyz), superpoint)


def halves(folder: Path) -> Path:
    """Masks of the left and the right half of the green box, which is one surface of one colour."""
    (folder / "room").mkdir(parents=True)
    for frame, pose in enumerate(toy_room.poses(FRAMES)):
        colour, depth = toy_room.render(pose)
        v, u = np.mgrid[: toy_room.HEIGHT, : toy_room.WIDTH]
        middle = np.array([(toy_room.WIDTH - 1) / 2, (toy_room.HEIGHT - 1) / 2])
        ray = np.stack([(u - middle[0]) / toy_room.FOCAL, (v - middle[1]) / toy_room.FOCAL, np.ones(u.shape)], axis=-1)
        x = (ray * depth[..., None] @ pose[:3, :3].T + pose[:3, 3])[..., 0]
        green = (colour == toy_room.BOXES["green"][2]).all(axis=2)
        Image.fromarray(np.where(green, 1 + (x > 0.8), 0).astype(np.uint8)).save(folder / "room" / f"{frame:04d}.png")
    return folder


def straddling(store: Database) -> int:
    """Superpoints with ten points of either half of the green box, away from the border."""
    held = catalog.load_points(store, catalog.scenes(store)[0].id)
    low, high, _ = (np.array(side) for side in toy_room.BOXES["green"])
    xyz = held.points.xyz
    inside = (xyz > low - 0.01).all(axis=1) & (xyz < high + 0.01).all(axis=1) & (xyz[:, 2] > 0.05)
    sides = [inside & (xyz[:, 0] < 0.75), inside & (xyz[:, 0] > 0.85)]
    count = int(held.superpoint.max()) + 1
    left, right = (np.bincount(held.superpoint[side], minlength=count) for side in sides)
    return int(((left >= 10) & (right >= 10)).sum())


def test_new_superpoints_are_cut_along_masks_and_stored_ones_of_others_are_not(
    store: Database, room: Path, tmp_path: Path
) -> None:
    masks = halves(tmp_path / "masks")
    ingest(store, room)
    assert straddling(store) > 0
    uncut = catalog.scenes(store)[0].geometry
    beside = ingest(store, room, "--object-masks", masks, "--features", "masked")
    assert (beside.exit_code, straddling(store) > 0, "masks" in uncut) == (0, True, False)
    assert "not cut along the masks: color_words stand" in beside.output
    assert "1 up to date" in ingest(store, room, "--object-masks", masks, "--features", "masked").stdout
    assert catalog.scenes(store)[0].geometry == uncut

    again = ingest(store, room, "--object-masks", masks, "--features", "masked", "--again")
    assert (again.exit_code, straddling(store)) == (0, 0)
    assert " superpoints cut into " in again.output
    assert "1 up to date" in ingest(store, room, "--object-masks", masks, "--features", "masked").stdout
    assert ingest(store, room).exit_code == 0  # another feature set stands on the same superpoints
    assert (straddling(store), len(catalog.feature_sets(store))) == (0, 2)
    assert ingest(store, room, "--again").exit_code == 0
    assert straddling(store) > 0 and catalog.scenes(store)[0].geometry == uncut


@pytest.mark.parametrize("merged_by", ["both", "masks", "features"])
def test_regions_made_again_keep_the_objects_from_masks(
    store: Database, room: Path, tmp_path: Path, merged_by: str
) -> None:
    from ovstore.ingest.regions.again import regions_again

    ingest(store, room, "--object-masks", write_masks(tmp_path / "masks"), "--objects", merged_by)
    [before] = catalog.feature_sets(store)
    with store.connect() as connection:
        tree = thing_trees.load(connection, before.id)
        connection.execute(sql.text("DELETE FROM regions WHERE ordinal % 2 = 0"))
    regions_again(store, before)
    [after] = catalog.feature_sets(store)
    with store.connect() as connection:
        assert thing_trees.load(connection, after.id) == tree
        connection.execute(sql.text("DELETE FROM thing_trees"))
    assert after.content_digest == before.content_digest
    with pytest.raises(BadInput, match="its tree of things, which tells what they held, is gone or damaged"):
        regions_again(store, after)
