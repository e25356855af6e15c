"""Masked pixels give no features and no points, in every format that has masks."""

import json
from dataclasses import fields
from pathlib import Path

import generated_room
import numpy as np
import pytest
import toy_room
from colmap_room import load as load_colmap
from command_line import ovstore
from ovstore.core.errors import BadScene
from ovstore.core.features import Correspondence
from ovstore.core.scene import Scene
from ovstore.ingest.datasets import nerfstudio, rgbd
from ovstore.ingest.files.masks import read_mask
from ovstore.ingest.fusion.masks import unmasked
from ovstore.ingest.recipe import GeometryRequest, geometry
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from PIL import Image

HALF = toy_room.WIDTH // 2


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """The toy room with masks whose left half is black."""
    folder = toy_room.write(tmp_path / "room", 6)
    mask = np.zeros((toy_room.HEIGHT, toy_room.WIDTH), np.uint8)
    mask[:, HALF:] = 255
    (folder / "masks").mkdir()
    for path in (folder / "color").iterdir():
        Image.fromarray(mask).save(folder / "masks" / f"{path.name}.png")  # 0000.png.png, as COLMAP names them
    return folder


def load(room: Path, **options: object) -> Scene:
    return rgbd.load_scene(room, room.name, rgbd.Options(**options), room / "unused")  # type: ignore[arg-type]


def test_masked_pixels_give_no_points(room: Path) -> None:
    whole, masked = load(room), load(room, masks="masks")
    assert len(masked.points) < 0.8 * len(whole.points)
    assert any(finding.startswith("masks: of 6 of 6 frames; pixels that are 0") for finding in masked.findings)
    assert all(frame.mask_path is None for frame in whole.frames), "a folder of that name alone is no wish"


def test_masked_pixels_give_no_features(store: Database, room: Path) -> None:
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", "--masks", "masks")
    assert result.exit_code == 0, result.output
    [scene] = catalog.scenes(store)
    columns = np.concatenate([seen.uv[:, 0] for seen in catalog.load_correspondences(store, scene.id)])
    assert len(columns) > 1000 and columns.min() >= HALF - 0.5
    again = ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", "--features", "second")
    assert "geometry as stored: --masks masks" in again.output, again.output


def test_what_falls_on_a_mask_is_not_seen(room: Path) -> None:
    frame = load(room, masks="masks").frames[0]
    uv = np.array(
        [[HALF - 0.6, 5], [HALF - 0.4, 5], [0, 0], [toy_room.WIDTH - 0.51, toy_room.HEIGHT - 0.51]], np.float32
    )
    seen = Correspondence(0, np.array([3, 5, 8, 9], np.int32), uv, np.ones(4, np.float32))
    assert unmasked(seen, frame).point_index.tolist() == [5, 9]


def test_an_option_left_at_its_default_is_no_part_of_the_recipe(tmp_path: Path) -> None:
    def options(chosen: object) -> set[str]:
        return set(geometry(GeometryRequest("d", "rgbd", tmp_path, chosen))["dataset"]["options"])

    later = {item.name for item in fields(rgbd.Options) if item.metadata.get("later")}
    assert {"masks", "pose_key", "pose_gap", "quaternion"} <= later
    assert not options(rgbd.Options()) & later
    assert options(rgbd.Options(masks="masks", quaternion="wxyz")) & later == {"masks", "quaternion"}


def test_masks_that_belong_to_no_image_or_have_another_size_are_refused(room: Path) -> None:
    with pytest.raises(BadScene, match="no masks at --masks nowhere"):
        load(room, masks="nowhere")
    path = room / "masks/0000.png.png"
    Image.open(path).resize((8, 6)).save(path)
    with pytest.raises(BadScene, match="a mask of 8x6 pixels for an image of 160x120"):
        load(room, masks="masks")


def test_masks_of_a_transforms_file_are_used_unless_told_otherwise(tmp_path: Path) -> None:
    room = generated_room.write("nerfstudio", tmp_path / "room")
    body = json.loads((room / "transforms.json").read_text())
    mask = np.zeros((body["h"], body["w"]), np.uint8)
    mask[:, body["w"] // 2 :] = 1
    Image.fromarray(mask).save(room / "mask.png")
    for entry in body["frames"]:
        entry["mask_path"] = "mask.png"
    (room / "transforms.json").write_text(json.dumps(body))

    def loaded(**options: object) -> Scene:
        chosen = nerfstudio.Options(**options)  # type: ignore[arg-type]
        return nerfstudio.load_scene(room, room.name, chosen, tmp_path / "unpacked")

    frame = loaded().frames[0]  # its lens bends: the mask is straightened with the picture
    shown = read_mask(frame)
    middle = shown.shape[1] // 2
    assert shown[:, middle + 3 :].all() and not shown[:, : middle - 3].any()
    assert all(frame.mask_path is None for frame in loaded(ignore_masks=True).frames)
    (room / "mask.png").unlink()
    with pytest.raises(BadScene, match=r"no file at mask_path mask\.png; leave masks out: --ignore-masks"):
        loaded()


def test_masks_of_a_colmap_workspace_are_those_of_the_images_names(tmp_path: Path) -> None:
    room = generated_room.write("colmap", tmp_path / "room")
    (room / "masks").mkdir()
    with pytest.raises(BadScene, match=r"no mask NAME\.png for any of 8 images"):
        load_colmap(room, masks="masks")
    Image.new("L", (160, 120), 255).save(room / "masks/0000.jpg.png")
    scene = load_colmap(room, masks="masks")
    assert [frame.name for frame in scene.frames if frame.mask_path is not None] == ["0000"]
    assert read_mask(scene.frames[0]).all()
