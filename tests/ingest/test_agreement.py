"""Depth of one frame is found again in the next one: wrong conventions are refused with the option that mends them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_room
from numpy.typing import NDArray
from ovstore.core.errors import BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_frames, check_scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.datasets.rgbd import Options
from ovstore.store.files.ply_writer import write_ply
from PIL import Image
from scipy.spatial.transform import Rotation

SHARED = Path(__file__).parents[3] / "shared" / "data"
FRAMES = 12
AGREES = "depth of neighbouring frames agrees to 2% in "
Poses = NDArray[np.float64]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("agreement") / "room", FRAMES)


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "room")


@pytest.fixture(scope="module")
def right(original: Path) -> int:
    """The number of points of the room as it is."""
    return len(load(original).points)


def load(folder: Path, **options: object) -> Scene:
    chosen = Options(**options)  # type: ignore[arg-type]
    return check_scene(rgbd.load_scene(folder, folder.name, chosen, folder / "unused"), chosen)


def write_poses(room: Path, change: Callable[[Poses], Poses]) -> None:
    for path in (room / "pose").iterdir():
        np.savetxt(path, change(np.loadtxt(path)))


def quaternions(room: Path, order: list[int]) -> None:
    """One trajectory, the quaternion's x, y, z, w in another order."""
    with (room / "poses.txt").open("w") as file:
        for path in sorted((room / "pose").iterdir()):
            pose = np.loadtxt(path)
            numbers = [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()[order]]
            file.write(" ".join(map(repr, map(float, numbers))) + "\n")
    shutil.rmtree(room / "pose")


def opengl(pose: Poses) -> Poses:
    return np.asarray(pose @ np.diag([1.0, -1, -1, 1]))


def centimetres(pose: Poses) -> Poses:
    scaled = pose.copy()
    scaled[:3, 3] *= 100
    return scaled


def depth_in(room: Path, units: float) -> None:
    for path in (room / "depth").iterdir():
        Image.fromarray((np.array(Image.open(path)) * (units / 1000)).round().astype(np.uint16)).save(path)


def upside_down_world(room: Path) -> None:
    """A left-handed world, as ICL-NUIM's: y mirrored in the camera, made up for by a negative fy."""
    for part in ("color", "depth"):
        for path in (room / part).iterdir():
            Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)


WRONG: dict[str, tuple[Callable[[Path], None], str, dict[str, object]]] = {
    "axes": (lambda room: write_poses(room, opengl), "(--axes opengl)", {"axes": "opengl"}),
    "inverse": (
        lambda room: write_poses(room, lambda pose: np.asarray(np.linalg.inv(pose))),
        "(--world-to-camera)",
        {"world_to_camera": True},
    ),
    "both": (
        lambda room: write_poses(room, lambda pose: np.asarray(np.linalg.inv(opengl(pose)))),
        "(--axes opengl) and the poses map the world into the camera (--world-to-camera)",
        {"axes": "opengl", "world_to_camera": True},
    ),
    "quaternion": (lambda room: quaternions(room, [3, 0, 1, 2]), "(--quaternion wxyz)", {"quaternion": "wxyz"}),
    "depth": (lambda room: depth_in(room, 5000), "(--depth-scale 5000)", {"depth_scale": 5000.0}),
    "world": (lambda room: write_poses(room, centimetres), "(--world-scale 100)", {"world_scale": 100.0}),
    "fy": (
        upside_down_world,
        f"(--fy -{toy_room.FOCAL:g})",
        {"fx": toy_room.FOCAL, "fy": -toy_room.FOCAL, "cx": (toy_room.WIDTH - 1) / 2, "cy": (toy_room.HEIGHT - 1) / 2},
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_convention_is_refused_by_the_option_that_makes_it_right(room: Path, kind: str, right: int) -> None:
    spoil, named, options = WRONG[kind]
    spoil(room)
    with pytest.raises(BadScene, match=AGREES.removeprefix("depth of neighbouring frames ")) as refused:
        load(room)
    assert named in str(refused.value)
    mended = load(room, **options)
    assert any(finding.startswith(AGREES + "100%") for finding in mended.findings)
    assert len(mended.points) == pytest.approx(right, rel=0.01)


@pytest.mark.parametrize("kinds", [("depth", "axes"), ("depth", "fy"), ("inverse", "depth"), ("fy", "inverse")])
def test_two_mistakes_at_once_are_both_named(room: Path, kinds: tuple[str, str]) -> None:
    for kind in kinds:
        WRONG[kind][0](room)
    with pytest.raises(BadScene, match=AGREES.removeprefix("depth of neighbouring frames ")) as refused:
        load(room)
    assert all(WRONG[kind][1] in str(refused.value) for kind in kinds)
    mended = load(room, **{name: value for kind in kinds for name, value in WRONG[kind][2].items()})
    assert any(finding.startswith(AGREES + "100%") for finding in mended.findings)


@pytest.mark.parametrize("given", [{"axes": "opengl"}, {"world_to_camera": True}, {"quaternion": "wxyz"}])
def test_an_option_that_does_not_hold_is_named_as_one_to_leave_out(room: Path, given: dict[str, object]) -> None:
    quaternions(room, [0, 1, 2, 3])
    said = {"axes": "--axes opencv", "world_to_camera": "without --world-to-camera", "quaternion": "--quaternion xyzw"}
    with pytest.raises(BadScene, match=said[next(iter(given))]):
        load(room, **given)


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("drift", [0.0, 0.03])
def test_noise_of_sensors_and_poses_trips_nothing(room: Path, noise: float, drift: float) -> None:
    rng = np.random.default_rng(5)
    for path in (room / "depth").iterdir():
        depth = np.array(Image.open(path)).astype(np.float64)
        Image.fromarray((depth * (1 + rng.normal(0, noise, depth.shape))).round().astype(np.uint16)).save(path)

    def jittered(pose: Poses) -> Poses:
        moved = pose.copy()
        moved[:3, :3] = moved[:3, :3] @ Rotation.from_rotvec(rng.normal(0, drift, 3)).as_matrix()
        moved[:3, 3] += rng.normal(0, drift, 3)
        return moved

    write_poses(room, jittered)
    assert any(finding.startswith(AGREES) for finding in load(room).findings)


def test_what_no_convention_mends_is_a_finding(room: Path) -> None:
    files = sorted((room / "pose").iterdir())
    texts = [path.read_text() for path in files]
    for path, text in zip(files, np.random.default_rng(0).permutation(texts), strict=True):
        path.write_text(str(text))
    findings = load(room).findings
    assert any(f.startswith(AGREES) and f.endswith("poses, depth or intrinsics may be wrong") for f in findings)


def test_a_mesh_that_is_there_hides_no_wrong_poses(room: Path) -> None:
    points = load(room).points
    write_ply(room / "mesh.ply", points.xyz, points.rgb)
    write_poses(room, opengl)
    with pytest.raises(BadScene, match="--axes opengl"):
        load(room)


def test_a_single_frame_has_nothing_to_agree_with(room: Path) -> None:
    scene = load(room)
    assert not any(f.startswith(AGREES) for f in check_frames(scene.frames[:1])[1])


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the checkout")
@pytest.mark.parametrize(
    "name, options, least",
    [
        ("open3d_rgbd", {"fx": 525.0, "cx": 319.5, "cy": 239.5}, 98),
        ("dense_rgbd", {"fx": 481.2, "fy": -480.0, "cx": 319.5, "cy": 239.5, "depth_scale": 5000.0}, 80),
    ],
)
def test_real_scans_agree_as_they_are(name: str, options: dict[str, object], least: int) -> None:
    (finding,) = {finding for finding in load(SHARED / name, **options).findings if finding.startswith(AGREES)}
    assert int(finding.removeprefix(AGREES).partition("%")[0]) >= least


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the checkout")
@pytest.mark.parametrize(
    "change, named",
    [(opengl, "--axes opengl"), (lambda pose: np.asarray(np.linalg.inv(pose)), "--world-to-camera")],
    ids=["opengl", "inverse"],
)
def test_small_steps_of_a_real_scan_tell_conventions_apart(
    tmp_path: Path, change: Callable[[Poses], Poses], named: str
) -> None:
    source, scan = SHARED / "open3d_rgbd", tmp_path / "scan"
    shutil.copytree(source, scan, ignore=shutil.ignore_patterns("trajectory.log"))
    rows = [line.split() for line in (source / "trajectory.log").read_text().splitlines()]
    poses = np.array([row for row in rows if len(row) == 4], np.float64).reshape(-1, 4, 4)
    np.savetxt(scan / "poses.txt", [change(pose).ravel() for pose in poses])
    with pytest.raises(BadScene, match=named):
        load(scan, fx=525.0, cx=319.5, cy=239.5)
