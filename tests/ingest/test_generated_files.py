"""Generated scenes on disk: the bytes of a ScanNet release, read back by the readers of the real thing."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from generated_room import recording, tracked
from ovstore.cli import main
from ovstore.core.errors import BadInput
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd, scannet
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.files.ply import read_ply
from ovstore.ingest.generated import folder
from ovstore.ingest.generated.formats import rgbd as rgbd_format
from ovstore.ingest.generated.formats import scannet as scannet_format
from ovstore.ingest.generated.plan import plan

SMALL = [
    "--frames", "4", "--color-size", "64", "48", "--depth-size", "48", "36", "--spacing", "0.1", "--clutter", "0.3",
]  # fmt: skip
KEYS = [
    "axisAlignment", "colorHeight", "colorToDepthExtrinsics", "colorWidth", "depthHeight", "depthWidth", "fx_color",
    "fx_depth", "fy_color", "fy_depth", "mx_color", "mx_depth", "my_color", "my_depth", "numColorFrames",
    "numDepthFrames", "numIMUmeasurements", "sceneType",
]  # fmt: skip


def _generate(folder: Path, *options: str, name: str = "scannet") -> Result:
    return CliRunner().invoke(main, ["generate", name, str(folder), *SMALL, *options])


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "scans"
    result = _generate(folder, "--scenes", "2", "--seed", "4")
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "scene0000_00"
    folder.mkdir()
    scannet_format.write(folder, recording())
    return folder


def test_the_sens_file_is_as_long_as_its_numbers_say(release: Path) -> None:
    data, made = (release / "scene0000_00.sens").read_bytes(), recording()
    version, length = struct.unpack_from("<IQ", data)
    head = struct.Struct("<64f2i4IfQ")
    assert (version, data[12 : 12 + length]) == (4, b"StructureSensor")
    fields = head.unpack_from(data, 12 + length)
    assert fields[64:] == (2, 1, 160, 120, 160, 120, 1000.0, len(made.frames))
    assert fields[0] == pytest.approx(made.color_camera.fx) and fields[32] == pytest.approx(made.depth_camera.fx)
    place, lost = 12 + length + head.size, 0
    for frame in made.frames:
        *pose, color_time, depth_time, color_size, depth_size = struct.unpack_from("<16f4Q", data, place)
        lost += bool(np.isneginf(pose).all())
        place += 96 + color_size + depth_size
        assert data[place - depth_size - color_size : place - depth_size] == frame.jpeg and color_time == depth_time
    assert lost == 1
    assert data[place:] == struct.pack("<Q", 0)


def test_meshes_have_the_properties_of_the_release(release: Path) -> None:
    mesh, labelled = (
        (release / f"scene0000_00_vh_clean_2{kind}.ply").read_bytes().partition(b"end_header\n")
        for kind in ("", ".labels")
    )
    properties = [
        line.removeprefix("property ") for line in mesh[0].decode().splitlines() if line.startswith("property")
    ]
    assert properties == [
        "float x", "float y", "float z", "uchar red", "uchar green", "uchar blue", "uchar alpha",
        "list uchar int vertex_indices",
    ]  # fmt: skip
    made = recording().mesh
    assert len(mesh[2]) == len(made.xyz) * 16 + len(made.faces) * 13
    assert len(labelled[2]) == len(made.xyz) * 18 + len(made.faces) * 13
    label = read_ply(release / "scene0000_00_vh_clean_2.labels.ply").vertices["label"]
    truth = np.array([placed.nyu40 for placed in recording().scene.objects])
    np.testing.assert_array_equal(label, truth[made.object_id])


def test_json_and_text_have_the_keys_of_the_release(release: Path) -> None:
    segments = json.loads((release / "scene0000_00_vh_clean_2.0.010000.segs.json").read_text())
    assert list(segments) == ["params", "sceneId", "segIndices"]
    assert len(segments["segIndices"]) == len(recording().mesh.xyz)
    aggregation = json.loads((release / "scene0000_00.aggregation.json").read_text())
    assert list(aggregation) == ["sceneId", "appId", "segGroups", "segmentsFile"]
    assert all(list(group) == ["id", "objectId", "segments", "label"] for group in aggregation["segGroups"])
    named = [number for group in aggregation["segGroups"] for number in group["segments"]]
    assert sorted(named) == sorted(set(segments["segIndices"]))
    lines = (release / "scene0000_00.txt").read_text().splitlines()
    assert [line.partition(" = ")[0] for line in lines] == KEYS
    alignment = np.array(lines[0].partition(" = ")[2].split(), float).reshape(4, 4)
    np.testing.assert_allclose(alignment @ recording().scene.room_to_world, np.eye(4), atol=1e-5)


def test_the_scannet_reader_takes_the_release_in(release: Path, tmp_path: Path) -> None:
    options = scannet.Options(frame_stride=1)
    assert scannet.scene_names(release.parent, options) == ["scene0000_00"]
    scene = check_scene(scannet.load_scene(release.parent, "scene0000_00", options, tmp_path))
    _agrees_with_the_recording(scene)
    assert scene.points.segments is not None
    np.testing.assert_array_equal(scene.points.segments, recording().mesh.segment)


def test_the_rgbd_reader_takes_the_folder_in(tmp_path: Path) -> None:
    folder = tmp_path / "rooms" / "scene0000_00"
    folder.mkdir(parents=True)
    rgbd_format.write(folder, recording())
    scene = check_scene(rgbd.load_scene(folder.parent, "scene0000_00", rgbd.Options(), tmp_path / "unpacked"))
    _agrees_with_the_recording(scene)
    assert scene.up_axis == "z"


def _agrees_with_the_recording(scene: Scene) -> None:
    made = recording()
    assert len(scene.frames) == len(tracked()) == len(made.frames) - 1
    assert any("skipped" in finding for finding in scene.findings)
    for frame, truth in zip(scene.frames, tracked().values(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, truth.camera_to_world, atol=1e-5)
        assert frame.image_path.read_bytes() == truth.jpeg
        assert frame.depth_path is not None and frame.depth_camera is not None
        np.testing.assert_array_equal(np.rint(read_depth(frame.depth_path, frame.depth_scale) * 1000), truth.depth)
        for camera, wanted in ((frame.camera, made.color_camera), (frame.depth_camera, made.depth_camera)):
            np.testing.assert_allclose(camera.matrix, wanted.matrix, atol=1e-4)
    points = scene.points
    np.testing.assert_allclose(points.xyz, made.mesh.xyz, atol=1e-6)
    assert points.rgb is not None and points.labels is not None and points.instances is not None
    np.testing.assert_array_equal(points.rgb, made.mesh.rgb)
    np.testing.assert_array_equal(points.instances, made.mesh.object_id)
    names = [made.scene.objects[number].label for number in made.mesh.object_id]
    assert [points.label_names[label] for label in points.labels.tolist()] == names


def test_the_same_seed_makes_the_same_bytes_however_many_workers(scans: Path, tmp_path: Path) -> None:
    assert _generate(tmp_path / "again", "--scenes", "2", "--seed", "4", "--workers", "2").exit_code == 0
    assert _bytes(tmp_path / "again") == _bytes(scans)


def test_the_truth_says_where_the_snoopy_is(scans: Path, tmp_path: Path) -> None:
    truth = json.loads((scans / "truth.json").read_text())
    assert [scene["scene"] for scene in truth["scenes"]] == ["scene0000_00", "scene0001_00"]
    holders = [scene for scene in truth["scenes"] if any(o["class"] == "snoopy" for o in scene["objects"])]
    assert [scene["scene"] for scene in holders] == [truth["planted"]["snoopy"]]
    [snoopy] = [o for o in holders[0]["objects"] if o["class"] == "snoopy"]
    assert snoopy["description"] == "white plush snoopy" and snoopy["points"] > 0
    options = scannet.Options(frame_stride=1)
    points = scannet.load_scene(scans, holders[0]["scene"], options, tmp_path).points
    assert points.instances is not None
    own = points.xyz[points.instances == snoopy["object_id"]]
    assert (own > np.array(snoopy["box_min"]) - 0.02).all() and (own < np.array(snoopy["box_max"]) + 0.02).all()


def test_what_a_killed_run_left_is_replaced_by_force(tmp_path: Path) -> None:
    root = tmp_path / "bench"
    with pytest.raises(KeyboardInterrupt), folder.room_for(root, folder.BENCH, ["scene0000_00"], force=False):
        for name in ("scene0000_00", ".scene0001_00.part", "queries", ".queries.part"):
            (root / name).mkdir()
        (root / "absent.txt").write_text("cactus")
        (root / folder.TRUTH).write_text('{"format": "ben')  # killed while it was written
        raise KeyboardInterrupt
    with pytest.raises(BadInput, match="replace them with --force"), folder.room_for(root, folder.BENCH, [], False):
        pass
    with folder.room_for(root, folder.BENCH, ["scene0000_00", "scene0001_00"], force=True):
        assert [path.name for path in root.iterdir() if not path.name.startswith(".")] == []
    assert [path.name for path in root.iterdir()] == [".scene0001_00.part"]  # a scene of that name begins with it


@pytest.mark.parametrize("scenes", [2, 5, 12, 40])
def test_a_rare_thing_stands_in_one_scene_at_most_and_the_snoopy_in_one(scenes: int) -> None:
    for seed in range(20):
        planted = [name for planned in plan(scenes, seed) for name in planned.planted]
        assert len(planted) == len(set(planted))
        assert planted.count("snoopy") == 1


def test_scenes_that_exist_are_not_replaced_unless_asked(scans: Path, tmp_path: Path) -> None:
    before = _bytes(scans)
    refused = _generate(scans, "--scenes", "1", "--seed", "5")
    assert refused.exit_code == 1
    assert "exist already. Choose another folder, or replace them with --force." in refused.output
    assert _bytes(scans) == before

    assert _generate(tmp_path, "--scenes", "2", "--seed", "1", name="rgbd").exit_code == 0
    assert _generate(tmp_path, "--scenes", "1", "--seed", "2", "--force", name="rgbd").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene0000_00", "truth.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--spacing", "0"), "--spacing is 0.0 metres"),
        (("--color-size", "0", "480"), "at least 16 pixels"),
        (("--frames", "0"), "--frames must be at least 1"),
        (("--noise", "-1"), "--clutter and --noise must be at least 0"),
    ],
)
def test_options_that_make_no_scene_are_one_sentence(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    result = _generate(tmp_path / "none", *options)
    assert result.exit_code == 1 and result.output.startswith("Error: ") and message in result.output
    assert not (tmp_path / "none").exists()


def test_a_wrong_format_names_the_right_ones(tmp_path: Path) -> None:
    result = _generate(tmp_path, name="scanet")
    assert result.exit_code != 0
    assert "Did you mean 'scannet'?" in result.output
