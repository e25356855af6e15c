"""nerfstudio: transforms.json of every flavour is the same scene; what its paths and numbers may not be."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generated_room
import numpy as np
import pytest
from generated_room import recording, tracked
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.cameras.lenses import Lens, distort
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import nerfstudio
from ovstore.ingest.datasets.nerfstudio import Options
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.store.files.ply_writer import write_ply
from PIL import Image

Change = Callable[[dict[str, Any]], None]
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("nerfstudio", tmp_path_factory.mktemp("nerfstudio") / "room")


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "room")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three grey pictures of 40x30 in a row along x, looking along -z of OpenGL's axes, and points before them."""
    folder = tmp_path / "small"
    (folder / "images").mkdir(parents=True)
    frames = []
    for number in range(3):
        Image.new("RGB", (40, 30), (90 + number, 90, 90)).save(folder / f"images/{number}.png")
        matrix = np.eye(4)
        matrix[0, 3] = 0.1 * number
        frames.append({"file_path": f"images/{number}.png", "transform_matrix": matrix.tolist()})
    body = {"fl_x": 30.0, "fl_y": 31.0, "cx": 21.0, "cy": 14.0, "w": 40, "h": 30, "aabb_scale": 16, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(body))
    x, y = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20))
    write_ply(folder / "sparse_pc.ply", np.stack([x.ravel(), y.ravel(), np.full(400, -2.0)], axis=1))
    return folder


def load(folder: Path, options: Options | None = None) -> Scene:
    return nerfstudio.load_scene(folder, folder.name, options or Options(), folder.parent / "unpacked")


def change(folder: Path, edit: Change, file: str = "transforms.json") -> None:
    body = json.loads((folder / file).read_text())
    edit(body)
    (folder / file).write_text(json.dumps(body))


def test_the_recording_comes_back(room: Path) -> None:
    made = recording()
    scene = check_scene(load(room))
    assert [frame.name for frame in scene.frames][:2] == ["frame_00001", "frame_00002"]
    for frame, truth in zip(scene.frames, tracked().values(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, truth.camera_to_world, atol=1e-12)
        assert frame.depth_scale == 1000
    np.testing.assert_allclose(scene.points.xyz, made.mesh.xyz, atol=1e-6)
    assert scene.points.rgb is not None
    np.testing.assert_array_equal(scene.points.rgb, made.mesh.rgb)
    assert scene.up_axis == "z" and "points: sparse_pc.ply" in scene.findings


def test_straightened_pictures_show_what_the_recording_saw(room: Path) -> None:
    """The pinhole's pixel of a ray is the recording's pixel of that ray, for colour and depth."""
    made = recording()
    frame, truth = load(room).frames[0], made.frames[0]
    rgb = np.asarray(Image.open(io.BytesIO(truth.jpeg))).astype(int)
    picture, camera = read_image(frame.image_path).astype(int), frame.camera
    assert camera.fx > made.color_camera.fx  # the lens shows less than the recording
    row, column = np.mgrid[5:115, 5:155]
    ray = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy])
    for pixels, seen, other in (
        (picture, rgb, made.color_camera),
        (read_depth(frame.depth_path, 1000.0) * 1000, truth.depth, made.depth_camera),  # type: ignore[arg-type]
    ):
        u, v = np.rint(ray[0] * other.fx + other.cx).astype(int), np.rint(ray[1] * other.fy + other.cy).astype(int)
        off = np.abs(pixels[row, column].astype(float) - seen[v.clip(0, 119), u.clip(0, 159)])
        assert np.median(off) < 8
        wrong = np.abs(pixels[row, column].astype(float) - seen[v.clip(0, 119)[::-1], u.clip(0, 159)])
        assert off.mean() < 0.4 * wrong.mean()


def test_a_camera_looks_along_minus_z_and_pixels_count_from_the_corner(small: Path) -> None:
    frame = check_scene(load(small)).frames[1]
    np.testing.assert_allclose(frame.camera_to_world, [[1, 0, 0, 0.1], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])
    camera = frame.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (30, 31, 20.5, 13.5)
    assert frame.image_path == small.absolute() / "images/1.png"  # no lens, no copy


@pytest.mark.parametrize(
    ("numbers", "fx", "fy"),
    [
        ({"camera_angle_x": np.pi / 2}, 20, 20),
        ({"camera_angle_x": np.pi / 2, "camera_angle_y": np.pi / 2}, 20, 15),
        ({"x_fov": 90}, 20, 20),
        ({"fl_y": 33}, 33, 33),
        ({"fl_x": 25, "camera_angle_x": 1.0}, 25, 25),
    ],
)
def test_focal_lengths_are_said_in_many_ways(small: Path, numbers: dict[str, float], fx: float, fy: float) -> None:
    def edit(body: dict[str, Any]) -> None:
        for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
            del body[key]
        body.update(numbers)

    change(small, edit)
    camera = load(small).frames[0].camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == pytest.approx((fx, fy, 19.5, 14.5))


def test_a_frame_says_its_own_intrinsics(small: Path) -> None:
    change(small, lambda body: body["frames"][2].update(fl_x=28.0, cx=20.0))
    cameras = [frame.camera for frame in load(small).frames]
    assert [(camera.fx, camera.cx) for camera in cameras] == [(30, 20.5), (30, 20.5), (28, 19.5)]


def test_smaller_pictures_have_a_smaller_camera(small: Path) -> None:
    for path in (small / "images").iterdir():
        Image.open(path).resize((20, 15)).save(path)
    assert load(small).frames[0].camera.fx == 15
    Image.new("RGB", (30, 40)).save(small / "images/0.png")
    with pytest.raises(BadScene, match=r"frames\[0\]: its camera has 40x30 pixels, its image 30x40 \(is it stored rot"):
        load(small)


@pytest.mark.parametrize(
    ("said", "lens"),
    [
        ({"k1": 0.1, "k2": 0.02, "p1": 0.001, "p2": 0.002}, ("OPENCV", (0.1, 0.02, 0.001, 0.002))),
        ({"camera_model": "OPENCV", "k1": 0.1, "k3": 0.01}, ("FULL_OPENCV", (0.1, 0, 0, 0, 0.01, 0, 0, 0))),
        ({"distortion_params": [0.1, 0, 0, 0, 0, 0.002]}, ("OPENCV", (0.1, 0, 0, 0.002))),
        ({"camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k4": 0.01}, ("OPENCV_FISHEYE", (0.1, 0, 0, 0.01))),
        ({"is_fisheye": True, "k2": 0.1}, ("OPENCV_FISHEYE", (0, 0.1, 0, 0))),
    ],
)
def test_pictures_of_a_lens_are_straightened(small: Path, said: dict[str, Any], lens: tuple[str, Any]) -> None:
    """A dot lies where the pinhole says once it was drawn where the lens says."""
    change(small, lambda body: body.update(said))
    picture = np.zeros((30, 40, 3), np.uint8)
    ray = np.array([[0.3, -0.2]])
    column, row = np.rint(distort(Lens(lens[0], 40, 30, 30, 31, 20.5, 13.5, lens[1]), ray)[0]).astype(int)
    picture[row, column] = 255
    Image.fromarray(picture).save(small / "images/0.png")
    frame = load(small).frames[0]
    assert frame.image_path.is_relative_to(small.parent / "unpacked")
    brightest = np.unravel_index(read_image(frame.image_path)[..., 0].argmax(), (30, 40))
    camera = frame.camera
    wanted = ray[0] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    assert np.abs(wanted - brightest[::-1]).max() < 1.3


def test_the_worlds_of_poses_points_and_depth_are_one(room: Path) -> None:
    """applied_scale is in the poses and in nothing else; --world-scale is in all."""

    def edit(body: dict[str, Any]) -> None:
        body["applied_scale"] = 0.25
        for frame in body["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 0.25

    expected = load(room)
    change(room, edit)
    scaled = load(room)
    for one, other in zip(expected.frames, scaled.frames, strict=True):
        np.testing.assert_allclose(one.camera_to_world, other.camera_to_world, atol=1e-9)
        assert one.depth_scale == other.depth_scale
    halved = load(room, Options(world_scale=2.0))
    np.testing.assert_allclose(halved.points.xyz, expected.points.xyz / 2)
    assert halved.frames[0].depth_scale == 2000
    np.testing.assert_allclose(halved.frames[0].camera_to_world[:3, 3], expected.frames[0].camera_to_world[:3, 3] / 2)


def test_depth_of_instant_ngp_has_the_unit_that_it_says(room: Path) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["integer_depth_scale"] = 0.0005
        for frame in body["frames"]:
            frame["depth_path"] = frame.pop("depth_file_path")

    change(room, edit)
    assert load(room).frames[0].depth_scale == pytest.approx(2000)
    assert load(room, Options(depth_scale=1000.0)).frames[0].depth_scale == 1000


def test_without_a_cloud_points_are_made_of_the_depth(room: Path) -> None:
    (room / "sparse_pc.ply").unlink()
    scene = check_scene(load(room, Options(voxel_size=0.05)))
    assert "ply_file_path sparse_pc.ply does not exist" in scene.findings
    assert "points: fused from depth, one per voxel of 0.05 m" in scene.findings
    low, high = recording().mesh.xyz.min(axis=0), recording().mesh.xyz.max(axis=0)
    assert (scene.points.xyz > low - 0.1).all() and (scene.points.xyz < high + 0.1).all()


def test_a_named_cloud_goes_before_the_files(small: Path) -> None:
    write_ply(small / "dense.ply", np.array([[0.0, 0.0, -2.0], [0.1, 0.0, -2.0]]))
    assert len(load(small, Options(cloud="dense.ply")).points) == 2
    with pytest.raises(BadScene, match=r"no file at --cloud lost\.ply"):
        load(small, Options(cloud="lost.ply"))


@pytest.mark.parametrize(
    ("applied", "expected"),
    [
        (None, [2.0, 1.0, -3.0]),  # as ns-process-data turned worlds before it wrote applied_transform
        ([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0.5]], [1.0, 3.0, -1.5]),
    ],
)
def test_colmaps_points_are_turned_into_the_world_of_the_poses(
    small: Path, applied: Any, expected: list[float]
) -> None:
    (small / "sparse_pc.ply").unlink()
    (small / "colmap/sparse/0").mkdir(parents=True)
    (small / "colmap/sparse/0/points3D.txt").write_text("1 1.0 2.0 3.0 9 8 7 0.5 1 0 2 0\n2 9 9 9 0 0 0 0.5 1 0\n")
    if applied is not None:
        change(small, lambda body: body.update(applied_transform=applied))
    scene = load(small, Options(world_scale=2.0))
    np.testing.assert_allclose(scene.points.xyz, [np.array(expected) / 2])
    assert scene.points.rgb is not None and scene.points.rgb.tolist() == [[9, 8, 7]]
    assert any(finding.startswith("points: 1 sparse points; 1 left out") for finding in scene.findings)


def test_without_any_points_the_sentence_says_what_to_do(small: Path) -> None:
    (small / "sparse_pc.ply").unlink()
    with pytest.raises(BadScene, match=r"small: no points: .* Name a \.ply of the scene with --cloud"):
        load(small)


def test_missing_pictures_are_named_and_counted(small: Path) -> None:
    (small / "images/1.png").unlink()
    scene = load(small)
    assert [frame.name for frame in scene.frames] == ["0", "2"]
    assert scene.findings[0] == f"1 of 3 frames skipped: no such image in {small} (images/1.png)"
    shutil.rmtree(small / "images")
    with pytest.raises(
        BadScene, match=r"no usable frame \(3 of 3 frames skipped: no such image in .*small \(images/0\.png, ima"
    ):
        load(small)


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd.png", "images/../../x.png", "C:\\x.png", "..\\x.png"])
def test_paths_that_leave_the_folder_are_refused(small: Path, path: str) -> None:
    change(small, lambda body: body["frames"][1].update(file_path=path))
    for options in (Options(), Options(follow_links=True)):
        with pytest.raises(BadScene, match=r"leads out of the scan's folder .*small: copy the file there"):
            load(small, options)


@pytest.mark.parametrize("key", ["depth_file_path", "ply_file_path"])
def test_so_are_those_of_depth_and_points(small: Path, key: str) -> None:
    change(small, lambda body: (body if key == "ply_file_path" else body["frames"][0]).update({key: "../a.png"}))
    with pytest.raises(BadScene, match="leads out of the scan's folder"):
        load(small)


@pytest.mark.parametrize("path", ["\ud800.png", "a\0b", "", "x" * 400, "a/" * 4000 + "b"])
def test_what_can_be_no_file_is_one_sentence(small: Path, path: str) -> None:
    change(small, lambda body: body["frames"][1].update(file_path=path))
    with pytest.raises(BadScene) as caught:
        load(small)
    assert len(str(caught.value)) < 600 and str(caught.value).isprintable()


def test_names_may_be_strange(small: Path) -> None:
    (small / "images/1.png").rename(small / 'images/a "room" 👩‍🚀, 1.png')
    change(small, lambda body: body["frames"][1].update(file_path='.\\images\\a "room" 👩‍🚀, 1.png'))
    assert [frame.name for frame in load(small).frames] == ["0", 'a "room" 👩‍🚀, 1', "2"]


def test_a_picture_listed_twice_is_taken_once(small: Path) -> None:
    change(small, lambda body: body["frames"].append({**body["frames"][0], "file_path": "./images/0.png"}))
    scene = load(small)
    assert len(scene.frames) == 3
    assert "1 of 4 frames skipped: their image is listed before (./images/0.png)" in scene.findings


def test_blender_scenes_have_three_files_and_no_endings(small: Path) -> None:
    for split, number in (("train", 0), ("val", 1), ("test", 2)):
        (small / split).mkdir()
        Image.new("RGBA", (40, 30)).save(small / split / "r_0.png")
        matrix = np.eye(4)
        matrix[0, 3] = number
        frames = [{"file_path": f"./{split}/r_0", "rotation": 0.01, "transform_matrix": matrix.tolist()}]
        body = {"camera_angle_x": np.pi / 2, "frames": frames}
        (small / f"transforms_{split}.json").write_text(json.dumps(body))
    (small / "transforms.json").unlink()
    scene = check_scene(load(small))
    assert sorted(frame.name for frame in scene.frames) == ["test/r_0", "train/r_0", "val/r_0"]
    assert read_image(scene.frames[0].image_path).min() == 255  # transparent is white
    assert [frame.name for frame in load(small, Options(views="val")).frames] == ["r_0"]


def test_a_split_is_taken_by_its_list(small: Path) -> None:
    change(small, lambda body: body.update(train_filenames=["./images/0.png", "images/2.png"]))
    assert [frame.name for frame in load(small, Options(views="train")).frames] == ["0", "2"]
    with pytest.raises(BadScene, match=r"--views test: transforms\.json does not say which frames those are"):
        load(small, Options(views="test"))


def test_polycam_exports_are_read_as_they_are(room: Path, tmp_path: Path) -> None:
    keyframes = tmp_path / "capture" / "keyframes"
    for part in ("images", "cameras", "depth"):
        (keyframes / part).mkdir(parents=True)
    made = recording()
    camera = made.depth_camera
    for number, frame in enumerate(tracked().values()):
        Image.open(io.BytesIO(frame.jpeg)).save(keyframes / f"images/{number}.jpg")
        Image.fromarray(frame.depth).save(keyframes / f"depth/{number}.png")
        body: dict[str, Any] = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx + 0.5, "cy": camera.cy + 0.5}
        body |= {"width": camera.width, "height": camera.height, "blur_score": 90.0}
        rows = frame.camera_to_world @ OPENGL
        body |= {f"t_{row}{column}": float(rows[row, column]) for row in range(3) for column in range(4)}
        (keyframes / f"cameras/{number}.json").write_text(json.dumps(body))
    assert nerfstudio.scene_names(tmp_path, Options()) == ["capture", "room"]
    scene = check_scene(load(tmp_path / "capture", Options(voxel_size=0.05)))
    np.testing.assert_allclose(
        [f.camera_to_world for f in scene.frames], [f.camera_to_world for f in tracked().values()]
    )
    assert scene.frames[0].depth_camera == camera and scene.frames[0].depth_scale == 1000


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda body: body.pop("frames"), r"transforms\.json: no list 'frames' in it"),
        (lambda body: body.update(frames=[3]), r"frames\[0\]: an object with 'file_path' and 'transform_matrix'"),
        (lambda body: body["frames"][2].pop("transform_matrix"), r"frames\[2\]: no 'transform_matrix'"),
        (lambda body: body["frames"][2].update(transform_matrix=[[1, 2], [3]]), r"frames\[2\]: .* 4 rows of 4 numbers"),
        (lambda body: body["frames"][0]["transform_matrix"].__setitem__(3, [1, 2, 3, 1]), r"instead of 0 0 0 1"),
        (
            lambda body: body.update(camera_model="EQUIRECTANGULAR"),
            r"a panorama of the whole sphere is twice as wide as it is high",
        ),
        (lambda body: body.update(fl_x="wide"), r"fl_x is 'wide'; a number was expected"),
        (lambda body: body.update(fl_x=10**400), r"fl_x is '1000.*'; a number was expected"),
        (lambda body: body.update(w=1e300), r"w = 1e\+300 is not a number of pixels"),
        (lambda body: body.update(k1=0.1, k4=0.1), r"k4 = 0\.1 belongs to a fisheye"),
        (lambda body: body.update(distortion_params=[1]), r"distortion_params are 6 numbers"),
        (lambda body: [body.pop("fl_x"), body.pop("fl_y")], r"no focal length; fl_x, camera_angle_x"),
        (lambda body: body.update(camera_angle_x=4, fl_x=None), r"a view of 229\.183 degrees"),
        (lambda body: body.update(applied_scale=0), r"applied_scale is 0\.0; a positive number"),
    ],
)
def test_wrong_numbers_are_one_sentence(small: Path, edit: Change, said: str) -> None:
    change(small, edit)
    with pytest.raises(BadScene, match=said):
        load(small)


def test_frames_without_a_finite_pose_are_counted(small: Path) -> None:
    change(small, lambda body: body["frames"][0]["transform_matrix"][0].__setitem__(3, float("nan")))
    scene = load(small)
    assert len(scene.frames) == 2 and "1 of 3 frames skipped: no valid camera_to_world (images/0.png)" in scene.findings


def test_scenes_are_found_by_their_file(small: Path, room: Path, tmp_path: Path) -> None:
    assert nerfstudio.scene_names(tmp_path, Options()) == ["room", "small"]
    assert nerfstudio.scene_names(small, Options()) == ["small"]
    (small / "transforms.json").rename(small / "mine.json")
    assert nerfstudio.scene_names(tmp_path, Options(transforms="mine.json")) == ["small"]
    assert len(load(small, Options(transforms="mine.json", frame_stride=2)).frames) == 2
    with pytest.raises(BadInput, match=r"no nerfstudio scene\. Looked in it and in each of its folders for transforms"):
        nerfstudio.scene_names(small, Options())
    for name in ("hall", "../tmp", "..", "", "x" * 300, "a\0b"):
        with pytest.raises(BadScene):
            nerfstudio.load_scene(tmp_path, name, Options(), tmp_path / "unpacked")


def test_frames_that_the_file_calls_bad_are_left_out_by_name(small: Path) -> None:
    change(small, lambda body: body["frames"][1].update(is_bad=True) or body["frames"][0].update(is_bad=False))
    scene = load(small)
    assert [frame.name for frame in scene.frames] == ["0", "2"]
    assert "1 of 3 frames skipped: the file calls them bad (is_bad) (images/1.png)" in scene.findings


@pytest.mark.parametrize("change_to", [{"rolling_shutter": [0.0, 0.0, 0.03, 0.0]}, {"rolling_shutter_time": 0.02}])
def test_a_rolling_shutter_is_a_finding_and_none_is_not(small: Path, change_to: dict[str, Any]) -> None:
    change(small, lambda body: body.update(rolling_shutter=[0.0] * 4))
    assert not any("is not used" in finding for finding in load(small).findings)
    change(small, lambda body: body.update(change_to))
    assert any("images are treated as taken in one instant" in finding for finding in load(small).findings)


@pytest.mark.parametrize("key", ["ftheta_p0", "latlong", "equirectangular"])
def test_lenses_that_show_no_plane_are_refused(small: Path, key: str) -> None:
    change(small, lambda body: body.update({key: 1.0}))
    with pytest.raises(BadScene, match=f"{key} is not a perspective image;"):
        load(small)
