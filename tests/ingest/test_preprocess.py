"""OpenScene's processed files, made from raw scans and from the store: the original's numbers, and a way back."""

import json
import shutil
from pathlib import Path

import generated_room
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from command_line import ovstore
from ovstore.cli import main
from ovstore.core.scene import Camera, Scene
from ovstore.ingest.cameras.resizing import resize_bilinear, resize_nearest
from ovstore.ingest.compat.openscene import adjusted
from ovstore.ingest.datasets import openscene as importer
from ovstore.ingest.files.images import read_image
from ovstore.ingest.formats.openscene.splits import scannet_split
from ovstore.ingest.formats.scannet.nyu40 import NYU40
from ovstore.ingest.generated.formats import matterport, nuscenes, openscene, replica, rgbd, scannet
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from PIL import Image

NAME = "scene0000_00"
SCANS_OF_SPACES = """
    3223123113223311331221213313133321322132223232312134311322232231231321113431123233123233431153123122
    3622133112333233313123232132111331313311232321321132321312315312433132322321131114311122111332131311
    3313333313243132112132231121131332112223133121123131112331123422332133322231232331311141321322322312
    2323122312313311121141122211131231332331321122233232331232321341231223321213333133231313211133233222
    2112313222232113513333133241212121341212311122233316321123221112122133233263322322212112231122111131
    2331151133321123231121132321231122213113331313133211232123331211111232323233313323333234432322113333
    3212323234322332211121221232337312121111314113322213122341121133323312222622233221112331112253243421
    3332231111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111
    1111111
"""  # from 0000 on
REMAP = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39]


def raw(form, folder: Path) -> Path:  # type: ignore[no-untyped-def]
    """The generated room in another dataset's own files."""
    (folder / NAME).mkdir(parents=True)
    form.write(folder / NAME, generated_room.recording())
    form.write_set(folder, [NAME])
    return folder


def preprocess(form: str, source: Path, out: Path, *more: object) -> Result:
    return CliRunner().invoke(main, ["preprocess", form, str(source), str(out), *map(str, more)])


def points_of(path: Path) -> tuple:
    return tuple(torch.load(path, weights_only=False))


def load(root: Path, name: str = NAME, **options: object) -> Scene:
    return importer.load_scene(root, name, importer.Options(**options), Path("/nowhere"))


# The numbers of openscene.md


def test_columns_that_nearest_takes_are_those_of_opencv() -> None:
    columns = resize_nearest(np.arange(1296)[None], Camera(320, 1, 1, 1, 0, 0))[0]
    assert columns[:6].tolist() == [0, 4, 8, 12, 16, 20]
    assert columns[19:22].tolist() == [76, 81, 85]


def test_bilinear_goes_by_pixel_centres_and_takes_two_neighbours_only() -> None:
    image = np.array([[0, 100, 200, 300]], np.uint16)
    assert resize_bilinear(image, Camera(2, 1, 1, 1, 0, 0)).tolist() == [[50, 250]]
    assert resize_bilinear(image, Camera(8, 1, 1, 1, 0, 0)).tolist() == [[0, 25, 75, 125, 175, 225, 275, 300]]
    picture = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_bilinear(picture, Camera(16, 12, 1, 1, 0, 0)), picture)


def test_intrinsics_are_those_of_appendix_g() -> None:
    camera = adjusted(Camera(1280, 1024, 1076.0, 1076.5, 629.3, 509.1), 640, 512)
    found = (camera.fx, camera.fy, camera.cx, camera.cy)
    np.testing.assert_allclose(found, (538.0, 538.25, 314.403987, 254.301173), atol=1e-6)
    camera = adjusted(Camera(1600, 900, 1266.4172, 1266.4172, 816.267, 491.507), 800, 450)
    found = (camera.fx, camera.fy, camera.cx, camera.cy)
    np.testing.assert_allclose(found, (633.2086, 633.2086, 407.878257, 245.480137), atol=1e-6)


def test_the_split_of_a_scan_is_that_of_its_space() -> None:
    assert [scannet_split(f"scene{n:04d}_00") for n in (0, 11, 706, 704, 707, 806)] == [
        "train", "val", "train", "val", "test", "test"
    ]  # fmt: skip
    assert scannet_split("office0") is None
    scans = {"train": 0, "val": 0, "test": 0}
    for space, count in enumerate(SCANS_OF_SPACES.replace("\n", "").replace(" ", "")):
        scans[scannet_split(f"scene{space:04d}_00") or ""] += int(count)
    assert scans == {"train": 1201, "val": 312, "test": 100}


# From raw scans


@pytest.fixture(scope="module")
def from_scannet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scannet")
    result = preprocess("scannet", raw(scannet, folder / "scans"), folder / "data", "--frame-stride", 3)
    assert result.exit_code == 0, result.output
    assert "1 written, 0 already there, 0 failed." in result.stdout
    return folder / "data"


def test_scannet_is_written_as_the_original_writes_it(from_scannet: Path) -> None:
    recording = generated_room.recording()
    coords, colors, labels = points_of(from_scannet / f"scannet_3d/train/{NAME}_vh_clean_2.pth")
    assert (coords.dtype, colors.dtype, labels.dtype) == (np.float64, np.float64, np.float64)
    np.testing.assert_array_equal(coords, recording.mesh.xyz.astype(np.float64))
    np.testing.assert_array_equal(colors, recording.mesh.rgb / 127.5 - 1)
    nyu40 = np.array([placed.nyu40 for placed in recording.scene.objects])[recording.mesh.object_id]
    np.testing.assert_array_equal(labels, [REMAP.index(number) if number in REMAP else 255 for number in nyu40])
    assert set(nyu40) <= {0, *NYU40}
    folder = from_scannet / f"scannet_2d/{NAME}"
    tracked = [n for n in range(0, 9, 3) if np.isfinite(recording.frames[n].camera_to_world).all()]
    assert sorted(int(path.stem) for path in (folder / "color").iterdir()) == tracked
    assert np.loadtxt(from_scannet / "scannet_2d/intrinsics.txt").tolist() == [
        [288.9353025, 0, 159.5, 0], [0, 288.9353025, 119.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]
    ]  # fmt: skip
    first = recording.frames[tracked[0]]
    depth = np.asarray(Image.open(folder / f"depth/{tracked[0]}.png"))
    np.testing.assert_array_equal(depth, resize_nearest(first.depth, Camera(320, 240, 1, 1, 0, 0)))
    assert read_image(folder / f"color/{tracked[0]}.jpg").shape == (240, 320, 3)
    words = (folder / f"pose/{tracked[0]}.txt").read_text().split()
    np.testing.assert_allclose(np.array(words, float).reshape(4, 4), first.camera_to_world, atol=1e-6)
    assert all(len(word.partition(".")[2]) == 6 for word in words)


def test_what_is_there_is_left_alone_and_what_fails_leaves_nothing(from_scannet: Path, tmp_path: Path) -> None:
    scans = raw(scannet, tmp_path / "scans")
    (scans / "scene0001_00").mkdir()
    (scans / "scene0001_00/scene0001_00_vh_clean_2.ply").write_bytes(b"ply")
    out = tmp_path / "data"
    first = preprocess("scannet", scans, out, "--frame-stride", 4)
    assert first.exit_code == 1
    assert "scene0001_00  failed: " in first.stderr
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert not [path for path in before if "scene0001" in path.name or path.name.startswith(".")]
    shutil.rmtree(scans / "scene0001_00")
    assert "0 written, 1 already there, 0 failed." in preprocess("scannet", scans, out).stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    again = preprocess("scannet", scans, out, "--again", "--frame-stride", 8, "--json")
    assert json.loads(again.stdout)[0]["frames"] == len(list((out / f"scannet_2d/{NAME}/color").iterdir())) < 3


def test_a_scene_that_fails_is_named_once_and_moves_no_cursor(from_scannet: Path, tmp_path: Path) -> None:
    scans = raw(scannet, tmp_path / "scans")
    result = preprocess("scannet", scans, tmp_path / "data", "--scene", "sc\x1b[2J", "--scene", "scene0007_00")
    assert result.exit_code == 1
    odd, missing = result.stderr.splitlines()
    assert odd.startswith(r"sc\x1b[2J  failed: ")
    assert missing.startswith("scene0007_00  failed: no folder of that name")


def test_help_tells_of_the_defaults_that_openscene_has() -> None:
    shown = " ".join(CliRunner().invoke(main, ["preprocess", "nuscenes", "--help"]).output.split())
    assert "What becomes one scene: a whole drive of 20 s, or one keyframe of it. [default: keyframe]" in shown


def test_two_processes_write_what_one_does(from_scannet: Path, tmp_path: Path) -> None:
    preprocess("scannet", raw(scannet, tmp_path / "scans"), tmp_path / "data", "--frame-stride", 3, "--workers", 2)
    files = sorted(path.relative_to(from_scannet) for path in from_scannet.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path / "data") for p in (tmp_path / "data").rglob("*") if p.is_file())
    for file in files:
        assert (from_scannet / file).read_bytes() == (tmp_path / "data" / file).read_bytes()


def test_replica_keeps_its_stretched_pictures_and_historical_focal_length(tmp_path: Path) -> None:
    source = raw(replica, tmp_path / "raw")
    camera = source / NAME / "cam_params.json"
    told = json.loads(camera.read_text())
    told["camera"] |= {"fx": 106.0, "fy": 106.0}  # 90 degrees, as all of Replica
    camera.write_text(json.dumps(told))
    result = preprocess("replica", source, tmp_path / "data", "--frame-stride", 1)
    assert result.exit_code == 0, result.output
    matrix = np.loadtxt(tmp_path / "data/replica_2d/intrinsics.txt")
    assert (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]) == (317.5, 317.6470588235294, 319.5, 179.5)
    [path] = (tmp_path / "data/replica_3d").glob("*.pth")
    assert points_of(path)[2].dtype == np.int32
    scene = load(tmp_path / "data", path.stem)
    assert (scene.frames[0].camera.width, scene.frames[0].camera.height) == (640, 360)
    assert scene.frames[0].depth_scale == 6553.5


def test_regions_of_matterport_share_the_pictures_of_their_house(tmp_path: Path) -> None:
    result = preprocess("matterport", raw(matterport, tmp_path / "raw"), tmp_path / "data")
    assert result.exit_code == 0, result.output
    paths = sorted((tmp_path / "data/matterport_3d").rglob("*.pth"))
    assert len(paths) == 2
    assert points_of(paths[0])[2].dtype == np.int64
    [house] = (path for path in (tmp_path / "data/matterport_2d").iterdir() if path.is_dir())
    assert len(list((house / "intrinsic").iterdir())) == len(list((house / "color").iterdir())) > 1
    scene = load(tmp_path / "data/matterport_3d", paths[0].stem)
    assert (scene.frames[0].camera.width, scene.frames[0].camera.height) == (640, 512)
    larger = preprocess("matterport", tmp_path / "raw", tmp_path / "data", "--labels", 40)
    assert larger.exit_code == 0, larger.output
    assert len(list((tmp_path / "data/matterport_3d_40").rglob("*.pth"))) == 2


def test_nuscenes_has_neither_colours_nor_depth(tmp_path: Path) -> None:
    result = preprocess("nuscenes", raw(nuscenes, tmp_path / "raw"), tmp_path / "data")
    assert result.exit_code == 0, result.output
    path = next((tmp_path / "data/nuscenes_3d").rglob("*.pth"))
    coords, colors, labels = points_of(path)
    assert (colors, labels.dtype, coords.dtype) == (0, np.float64, np.float64)
    pictures = next((tmp_path / "data/nuscenes_2d").rglob("color")).parent
    names = sorted(file.stem for file in (pictures / "color").iterdir())
    assert set(names) <= {"back", "back_left", "back_right", "front", "front_left", "front_right"}
    assert np.load(pictures / f"K/{names[0]}.npy").shape == (3, 3)
    assert np.load(pictures / f"pose/{names[0]}.npy").shape == (4, 4)
    assert not (pictures / "depth").exists()


def test_any_other_format_becomes_a_custom_scene(tmp_path: Path) -> None:
    result = preprocess("rgbd", raw(rgbd, tmp_path / "raw"), tmp_path / "data")
    assert result.exit_code == 0, result.output
    scene = load(tmp_path / "data")
    recording = generated_room.recording()
    np.testing.assert_allclose(scene.points.xyz, recording.mesh.xyz)
    names = {placed.object_id: placed.label for placed in recording.scene.objects}
    assert [scene.points.label_names[label] for label in scene.points.labels] == [
        names[number] for number in recording.mesh.object_id
    ]
    assert (scene.split, scene.frames[0].depth_scale) == (None, 1000.0)
    camera = scene.frames[0].camera
    assert (camera.width, camera.height) == (recording.color_camera.width, recording.color_camera.height)
    assert camera.fx == pytest.approx(recording.color_camera.fx, abs=1e-5)


def test_another_camera_than_openscene_takes_for_granted_is_refused(tmp_path: Path) -> None:
    source = raw(rgbd, tmp_path / "raw")
    result = preprocess("rgbd", source, tmp_path / "data", "--as", "scannet", "--fx", 100)
    assert result.exit_code == 1
    assert "OpenScene assumes 288.9, 288.9, 159.5, 119.5 for scannet: write it with --as custom" in result.stderr
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_pictures_without_loss_stay_so(tmp_path: Path) -> None:
    source = raw(rgbd, tmp_path / "raw")
    for path in (source / NAME / "color").iterdir():
        Image.open(path).save(path.with_suffix(".png"))
        path.unlink()
    assert preprocess("rgbd", source, tmp_path / "data").exit_code == 0
    for frame in load(tmp_path / "data").frames:
        same = source / NAME / f"color/{frame.name}.png"
        assert frame.image_path.read_bytes() == same.read_bytes()


# From the store, and back


@pytest.mark.parametrize("kind", ["scannet", "custom"])
def test_what_is_exported_comes_in_as_it_went_out(store: Database, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "room"
    source.mkdir()
    openscene.write(source, generated_room.recording())
    if kind == "scannet":  # the size that is written
        for part, how in (("color", "jpg"), ("depth", "png")):
            for path in (source / f"scannet_2d/{NAME}/{part}").glob(f"*.{how}"):
                Image.open(path).resize((320, 240), Image.Resampling.NEAREST).save(path)
        matrix = np.eye(4)
        matrix[:3, :3] = Camera(320, 240, 288.9353025, 288.9353025, 159.5, 119.5).matrix
        np.savetxt(source / "scannet_2d/intrinsics.txt", matrix)
    arguments = ("--encoder", "color_words")
    assert ovstore(store, "ingest", "openscene", source, *arguments).exit_code == 0
    out = tmp_path / "out"
    said = ovstore(store, "export", "openscene", NAME, out, "--as", kind)
    assert said.exit_code == 0, said.output
    before, after = load(source), load(out)
    for name in ("xyz", "rgb", "labels"):
        np.testing.assert_array_equal(getattr(after.points, name), getattr(before.points, name))
    assert after.points.label_names == before.points.label_names
    assert (after.split, after.up_axis) == (before.split, before.up_axis)
    assert [frame.name for frame in after.frames] == [frame.name for frame in before.frames]
    for ours, theirs in zip(after.frames, before.frames, strict=True):
        assert ours.camera == theirs.camera
        np.testing.assert_array_equal(ours.camera_to_world, theirs.camera_to_world)
        assert ours.image_path.read_bytes() == theirs.image_path.read_bytes()
        assert ours.depth_path is not None and theirs.depth_path is not None
        assert ours.depth_path.read_bytes() == theirs.depth_path.read_bytes()

    fused = out / f"{kind}_multiview_color_words"
    assert ovstore(store, "ingest", "openscene", out, "--fused", fused, *arguments, "--name", "again").exit_code == 0
    first, again = (catalog.find_scene(store, NAME, dataset) for dataset in ("openscene", "again"))
    ours, theirs = (catalog.load_features(store, scene.id, "color_words") for scene in (again, first))
    np.testing.assert_array_equal(ours.point_index, theirs.point_index)
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)

    refused = ovstore(store, "export", "openscene", f"openscene/{NAME}", out, "--as", kind)
    assert f"already contains {kind} scene {NAME}: replace it with --force" in refused.stderr
    assert ovstore(store, "export", "openscene", f"openscene/{NAME}", out, "--as", kind, "--force").exit_code == 0
