"""LLFF: rows of poses_bounds.npy are cameras, points are COLMAP's, and masks of 3D-OVS label them."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import generated_room
import numpy as np
import pytest
from generated_room import recording, tracked
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import llff
from ovstore.ingest.datasets.llff import Options
from ovstore.ingest.files.images import read_image
from ovstore.store.files.ply_writer import write_ply
from PIL import Image
from scipy.spatial import KDTree

WHITE, BLACK = Image.new("L", (40, 30), 255), Image.new("L", (40, 30), 0)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("llff", tmp_path_factory.mktemp("llff") / "room")


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "room")


def row(centre: tuple[float, float, float] = (0, 0, 0), height: float = 30, focal: float = 30) -> NDArray[np.float64]:
    """A view along the world's +z with y down: its axes down, right, backwards are y, x, -z."""
    matrix = np.stack([[0, 1, 0], [1, 0, 0], [0, 0, -1], centre, [height, 4 * height / 3, focal]], axis=1)
    return np.concatenate([matrix.ravel(), [1.0, 3.0]])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three grey pictures of 40x30 in a row along x; a wall of points 2 before them, in the file wall.ply."""
    folder = tmp_path / "small"
    (folder / "images").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (40, 30), (90, 90, 90)).save(folder / f"images/IMG_{number + 7}.png")
    np.save(folder / "poses_bounds.npy", np.array([row((0.1 * number, 0, 0)) for number in range(3)]))
    x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-0.5, 0.5, 11))
    write_ply(folder / "wall.ply", np.stack([x.ravel(), y.ravel(), np.full(x.size, 2.0)], axis=1))
    return folder


WALL = Options(cloud="wall.ply")


def load(folder: Path, options: Options | None = None) -> Scene:
    return llff.load_scene(folder, folder.name, options or Options(), folder.parent / "unpacked")


def test_the_recording_comes_back(room: Path) -> None:
    made = recording()
    scene = check_scene(load(room))
    for frame, truth in zip(scene.frames, tracked().values(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, truth.camera_to_world, atol=1e-12)
        assert frame.depth_path is None
    distance, nearest = KDTree(made.mesh.xyz).query(scene.points.xyz)
    assert distance.max() < 1e-6 and scene.points.rgb is not None
    np.testing.assert_array_equal(scene.points.rgb, made.mesh.rgb[nearest])
    assert scene.up_axis == "z"
    assert any(finding.startswith("the world's scale is not known") for finding in scene.findings)


def test_pictures_show_what_the_recording_saw(room: Path) -> None:
    made = recording()
    frame = load(room).frames[0]
    picture, seen = read_image(frame.image_path), np.asarray(Image.open(io.BytesIO(made.frames[0].jpeg)))
    camera, other = frame.camera, made.color_camera
    v, u = np.mgrid[5:115, 5:155]
    column = np.rint((u - camera.cx) / camera.fx * other.fx + other.cx).astype(int)
    line = np.rint((v - camera.cy) / camera.fy * other.fy + other.cy).astype(int)
    assert np.median(np.abs(picture[v, u].astype(int) - seen[line, column])) < 6


def test_axes_and_pixels_are_those_of_the_readme(small: Path) -> None:
    """Down, right, backwards become right, down, forwards; the principal point is the picture's middle."""
    frame = load(small, WALL).frames[2]
    expected = np.eye(4)
    expected[0, 3] = 0.2
    np.testing.assert_array_equal(frame.camera_to_world, expected)
    assert (frame.name, frame.camera.fx, frame.camera.fy) == ("IMG_9", 30, 30)
    assert (frame.camera.cx, frame.camera.cy) == (19.5, 14.5)


def test_a_turned_view_is_turned_as_colmap_says(small: Path) -> None:
    """[col1, col0, -col2 | col3] for any rotation; a proper one stays proper."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    stored = np.load(small / "poses_bounds.npy")
    matrix = stored[0, :15].reshape(3, 5)
    matrix[:, 0], matrix[:, 1], matrix[:, 2] = rotation[:, 1], rotation[:, 0], -rotation[:, 2]
    np.save(small / "poses_bounds.npy", stored)
    np.testing.assert_allclose(load(small, WALL).frames[0].camera_to_world[:3, :3], rotation)


def test_smaller_pictures_have_a_smaller_camera(small: Path) -> None:
    (small / "images").rename(small / "images_4")
    for path in (small / "images_4").iterdir():
        Image.open(path).resize((10, 8)).save(path)
    with pytest.raises(BadScene, match=r"view 0 has 40x30 pixels, its image 10x8"):
        load(small, WALL)
    for path in (small / "images_4").iterdir():
        Image.open(path).resize((20, 15)).save(path)
    camera = load(small, WALL).frames[0].camera
    assert (camera.width, camera.fx, camera.fy, camera.cx, camera.cy) == (20, 15, 15, 9.5, 7)


def test_the_pictures_folder_can_be_named(small: Path) -> None:
    shutil.copytree(small / "images", small / "sharp")
    frame = load(small, Options(cloud="wall.ply", images="sharp")).frames[0]
    assert frame.image_path.parent.name == "sharp"
    with pytest.raises(BadScene, match="leads out of the scan's folder"):
        load(small, Options(cloud="wall.ply", images="../small/images"))


def test_the_world_has_the_unit_that_is_said(small: Path) -> None:
    scene = load(small, Options(cloud="wall.ply", world_scale=2.0))
    assert scene.points.xyz[0, 2] == 1 and scene.frames[2].camera_to_world[0, 3] == pytest.approx(0.1)
    assert not any("scale" in finding for finding in scene.findings)


def test_labels_are_what_the_masks_show(room: Path) -> None:
    """Points have the name of the object that they were sampled from, but for some at its edges."""
    made = recording()
    points = load(room).points
    assert points.labels is not None
    names = [placed.label for placed in made.scene.objects]
    assert points.label_names == dict(enumerate(sorted(set(names))))
    nearest = KDTree(made.mesh.xyz).query(points.xyz)[1]
    truth = np.array([names[number] for number in made.mesh.object_id[nearest]])
    labelled = points.labels >= 0
    said = np.array([points.label_names[label] for label in points.labels[labelled].tolist()])
    assert labelled.mean() > 0.5 and (said == truth[labelled]).mean() > 0.95


def _segment(folder: Path, view: str, **masks: Image.Image) -> None:
    (folder / "segmentations" / view).mkdir(parents=True)
    for name, mask in masks.items():
        mask.save(folder / "segmentations" / view / f"{name}.png")


def _half(side: str) -> Image.Image:
    """White on one side of the picture's middle column."""
    white = np.zeros((30, 40), np.uint8)
    white[:, 20:] = 255
    return Image.fromarray(white if side == "right" else 255 - white)


def test_views_are_counted_by_the_names_of_pictures_and_the_most_votes_win(small: Path) -> None:
    _segment(small, "00", apple=_half("left"), pear=_half("right"))
    _segment(small, "1", apple=BLACK, pear=WHITE)
    _segment(small, "02", apple=BLACK, pear=WHITE)
    _segment(small, "test_view0", apple=WHITE, pear=BLACK)
    _segment(small, "99", apple=WHITE, pear=BLACK)
    (small / "segmentations/classes.txt").write_text("pear \n\napple\r\n")
    scene = load(small, WALL)
    labels = scene.points.labels
    assert labels is not None and scene.points.label_names == {0: "apple", 1: "pear"}
    right_of_the_first_view = scene.points.xyz[:, 0] > 0.05
    assert (labels[right_of_the_first_view] != 0).all() and (labels == 1).mean() > 0.8
    skipped = "2 folders of segmentations skipped: no number of a posed view (99)"
    assert skipped in scene.findings
    assert "labels: 231 of 231 points, by the masks of 3 views" in scene.findings


def test_pixels_of_two_names_or_of_grey_give_no_label(small: Path) -> None:
    almost = Image.new("L", (40, 30), 254)
    _segment(small, "0", apple=WHITE, pear=_half("right"), plum=almost)
    (small / "segmentations/classes.txt").write_text("apple\npear\nplum\n")
    points = load(small, WALL).points
    assert points.labels is not None
    np.testing.assert_array_equal(points.labels == 0, points.xyz[:, 0] / 2 * 30 + 19.5 < 19.5)
    assert set(points.labels.tolist()) == {-1, 0}


def test_masks_of_another_size_are_looked_up_in_their_own_pixels(small: Path) -> None:
    _segment(small, "0", apple=_half("left").resize((80, 60), Image.Resampling.NEAREST), pear=_half("right"))
    (small / "segmentations/classes.txt").write_text("apple\npear\n")
    points = load(small, WALL).points
    assert points.labels is not None
    np.testing.assert_array_equal(points.labels, (points.xyz[:, 0] > -1e-9).astype(int))


def test_a_point_behind_another_is_not_labelled_by_its_view(small: Path) -> None:
    front = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 41), np.linspace(-0.3, 0.3, 31)), axis=-1).reshape(-1, 2)
    cloud = np.concatenate([np.c_[front, np.ones(len(front))], [[0.0, 0.0, 3.0]]])
    write_ply(small / "wall.ply", cloud)
    _segment(small, "0", apple=WHITE)
    (small / "segmentations/classes.txt").write_text("apple\n")
    labels = load(small, WALL).points.labels
    assert labels is not None and labels[-1] == -1 and (labels[:-1] == 0).all()


def test_a_mask_that_is_not_there_shows_nothing(small: Path) -> None:
    _segment(small, "0", apple=WHITE)
    (small / "segmentations/classes.txt").write_text("apple\npear\n")
    findings = load(small, WALL).findings
    assert "1 masks of segmentations do not exist: their names are treated as not visible" in findings


def test_a_mask_of_a_class_without_a_name_is_refused(small: Path) -> None:
    _segment(small, "00", apple=WHITE, pear=BLACK)
    (small / "segmentations/classes.txt").write_text("apple\n")
    with pytest.raises(BadScene, match=r"00/pear\.png: shows a class that segmentations/classes\.txt does not have"):
        load(small, WALL)


def test_class_names_do_not_lead_out_of_the_scene(small: Path) -> None:
    _segment(small, "0", apple=WHITE)
    (small / "segmentations/classes.txt").write_text("apple\n../../../secret\n")
    with pytest.raises(BadScene, match="leads out of the scan's folder"):
        load(small, WALL)


def test_frames_without_a_finite_pose_are_counted(small: Path) -> None:
    stored = np.load(small / "poses_bounds.npy")
    stored[1, 3] = np.nan
    np.save(small / "poses_bounds.npy", stored)
    scene = load(small, WALL)
    assert [frame.name for frame in scene.frames] == ["IMG_7", "IMG_9"]
    assert "1 of 3 frames skipped: no valid camera_to_world (IMG_8.png)" in scene.findings


def test_a_mirrored_file_is_refused(small: Path) -> None:
    """The frame that TensoRF and 3D-OVS work in is mirrored; files are not, unless somebody saved that one."""
    stored = np.load(small / "poses_bounds.npy")
    stored[:, 1::5][:, :3] *= -1  # the axis to the right
    np.save(small / "poses_bounds.npy", stored)
    with pytest.raises(BadScene, match="a reflection"):
        check_scene(load(small, WALL))


def test_without_points_the_sentence_says_what_to_do(small: Path) -> None:
    with pytest.raises(BadScene, match=r"small: no points: .*sparse/0/points3D\.bin.* name a \.ply .* with --cloud"):
        load(small)


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: np.save(f / "poses_bounds.npy", np.zeros((3, 15))), r"shape \(3, 15\); \(number of images, 17\)"),
        (lambda f: np.save(f / "poses_bounds.npy", np.zeros((0, 17))), r"shape \(0, 17\)"),
        (lambda f: np.save(f / "poses_bounds.npy", np.array([{"a": 1}], object)), "poses_bounds.npy"),
        (lambda f: np.save(f / "poses_bounds.npy", np.array([row(focal=0)] * 3)), "view 0 has height, width, focal"),
        (lambda f: (f / "poses_bounds.npy").write_bytes(b"\x93NUMPY"), "cannot be read as an array"),
        (lambda f: (f / "images/IMG_8.png").unlink(), r"3 poses for 2 images in images; they are matched by ord"),
        (lambda f: (f / "images/IMG_8.png").write_bytes(b"x"), r"IMG_8\.png: cannot be read as an image:"),
        (lambda f: shutil.rmtree(f / "images"), "images: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_sentence(small: Path, damage: Damage, said: str) -> None:
    damage(small)
    with pytest.raises(BadInput, match=said):
        load(small, WALL)


def test_scenes_are_found_by_their_file(small: Path, room: Path, tmp_path: Path) -> None:
    assert llff.scene_names(tmp_path, WALL) == ["room", "small"]
    assert llff.scene_names(small, WALL) == ["small"]
    assert [frame.name for frame in load(small, Options(cloud="wall.ply", frame_stride=2)).frames] == ["IMG_7", "IMG_9"]
    assert len(load(small, Options(cloud="wall.ply", frame_limit=1)).frames) == 1
    with pytest.raises(
        BadInput, match=r"no LLFF scene\. Looked for poses_bounds\.npy in it and in each of its folders"
    ):
        llff.scene_names(small / "images", WALL)
    with pytest.raises(BadScene, match="hall: no folder of that name"):
        llff.load_scene(tmp_path, "hall", WALL, tmp_path / "unpacked")
