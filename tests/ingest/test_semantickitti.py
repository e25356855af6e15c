"""SemanticKITTI: poses of the grey camera, pictures of the colour cameras, points of the lidar; one world."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shared_case
from generated_room import recording
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import semantickitti
from ovstore.ingest.datasets.semantickitti import Options
from ovstore.ingest.files.images import read_image
from ovstore.ingest.formats.semantickitti.labels import read_labels
from ovstore.ingest.generated.formats import semantickitti as written
from ovstore.ingest.generated.lidar import driving_class
from ovstore.ingest.generated.render import cast
from PIL import Image

NAME = "08"
EVERY = Options(frame_stride=1, voxel_size=0.0, ego_radius=0.0)
SCAN = replace(EVERY, unit="scan")
TRACKED = [frame for frame in recording().frames if np.isfinite(frame.camera_to_world).all()]


def to_camera_0(name: str) -> np.ndarray:
    """(4, 4) a camera's axes to those of camera 0."""
    shift = np.eye(4)
    shift[:3, 3] = written.BASELINES[name]
    return np.linalg.inv(shift)


def camera_0(scan: int) -> np.ndarray:
    """(4, 4) camera 0 in the recording's world."""
    return TRACKED[scan].camera_to_world @ np.linalg.inv(to_camera_0("P2"))


def to_recording() -> np.ndarray:
    """(4, 4) the world as it is read, the lidar's first axes, to that of the recording."""
    return camera_0(0) @ written.LIDAR_TO_CAMERA


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dataset/sequences` with two sequences; not to be changed."""
    root = tmp_path_factory.mktemp("kitti") / "dataset" / "sequences"
    (root / NAME).mkdir(parents=True)
    written.write(root / NAME, recording())
    shutil.copytree(root / NAME, root / "11")
    shutil.rmtree(root / "11" / "labels")
    return root


@pytest.fixture
def sequences(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(made, tmp_path / "sequences")


def load(root: Path, options: Options = EVERY, name: str = NAME) -> Scene:
    return semantickitti.load_scene(root, name, options, root / "unpacked")


def test_pictures_are_where_the_recording_took_them(made: Path) -> None:
    scene = check_scene(load(made))
    assert [frame.name for frame in scene.frames] == [f"{scan:06d}" for scan in range(len(TRACKED))]
    assert scene.split == "val" and scene.up_axis == "z"
    for frame, truth in zip(scene.frames, TRACKED, strict=True):
        np.testing.assert_allclose(to_recording() @ frame.camera_to_world, truth.camera_to_world, atol=1e-9)
        np.testing.assert_allclose(frame.camera.matrix, recording().color_camera.matrix, atol=1e-9)
        assert read_image(frame.image_path).shape == (120, 160, 3)
    assert [frame.timestamp for frame in scene.frames[:3]] == pytest.approx([0, 0.1, 0.2])


def test_the_right_camera_stands_a_baseline_beside_the_left(made: Path) -> None:
    frames = load(made, replace(EVERY, stereo=True)).frames
    assert [frame.name for frame in frames[:4]] == ["000000", "000000_right", "000001", "000001_right"]
    left_to_right = np.linalg.inv(frames[1].camera_to_world) @ frames[0].camera_to_world
    apart = np.subtract(written.BASELINES["P3"], written.BASELINES["P2"])
    np.testing.assert_allclose(left_to_right, [*np.c_[np.eye(3), apart].tolist(), [0, 0, 0, 1]], atol=1e-9)
    assert frames[1].image_path.parent.name == "image_3"


@pytest.mark.parametrize("scan", [0, 5])
def test_a_scan_lies_on_what_the_lidar_hit_with_the_labels_of_those_things(made: Path, scan: int) -> None:
    scene = load(made, SCAN, f"{NAME}_{scan:06d}")
    assert [frame.name for frame in scene.frames] == [f"{scan:06d}"]
    points, geometry = scene.points, recording().scene.geometry
    xyz = points.xyz @ to_recording()[:3, :3].T + to_recording()[:3, 3]
    origin = (camera_0(scan) @ written.LIDAR_TO_CAMERA)[:3, 3]
    hits = cast(geometry, origin, xyz - origin)
    assert (np.abs(hits.depth - 1) < 1e-3).mean() > 0.999
    owner = geometry.part_object[geometry.face_part[hits.face]]
    kinds = [driving_class(placed) for placed in recording().scene.objects]
    assert points.labels is not None and points.instances is not None
    right = points.labels == np.array([kind.semantickitti for kind in kinds])[owner]
    assert right.mean() > 0.995
    assert points.label_names[48] == "sidewalk" and points.label_names[50] == "building"
    countable = np.array([kind.countable for kind in kinds])[owner] & right
    np.testing.assert_array_equal(points.instances[countable] & 0xFFFF, owner[countable] + 1)
    assert (points.instances[right & ~countable] == -1).all()


def test_a_sequence_is_its_scans_one_point_a_voxel(made: Path) -> None:
    scans = [load(made, SCAN, f"{NAME}_{scan:06d}").points.xyz for scan in range(len(TRACKED))]
    every = load(made).points.xyz
    np.testing.assert_array_equal(every, np.concatenate(scans))
    thin = load(made, replace(EVERY, voxel_size=None)).points.xyz
    cells = np.floor((thin - np.floor(every[0])) / 0.2)
    assert len(np.unique(cells, axis=0)) == len(thin) < len(every) / 4
    third = load(made, replace(EVERY, frame_stride=3))
    np.testing.assert_array_equal(third.points.xyz, np.concatenate(scans[::3]))
    assert [frame.name for frame in third.frames] == ["000000", "000003", "000006"]
    assert len(load(made, replace(EVERY, frame_limit=2)).frames) == 2


def test_what_moves_keeps_its_raw_name_and_its_instance(tmp_path: Path) -> None:
    """252 is a moving car, 10 a car; the upper bits number the object."""
    packed = np.array([252 | 7 << 16, 10 | 7 << 16, 30 | 7 << 16, 254 | 65535 << 16, 40, 0], "<u4")
    (tmp_path / "000000.label").write_bytes(packed.tobytes())
    labels, instances = read_labels(tmp_path / "000000.label", 6)
    assert labels.tolist() == [252, 10, 30, 254, 40, -1]
    assert instances[0] == instances[1] and len(set(instances[:4].tolist())) == 3
    assert instances[4:].tolist() == [-1, -1]


def test_sequences_are_found_where_people_keep_them(made: Path) -> None:
    for root in (made, made.parent, made.parent.parent):
        assert semantickitti.scene_names(root, EVERY) == [NAME, "11"]
        assert load(root).name == NAME
    assert semantickitti.scene_names(made / NAME, EVERY) == [NAME]
    assert semantickitti.scene_names(made, Options(split="test")) == ["11"]
    assert semantickitti.scene_names(made, replace(SCAN, frame_stride=5)) == [
        "08_000000", "08_000005", "11_000000", "11_000005",
    ]  # fmt: skip
    with pytest.raises(BadInput, match=r"no sequence of the split 'train' \(00 01 02 03 04 05 06 07 09 10\)"):
        semantickitti.scene_names(made, Options(split="train"))
    unlabelled = load(made, name="11")
    assert unlabelled.points.labels is None and unlabelled.split == "test"
    with pytest.raises(BadScene, match=r"08_000099: no velodyne/000099\.bin in"):
        load(made, SCAN, "08_000099")
    with pytest.raises(BadScene, match="08: no such scan below"):
        load(made, SCAN, "08")


def test_pictures_and_poses_that_are_missing_are_counted(sequences: Path) -> None:
    folder = sequences / NAME
    (folder / "image_2/000001.png").unlink()
    lines = (folder / "poses.txt").read_text().splitlines()
    (folder / "poses.txt").write_text("\n".join([*lines[:2], " ".join(["nan"] * 12), *lines[3:-1]]) + "\n")
    scene = load(sequences)
    assert [frame.name for frame in scene.frames] == ["000000", "000003", "000004", "000005", "000006"]
    assert scene.findings == (
        "1 of 8 frames skipped: no such image (image_2/000001.png)",
        "2 of 8 frames skipped: poses.txt has no valid pose for them (image_2/000002.png, image_2/000007.png)",
        "2 of 8 scans skipped: poses.txt has no valid pose for them (000002.bin, 000007.bin)",
    )


def renamed(folder: Path, name_of: Callable[[int], str | None]) -> None:
    """Every scan, label and image under another name; without it where that is None."""
    for part in ("velodyne", "labels", "image_2", "image_3"):
        for path in sorted((folder / part).iterdir(), reverse=True):
            name = name_of(int(path.stem))
            path.unlink() if name is None else path.rename(path.with_name(name + path.suffix))


def without_first_lines(folder: Path, count: int) -> None:
    for name in ("poses.txt", "times.txt"):
        (folder / name).write_text("\n".join((folder / name).read_text().splitlines()[count:]) + "\n")


def assert_the_same_world(scene: Scene, expected: Scene) -> None:
    np.testing.assert_array_equal(scene.points.xyz, expected.points.xyz)
    np.testing.assert_array_equal(scene.points.labels, expected.points.labels)
    for one, other in zip(scene.frames, expected.frames, strict=True):
        np.testing.assert_array_equal(one.camera_to_world, other.camera_to_world)
        assert one.timestamp == other.timestamp
        np.testing.assert_array_equal(read_image(one.image_path), read_image(other.image_path))


@pytest.mark.parametrize(
    "name_of",
    [lambda n: f"{n + 2:06d}", lambda n: f"{n * 10:06d}", lambda n: str(n + 5), lambda n: f"{n:010d}"],
)
def test_pose_n_belongs_to_the_nth_scan_whatever_its_number(
    sequences: Path, made: Path, name_of: Callable[[int], str]
) -> None:
    renamed(sequences / NAME, name_of)
    assert_the_same_world(load(sequences), load(made))


def test_scans_taken_out_of_a_sequence_with_all_its_poses_keep_the_pose_of_their_number(
    sequences: Path, made: Path
) -> None:
    renamed(sequences / NAME, lambda n: f"{n:06d}" if n % 2 == 0 else None)
    assert_the_same_world(load(sequences), load(made, replace(EVERY, frame_stride=2)))


def test_poses_that_belong_to_no_scan_for_certain_are_refused(sequences: Path) -> None:
    renamed(sequences / NAME, lambda n: f"{n + 2:06d}")
    without_first_lines(sequences / NAME, 1)
    with pytest.raises(BadScene, match=r"poses\.txt: 7 poses for 8 scans numbered 2 to 9; one pose per scan"):
        load(sequences)


def test_two_scans_of_one_number_are_refused(sequences: Path) -> None:
    (sequences / NAME / "velodyne/7.bin").write_bytes(b"")
    with pytest.raises(BadScene, match=r"velodyne: 000007\.bin and 7\.bin have the same number"):
        load(sequences)


def test_the_shared_sequence_without_its_first_scans_keeps_its_poses(made: Path, tmp_path: Path) -> None:
    shared_case.make("semantickitti_poses_in_order", made, tmp_path)
    scene, every = load(tmp_path), load(made)
    for one, other in zip(scene.frames, every.frames[2:], strict=True):
        np.testing.assert_array_equal(one.camera_to_world, other.camera_to_world)
    assert "scans 2 to 7 have the 6 poses of poses.txt in order" in scene.findings
    np.testing.assert_array_equal(scene.points.xyz, every.points.xyz[-len(scene.points) :])


def test_labels_that_the_dataset_does_not_have_are_refused(sequences: Path) -> None:
    """Such as the classes of training, 0 to 19, of which 2 to 9 are no raw labels."""
    path = sequences / NAME / "labels/000000.label"
    packed = np.frombuffer(path.read_bytes(), "<u4").copy()
    packed[:5] = [2, 3, 10, 11, 19]
    path.write_bytes(packed.tobytes())
    with pytest.raises(BadScene, match=r"000000\.label: 2, 3, 19 are none of SemanticKITTI's raw labels; .*_map_inv"):
        load(sequences)


def _text(name: str, edit: Callable[[str], str]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(edit((folder / name).read_text()))

    return change


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda folder: shutil.rmtree(folder / "image_2"), "no folder image_2; features come from images:"),
        (lambda folder: (folder / "calib.txt").unlink(), r"calib\.txt: No such file"),
        (_text("calib.txt", lambda text: text.replace("Tr:", "Tr_velo:")), "no line 'Tr: ' with 12 numbers"),
        (_text("calib.txt", lambda text: text.replace("P2:", "P2: x")), "could not convert string to float: 'x'"),
        (_text("calib.txt", lambda _: "P2: " + "0 " * 12 + "\n"), "the numbers of P2 are not a calibration"),
        (lambda folder: (folder / "poses.txt").unlink(), r"poses\.txt: No such file"),
        (_text("poses.txt", lambda text: "1 2 3\n" * 8), "lines of 3 numbers are not poses"),
        (_text("poses.txt", lambda text: ("nan " * 12 + "\n") * 8), r"poses\.txt: no valid pose for any of 8 scans"),
        (_text("poses.txt", lambda text: ("0 " * 12 + "\n") * 8), "camera_to_world is not a rotation in 8 of 8"),
        (_text("times.txt", lambda text: "1 2\n" * 8), "one time per line was expected"),
        (lambda folder: (folder / "velodyne/000000.bin").write_bytes(b"abc"), r"3 bytes; a sweep has 16 a point"),
        (lambda folder: (folder / "labels/000000.label").write_bytes(b"abcd"), r"4 bytes; its scan has [\d,]+ points"),
        (lambda folder: (folder / "image_2/000000.png").write_bytes(b"abcd"), r"cannot be read as an image:"),
        (
            lambda folder: Image.new("RGB", (20, 20)).save(folder / "image_2/000000.png"),
            "lies outside of the 20x20 image",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(sequences: Path, change: Callable[[Path], None], said: str) -> None:
    change(sequences / NAME)
    with pytest.raises(BadInput, match=said):
        check_scene(load(sequences))


def test_a_sequence_too_long_for_one_scene_says_what_to_do(sequences: Path) -> None:
    path = sequences / NAME / "poses.txt"
    rows = np.loadtxt(path)
    rows[:, 11] += 600 * np.arange(len(rows))
    np.savetxt(path, rows)
    with pytest.raises(BadScene, match=r"08: it spans 4,2\d\d m, but a scene may span at most 3,500 m: .*--unit scan"):
        load(sequences)
    assert len(load(sequences, SCAN, f"{NAME}_000007").points) > 1000


def test_links_stay_inside_the_sequence_unless_allowed(sequences: Path, tmp_path: Path) -> None:
    (sequences / NAME / "image_2").rename(tmp_path / "pictures")
    (sequences / NAME / "image_2").symlink_to(tmp_path / "pictures")
    with pytest.raises(BadScene, match=r"outside of the scan's folder .*--follow-links"):
        load(sequences)
    assert len(load(sequences, replace(EVERY, follow_links=True)).frames) == len(TRACKED)
