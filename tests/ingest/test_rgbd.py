"""Any folder of posed RGB-D: the same room, however its files are laid out."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_room
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.datasets.rgbd import Options
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.store.files.ply_writer import write_ply
from PIL import Image
from scipy.spatial.transform import Rotation

SHARED = Path(__file__).parents[3] / "shared" / "data"
K = (toy_room.FOCAL, toy_room.FOCAL, (toy_room.WIDTH - 1) / 2, (toy_room.HEIGHT - 1) / 2)
FRAMES = 6


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("rgbd") / "room", FRAMES)


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "room")


@pytest.fixture(scope="module")
def expected(original: Path) -> Scene:
    return load(original)


def load(folder: Path, **options: object) -> Scene:
    return rgbd.load_scene(folder, folder.resolve().name, Options(**options), folder / "unused")  # type: ignore[arg-type]


def poses(folder: Path) -> NDArray[np.float64]:
    return np.array([np.loadtxt(path) for path in sorted((folder / "pose").iterdir())])


def to_log(room: Path) -> dict[str, object]:
    with (room / "trajectory.log").open("w") as file:
        for i, pose in enumerate(poses(room)):
            file.write(f"{i} {i} {i + 1}\n")
            np.savetxt(file, pose)
    shutil.rmtree(room / "pose")
    return {}


def to_tum(room: Path) -> dict[str, object]:
    """TUM: folders rgb and depth, names that are times, poses in between."""
    rows = ["# timestamp tx ty tz qx qy qz qw"]
    for i, pose in enumerate(poses(room)):
        time = 1305031098.5 + i / 30
        numbers = [time + 0.004, *pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
        rows.append(" ".join(f"{number:.9f}" for number in numbers))
        rows.append(" ".join(f"{number:.9f}" for number in [time + 0.015, *numbers[1:3], 99, *numbers[4:]]))
        (room / f"color/{i:04d}.png").rename(room / f"color/{time:.6f}.png")
        (room / f"depth/{i:04d}.png").rename(room / f"depth/{time - 0.003:.6f}.png")
    (room / "groundtruth.txt").write_text("\n".join(rows))
    (room / "color").rename(room / "RGB")
    shutil.rmtree(room / "pose")
    return {}


def to_replica(room: Path) -> dict[str, object]:
    """Replica as NICE-SLAM packs it: both kinds of picture in one folder, 16 numbers a line."""
    (room / "results").mkdir()
    for i in range(FRAMES):
        (room / f"color/{i:04d}.png").rename(room / f"results/frame{i:06d}.png")
        (room / f"depth/{i:04d}.png").rename(room / f"results/depth{i:06d}.png")
    np.savetxt(room / "traj.txt", poses(room).reshape(FRAMES, 16))
    for name in ("color", "depth", "pose"):
        shutil.rmtree(room / name)
    return {"color": "results/frame*.png", "depth": "results/depth*.png"}


def to_seven_scenes(room: Path) -> dict[str, object]:
    """7-Scenes, and what ScanNet's C++ reader exports: everything in one folder."""
    for i in range(FRAMES):
        for kind, name in (("color", f"{i:04d}.png"), ("depth", f"{i:04d}.png"), ("pose", f"{i:04d}.txt")):
            (room / kind / name).rename(room / f"frame-{i:06d}.{kind}{Path(name).suffix}")
    for name in ("color", "depth", "pose"):
        (room / name).rmdir()
    return {"color": "frame-*.color.png", "depth": "frame-*.depth.png", "poses": "frame-*.pose.txt"}


def to_floats(room: Path) -> dict[str, object]:
    for path in (room / "depth").iterdir():
        np.save(path.with_suffix(".npy"), read_depth(path, 1000))
        path.unlink()
    return {}


def to_integers_in_npy(room: Path) -> dict[str, object]:
    for path in (room / "depth").iterdir():
        np.save(path.with_suffix(".npy"), np.asarray(Image.open(path)).astype(np.uint16))
        path.unlink()
    return {}


def to_floats_in_tiff(room: Path) -> dict[str, object]:
    for path in (room / "depth").iterdir():
        Image.fromarray(read_depth(path, 1000)).save(path.with_suffix(".tif"))
        path.unlink()
    return {}


def to_pgm_of_tenths_of_millimetres(room: Path) -> dict[str, object]:
    for path in (room / "depth").iterdir():
        units = (np.asarray(Image.open(path)).astype(np.uint32) * 10).clip(0, 65534).astype(">u2")
        head = b"P5 %d %d 65535\n" % (units.shape[1], units.shape[0])
        path.with_suffix(".pgm").write_bytes(head + units.tobytes())
        path.unlink()
    return {"depth_scale": 10000.0}


def to_world_to_camera(room: Path) -> dict[str, object]:
    for path in (room / "pose").iterdir():
        np.savetxt(path, np.linalg.inv(np.loadtxt(path))[:3])
    return {"world_to_camera": True}


def to_opengl(room: Path) -> dict[str, object]:
    for path in (room / "pose").iterdir():
        np.savetxt(path, np.loadtxt(path) @ np.diag([1, -1, -1, 1]))
    return {"axes": "opengl"}


def to_millimetres(room: Path) -> dict[str, object]:
    for path in (room / "pose").iterdir():
        pose = np.loadtxt(path)
        pose[:3, 3] *= 1000
        np.savetxt(path, pose)
    return {"world_scale": 1000.0}


def to_options(room: Path) -> dict[str, object]:
    (room / "intrinsics.txt").unlink()
    return {"fx": toy_room.FOCAL}


def to_json(room: Path) -> dict[str, object]:
    (room / "intrinsics.txt").unlink()
    matrix = [K[0], 0, 0, 0, K[1], 0, K[2], K[3], 1]
    body = {"width": toy_room.WIDTH, "height": toy_room.HEIGHT, "intrinsic_matrix": matrix}
    (room / "camera_intrinsic.json").write_text(json.dumps(body))
    return {}


def to_intrinsics_a_frame(room: Path) -> dict[str, object]:
    matrix = (room / "intrinsics.txt").read_text()
    (room / "intrinsics.txt").unlink()
    (room / "intrinsics").mkdir()
    for i in range(FRAMES):
        (room / f"intrinsics/{i:04d}.txt").write_text(matrix)
    return {}


def to_upside_down(room: Path) -> dict[str, object]:
    """Pictures stored bottom row first: the same rays with a negative fy."""
    for path in (*(room / "color").iterdir(), *(room / "depth").iterdir()):
        Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)
    return {"fx": K[0], "fy": -K[1], "cx": K[2], "cy": K[3], "up_axis": "z"}


def to_other_names(room: Path) -> dict[str, object]:
    """Stems that share only their number, and a folder with accents."""
    for i in range(FRAMES):
        (room / f"color/{i:04d}.png").rename(room / f"color/frame-{i:06d}.color.png")
        (room / f"depth/{i:04d}.png").rename(room / f"depth/frame-{i:06d}.depth.png")
    (room / "color").rename(room / "Farbe é")
    (room / "color.DS_Store").touch()
    return {"color": "Farbe é"}


LAYOUTS = [
    to_log, to_tum, to_replica, to_seven_scenes, to_floats, to_integers_in_npy, to_floats_in_tiff,
    to_pgm_of_tenths_of_millimetres, to_world_to_camera, to_opengl, to_millimetres, to_options, to_json,
    to_intrinsics_a_frame, to_upside_down, to_other_names,
]  # fmt: skip


@pytest.mark.parametrize("change", LAYOUTS, ids=lambda change: change.__name__)
def test_one_room_laid_out_in_every_way_is_the_same_room(
    room: Path, expected: Scene, change: Callable[[Path], dict[str, object]]
) -> None:
    options = change(room)
    assert rgbd.scene_names(room, Options(**options)) == ["room"]  # type: ignore[arg-type]
    scene = check_scene(load(room, **options))
    assert len(scene.frames) == FRAMES and scene.up_axis == "z"
    for found, wanted in zip(scene.frames, expected.frames, strict=True):
        np.testing.assert_allclose(found.camera_to_world, wanted.camera_to_world, atol=1e-6)
    assert abs(len(scene.points) - len(expected.points)) < 0.01 * len(expected.points)
    np.testing.assert_allclose(scene.points.xyz.mean(axis=0), expected.points.xyz.mean(axis=0), atol=2e-3)


def test_points_made_from_depth_lie_on_the_surfaces_that_were_seen(expected: Scene) -> None:
    points = expected.points
    assert points.rgb is not None and points.normals is not None
    red = (points.rgb == toy_room.BOXES["red"][2]).all(axis=1)
    low, high = np.array(toy_room.BOXES["red"][0]), np.array(toy_room.BOXES["red"][1])
    inside = ((points.xyz[red] > low - 0.02) & (points.xyz[red] < high + 0.02)).all(axis=1)
    assert red.sum() > 500 and inside.mean() > 0.99
    top = red & (np.abs(points.xyz[:, 2] - 0.6) < 0.005)
    assert (points.normals[top][:, 2] > 0.95).mean() > 0.9
    np.testing.assert_allclose(np.linalg.norm(points.normals, axis=1), 1, atol=1e-5)


def test_points_made_from_depth_do_not_depend_on_how_often_they_are_made(original: Path, expected: Scene) -> None:
    np.testing.assert_array_equal(load(original).points.xyz, expected.points.xyz)


def test_a_coarser_voxel_makes_fewer_points_and_fewer_readings_noise(original: Path, expected: Scene) -> None:
    assert len(load(original, voxel_size=0.1).points) < len(expected.points) / 3
    assert len(load(original, min_pixels=4).points) < len(expected.points)
    near = load(original, max_depth=1.5).points.xyz
    assert len(near) < len(expected.points)


def test_a_cloud_in_the_folder_is_the_scene(room: Path) -> None:
    xyz = np.random.default_rng(0).uniform(-1, 1, (500, 3)).astype(np.float32)
    write_ply(room / "mesh.ply", xyz, columns={"label": np.arange(500) % 3 - 1})
    (room / "label_names.json").write_text('{"0": "chair", "1": "Tür"}', encoding="utf-8")
    scene = load(room)
    np.testing.assert_allclose(scene.points.xyz, xyz)
    assert scene.points.label_names == {0: "chair", 1: "Tür"}
    assert "points: mesh.ply" in scene.findings
    for name in ("a.ply", "b.ply"):
        write_ply(room / name, xyz)
    assert "points: mesh.ply" in load(room).findings
    assert "points: b.ply" in load(room, cloud="b.ply").findings
    (room / "mesh.ply").unlink()
    with pytest.raises(BadScene, match=r"2 clouds \(a\.ply, b\.ply\); name one: --cloud"):
        load(room)


def test_with_a_cloud_depth_is_not_needed(room: Path) -> None:
    shutil.rmtree(room / "depth")
    with pytest.raises(BadScene, match=r"neither a \.ply with points nor depth"):
        load(room)
    write_ply(room / "room.ply", np.eye(3, dtype=np.float32))
    assert {frame.depth_path for frame in load(room).frames} == {None}


def test_many_scenes_below_one_folder(original: Path, tmp_path: Path) -> None:
    for name in ("küche", "bad"):
        shutil.copytree(original, tmp_path / name)
    (tmp_path / "notes").mkdir()
    assert rgbd.scene_names(tmp_path, Options()) == ["bad", "küche"]
    assert rgbd.load_scene(tmp_path, "küche", Options(frame_limit=2), tmp_path).name == "küche"
    with pytest.raises(BadScene, match="notes: no folder of that name with images"):
        rgbd.load_scene(tmp_path, "notes", Options(), tmp_path)
    with pytest.raises(BadInput, match=r"no posed RGB-D\. Looked in it .* folder color, colour, rgb"):
        rgbd.scene_names(tmp_path / "notes", Options())


def test_depth_of_another_size_has_a_camera_of_its_size(room: Path) -> None:
    for path in (room / "depth").iterdir():
        Image.open(path).resize((80, 60), Image.Resampling.NEAREST).save(path)
    depth_camera = load(room).frames[0].depth_camera
    assert depth_camera == Camera(toy_room.WIDTH, toy_room.HEIGHT, *K).resized(80, 60)
    (room / "intrinsics_depth.txt").write_text("70 71 40 30")
    assert load(room).frames[0].depth_camera == Camera(80, 60, 70, 71, 40, 30)


def test_frames_without_pose_or_tracking_are_counted_and_skipped(room: Path) -> None:
    (room / "pose/0001.txt").unlink()
    np.savetxt(room / "pose/0002.txt", np.full((4, 4), -np.inf))
    (room / "pose/0003.txt").write_text("nan " * 16)
    scene = load(room)
    assert [frame.name for frame in scene.frames] == ["0000", "0004", "0005"]
    assert "1 of 6 images skipped: no pose (0001)" in scene.findings
    assert "2 of 5 frames skipped: no valid camera_to_world (0002, 0003)" in scene.findings


def test_stride_and_limit_choose_evenly(original: Path) -> None:
    assert [frame.name for frame in load(original, frame_stride=2).frames] == ["0000", "0002", "0004"]
    assert [frame.name for frame in load(original, frame_limit=2).frames] == ["0000", "0005"]


def remove(name: str) -> Callable[[Path], None]:
    return lambda room: shutil.rmtree(room / name) if (room / name).is_dir() else (room / name).unlink()


def too_few_poses(room: Path) -> None:
    np.savetxt(room / "pose.txt", poses(room)[:4].reshape(4, 16))


def truncate(room: Path) -> None:
    path = room / "depth/0000.png"
    path.write_bytes(path.read_bytes()[:200])


def two_of_a_name(room: Path) -> None:
    Image.fromarray(read_image(room / "color/0000.png")).save(room / "color/0000.jpg")


def other_size(room: Path) -> None:
    Image.fromarray(np.ones((9, 9), np.uint16)).save(room / "depth/0000.png")


def unrelated_depth(room: Path) -> None:
    for i, path in enumerate(sorted((room / "depth").iterdir())):
        path.rename(path.with_name(f"{i + 100}.png"))


def leaving_link(room: Path) -> None:
    shutil.move(room / "depth", room.parent / "elsewhere")
    (room / "depth").symlink_to(room.parent / "elsewhere")


@pytest.mark.parametrize(
    "change, options, said",
    [
        (remove("pose"), {}, r"no poses; looked for trajectory\.log.*--poses"),
        (remove("intrinsics.txt"), {}, r"no intrinsics; looked for .*--intrinsics, or give --fx --fy --cx --cy"),
        (remove("color"), {}, "no folder of that name with images"),
        (too_few_poses, {}, "4 poses for 6 images; expected as many, or images numbered from 0 to 3"),
        (truncate, {}, r"0000\.png: cannot be read as an image:"),
        (two_of_a_name, {}, r"two images of the same name, 0000\.\w+ and 0000\.\w+"),
        (other_size, {}, r"0000\.png: 9x9 readings for an image of 160x120 .*intrinsics_depth\.txt"),
        (unrelated_depth, {}, r"6 depth images such as 100\.png, none of which matches by name, number or time"),
        (leaving_link, {}, "outside of the scan's folder"),
        (lambda room: None, {"depth_scale": 1.0}, r"median depth is .*--depth-scale 1000"),
        (lambda room: None, {"cx": 900.0, "fx": 130.0}, r"principal point \(900, .*outside of the 160x120 image"),
        (lambda room: None, {"fx": 130.0, "poses": "../../etc"}, "is not a path inside the scene's folder"),
        (lambda room: None, {"poses": "/etc/passwd"}, "is not a path inside the scene's folder"),
        (lambda room: None, {"cloud": "no.ply"}, r"no cloud at --cloud no\.ply"),
        (lambda room: None, {"voxel_size": 1e-7}, "too far for voxels"),
        (lambda room: None, {"min_pixels": 10**6}, "no points could be made.*--min-pixels"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    room: Path, change: Callable[[Path], None], options: dict[str, object], said: str
) -> None:
    change(room)
    with pytest.raises(BadInput, match=said):
        check_scene(load(room, **options))


def test_links_out_of_the_scene_can_be_allowed(room: Path, expected: Scene) -> None:
    leaving_link(room)
    assert len(load(room, follow_links=True).points) == len(expected.points)


@pytest.mark.parametrize("options", [{"fy": 3.0}, {"voxel_size": 0.0}, {"frame_stride": 0}, {"depth_scale": -1.0}])
def test_options_that_make_no_sense_are_one_sentence(options: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="--"):
        Options(**options)  # type: ignore[arg-type]


REAL = {
    "open3d_rgbd": Options(fx=525.0, frame_limit=3),
    "dense_rgbd": Options(fx=481.2, fy=-480.0, depth_scale=5000.0, frame_limit=3),
}


@pytest.mark.parametrize("name", REAL)
def test_real_frames_go_in_and_their_pictures_agree(name: str) -> None:
    """A point's colour in one picture is its colour in the others, where depth says that it is the same surface."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not here")
    scene = check_scene(rgbd.load_scene(SHARED / name, name, REAL[name], Path("unused")))
    assert len(scene.frames) == 3 and scene.up_axis == "y"
    points = scene.points
    assert points.rgb is not None
    differences = []
    for frame in scene.frames:
        assert frame.depth_path is not None
        local = (points.xyz - frame.camera_to_world[:3, 3]) @ frame.camera_to_world[:3, :3]
        local, rgb = local[local[:, 2] > 0], points.rgb[local[:, 2] > 0]
        camera = frame.camera
        column = np.rint(local[:, 0] / local[:, 2] * camera.fx + camera.cx)
        row = np.rint(local[:, 1] / local[:, 2] * camera.fy + camera.cy)
        inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        column, row, z, rgb = column[inside].astype(int), row[inside].astype(int), local[inside, 2], rgb[inside]
        seen = np.abs(read_depth(frame.depth_path, frame.depth_scale)[row, column] - z) < 0.02 * z
        image = read_image(frame.image_path)[row[seen], column[seen]].astype(int)
        differences.append(np.abs(image - rgb[seen]).mean())
        assert seen.mean() > 0.5
    assert max(differences) < 8  # of 255; with the wrong sign of fy it is above 20
