"""COLMAP: the generated room through a lens, real photographs, and pycolmap as referee."""

import io
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import generated_room
import numpy as np
import pytest
from colmap_room import as_text, load, model_of, tracked
from ovstore.core.scene import Scene
from ovstore.ingest.cameras.lenses import distort
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import colmap
from ovstore.ingest.datasets.colmap import Options
from ovstore.ingest.files.images import read_image
from ovstore.ingest.formats.colmap.frames import camera_to_world
from ovstore.ingest.formats.colmap.model import read_cameras, read_images, read_points
from ovstore.ingest.generated.formats import colmap as written
from PIL import Image

MAUPERTUIS = Path(__file__).parents[3] / "shared" / "data" / "colmap_maupertuis"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("colmap", tmp_path_factory.mktemp("colmap") / "room")


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "room")


@pytest.fixture(scope="module")
def loaded(original: Path) -> Scene:
    return load(original)


def test_poses_come_back(loaded: Scene) -> None:
    assert {frame.name for frame in loaded.frames} == set(tracked())
    for frame in loaded.frames:
        assert np.allclose(frame.camera_to_world, tracked()[frame.name], atol=1e-9)
    assert loaded.up_axis == "z"


def test_straightened_pictures_are_those_of_their_pinhole(loaded: Scene) -> None:
    """The recording's picture, looked up along the rays of the straightened one's pixels."""
    recording = generated_room.recording()
    for frame in loaded.frames[:3]:
        rgb = read_image(frame.image_path).astype(float)
        row, column = np.mgrid[: frame.camera.height, : frame.camera.width]
        camera, other = frame.camera, recording.color_camera
        u = (column - camera.cx) / camera.fx * other.fx + other.cx
        v = (row - camera.cy) / camera.fy * other.fy + other.cy
        truth = np.asarray(Image.open(open_jpeg(int(frame.name))))[np.rint(v).astype(int), np.rint(u).astype(int)]
        assert np.abs(rgb - truth).mean() < 8
        shifted = np.roll(truth, 4, axis=1)
        assert np.abs(rgb - shifted).mean() > 1.8 * np.abs(rgb - truth).mean()


def open_jpeg(number: int):  # type: ignore[no-untyped-def]
    return io.BytesIO(generated_room.recording().frames[number].jpeg)


def test_the_scene_passes_its_checks_and_says_what_was_done(loaded: Scene) -> None:
    findings = " ".join(check_scene(loaded).findings)
    assert "images were undistorted; the models of their lenses: OPENCV" in findings
    assert "the world's scale is not known" in findings
    assert "sparse points" in findings and "no depth" in findings


def test_text_and_binary_are_one_model(original: Path, tmp_path: Path) -> None:
    written.write_text(tmp_path, model_of())
    binary = original / "sparse" / "0"
    assert read_cameras(tmp_path / "cameras.txt") == read_cameras(binary / "cameras.bin")
    ours, theirs = read_images(tmp_path / "images.txt"), read_images(binary / "images.bin")
    assert (ours.names, ours.camera_ids) == (theirs.names, theirs.camera_ids)
    assert np.array_equal(ours.poses, theirs.poses)
    text, packed = read_points(tmp_path / "points3D.txt"), read_points(binary / "points3D.bin")
    for column in ("xyz", "rgb", "error", "track_length"):
        assert np.array_equal(getattr(text, column), getattr(packed, column))


def test_pycolmap_agrees(original: Path, tmp_path: Path) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="needs pycolmap")
    theirs, model = pycolmap.Reconstruction(original / "sparse" / "0"), model_of()
    assert theirs.num_reg_images() == len(model.images) and theirs.num_points3D() == len(model.points)
    assert theirs.compute_mean_track_length() == pytest.approx(np.mean([len(point.track) for point in model.points]))
    reported = theirs.compute_mean_reprojection_error()
    theirs.update_point_3d_errors()
    assert theirs.compute_mean_reprojection_error() == pytest.approx(reported, abs=1e-6)
    for kind in ("binary", "text"):  # and as this version writes it, with rigs and frames
        folder = tmp_path / kind
        folder.mkdir()
        getattr(theirs, f"write_{kind}")(folder)
        ending = "bin" if kind == "binary" else "txt"
        assert (folder / f"rigs.{ending}").exists()
        images, points = read_images(folder / f"images.{ending}"), read_points(folder / f"points3D.{ending}")
        assert read_cameras(folder / f"cameras.{ending}")[1] == model.lens
        for name, matrix in zip(images.names, camera_to_world(images.poses, 1.0), strict=True):
            pose = theirs.find_image_with_name(name).cam_from_world().inverse().matrix()
            assert np.allclose(matrix[:3], pose, atol=1e-9)
        order = np.argsort([point.number for point in model.points])
        expected = np.array([model.points[row].xyz for row in order])
        assert np.allclose(np.sort(points.xyz, axis=0), np.sort(expected, axis=0), atol=1e-9)
        assert points.track_length.sum() == sum(len(point.track) for point in model.points)


@pytest.mark.skipif(not MAUPERTUIS.exists(), reason="shared data is not here")
def test_real_photographs_have_the_reprojection_error_that_is_published() -> None:
    folder = MAUPERTUIS / "sparse" / "0"
    (lens,) = read_cameras(folder / "cameras.txt").values()
    images, points = read_images(folder / "images.txt"), read_points(folder / "points3D.txt")
    lines = [line for line in (folder / "images.txt").read_text().splitlines() if not line.startswith("#")]
    ids = [int(line.split()[0]) for line in (folder / "points3D.txt").read_text().splitlines() if line[0] != "#"]
    row_of, errors = {number: row for row, number in enumerate(ids)}, []
    for pose, keypoints in zip(np.linalg.inv(camera_to_world(images.poses, 1.0)), lines[1::2], strict=True):
        x, y, number = np.array(keypoints.split(), float).reshape(-1, 3).T
        known = number >= 0
        xyz = points.xyz[[row_of[int(which)] for which in number[known]]] @ pose[:3, :3].T + pose[:3, 3]
        uv = np.c_[x, y][known] - 0.5
        errors.append(np.linalg.norm(distort(lens, xyz[:, :2] / xyz[:, 2:]) - uv, axis=1))
    assert np.concatenate(errors).mean() == pytest.approx(0.346, abs=0.001)


@pytest.mark.skipif(not MAUPERTUIS.exists(), reason="shared data is not here")
def test_real_photographs_are_used_as_they_are() -> None:
    scene = check_scene(load(MAUPERTUIS))
    assert [frame.name for frame in scene.frames] == ["00", "01", "02", "03"]
    assert len(scene.points) == 1039 and scene.up_axis == "-y"
    assert scene.frames[0].image_path == MAUPERTUIS / "images" / "00.jpg"
    assert "100% of the points lie inside the views" in scene.findings


def test_the_largest_model_is_taken_and_another_by_name(room: Path) -> None:
    model = model_of()
    (room / "sparse" / "1").mkdir()
    written.write_binary(room / "sparse" / "1", replace(model, images=model.images[:3]))
    scene = load(room)
    assert len(scene.frames) == len(model.images)
    assert any("sparse/0 with 8 images is the largest of 2; for another: --model sparse/1" in f for f in scene.findings)
    assert len(load(room, model="sparse/1").frames) == 3


@pytest.mark.parametrize("place", ["sparse", ".", "colmap/sparse/0"])
def test_the_model_lies_in_any_of_the_usual_places(room: Path, place: str) -> None:
    shutil.move(room / "sparse" / "0", room / "model")
    shutil.rmtree(room / "sparse")
    (room / place).mkdir(parents=True, exist_ok=True)
    for path in (room / "model").iterdir():
        path.rename(room / place / path.name)
    assert len(load(room).frames) == 8
    assert colmap.scene_names(room.parent, Options()) == ["room"] == colmap.scene_names(room, Options())


def test_pictures_in_folders_keep_them_in_their_names(room: Path) -> None:
    model = model_of()
    folders = ("left/", "right/")
    images = [replace(image, name=f"{folders[row % 2]}{row // 2}.jpg") for row, image in enumerate(model.images)]
    for folder in folders:
        (room / "images" / folder).mkdir()
    for old, new in zip(model.images, images, strict=True):
        (room / "images" / old.name).rename(room / "images" / new.name)
    as_text(room, replace(model, images=tuple(images)))
    names = [frame.name for frame in load(room).frames]
    assert sorted(names) == sorted(image.name[:-4] for image in images)


def test_pictures_that_differ_by_their_ending_keep_it(room: Path) -> None:
    model = model_of()
    twin = replace(model.images[0], number=99, name="0000.png")
    Image.open(room / "images" / "0000.jpg").save(room / "images" / "0000.png")
    as_text(room, replace(model, images=(*model.images, twin)))
    assert {"0000.jpg", "0000.png"} < {frame.name for frame in load(room).frames}


def test_names_with_blanks_and_in_other_scripts(room: Path) -> None:
    model = model_of()
    (room / "images" / "0000.jpg").rename(room / "images" / "la cuisine 台所 🍳.jpg")
    images = (replace(model.images[0], name="la cuisine 台所 🍳.jpg"), *model.images[1:])
    written.write_binary(room / "sparse" / "0", replace(model, images=images))
    packed = load(room)
    as_text(room, replace(model, images=images))
    assert {frame.name for frame in load(room).frames} == {frame.name for frame in packed.frames}
    assert "la cuisine 台所 🍳" in {frame.name for frame in packed.frames}


def test_an_image_without_keypoints_is_an_image(room: Path) -> None:
    folder = as_text(room)
    lines = (folder / "images.txt").read_text().splitlines()
    lines[4] = ""
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    assert len(read_images(folder / "images.txt").names) == 8


def test_smaller_pictures_take_the_intrinsics_to_their_size(room: Path, loaded: Scene) -> None:
    (room / "images_2").mkdir()
    for path in (room / "images").iterdir():
        Image.open(path).resize((80, 60)).save(room / "images_2" / path.name)
    frame, whole = load(room, images="images_2").frames[0], loaded.frames[0]
    expected = whole.camera.resized(80, 60)
    assert (frame.camera.width, frame.camera.height) == (80, 60)
    assert (frame.camera.cx, frame.camera.cy) == pytest.approx((expected.cx, expected.cy))
    assert (frame.camera.fx, frame.camera.fy) == pytest.approx((expected.fx, expected.fy), rel=0.01)
    shutil.rmtree(room / "images")
    assert load(room).frames[0].camera == frame.camera


def test_cameras_of_mixed_sizes_and_a_portrait(room: Path) -> None:
    """The second camera is the first, held upright: its picture is cut to the middle."""
    model, folder = model_of(), room / "sparse" / "0"
    lens = model.lens
    picture = Image.open(room / "images" / "0000.jpg").crop((40, 0, 120, 120))
    picture.save(room / "images" / "0000.jpg", quality=95)
    as_text(room)
    numbers = " ".join(map(repr, (lens.fx, lens.fy, lens.cx + 0.5 - 40, lens.cy + 0.5, *lens.params)))
    with (folder / "cameras.txt").open("a") as file:
        file.write(f"7 OPENCV 80 120 {numbers}\n")
    text = (folder / "images.txt").read_text()
    (folder / "images.txt").write_text(text.replace(" 1 0000.jpg", " 7 0000.jpg"))
    sizes = {(frame.camera.width, frame.camera.height) for frame in check_scene(load(room)).frames}
    assert sizes == {(80, 120), (160, 120)}


def test_an_exif_orientation_changes_nothing(room: Path, loaded: Scene) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    segment = exif.tobytes()
    for path in (room / "images").iterdir():
        body = path.read_bytes()
        path.write_bytes(body[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + body[2:])
    assert Image.open(room / "images" / "0000.jpg").getexif()[0x0112] == 6
    frame = load(room).frames[0]
    assert np.array_equal(read_image(frame.image_path), read_image(loaded.frames[0].image_path))


def test_frames_without_a_picture_or_a_pose_are_counted(room: Path) -> None:
    folder = as_text(room)
    (room / "images" / "0000.jpg").unlink()
    lines = (folder / "images.txt").read_text().splitlines()
    number, _, rest = lines[5].split(" ", 8)[0], lines[5], lines[5].split(" ", 8)[8]
    lines[5] = f"{number} 0 0 0 0 nan 0 0 {rest}"
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    scene = load(room)
    assert len(scene.frames) == 6
    assert "1 of 8 frames skipped: no valid pose (0001)" in scene.findings
    assert any(f.startswith("1 of 8 frames skipped: no image of that name in") for f in scene.findings)


def test_stride_and_limit(room: Path) -> None:
    assert len(load(room, frame_stride=3).frames) == 3
    assert len(load(room, frame_limit=2).frames) == 2


def test_points_of_few_images_and_far_ones_are_left_out(room: Path) -> None:
    model = model_of()
    track = np.array([len(point.track) for point in model.points])
    scene = load(room, min_track=3)
    assert len(scene.points) == (track >= 3).sum() and any("left out" in finding for finding in scene.findings)
    assert len(load(room, max_error=0.3).points) == sum(point.error <= 0.3 for point in model.points)
    far = replace(model.points[0], number=10**6, xyz=(5e4, 0.0, 0.0))
    as_text(room, replace(model, points=(*model.points, far)))
    assert len(load(room).points) == len(model.points)


def test_world_scale_divides_poses_and_points_alike(room: Path, loaded: Scene) -> None:
    scene = load(room, world_scale=2.0)
    assert np.allclose(scene.points.xyz * 2, loaded.points.xyz)
    for frame, other in zip(scene.frames, loaded.frames, strict=True):
        assert np.allclose(frame.camera_to_world[:3, 3] * 2, other.camera_to_world[:3, 3])
        assert np.allclose(frame.camera_to_world[:3, :3], other.camera_to_world[:3, :3])
    assert not any("scale" in finding for finding in scene.findings)
