"""What cannot be right is refused before it costs an hour, with the option that mends it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Frame, PointCloud, Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets.rgbd import Options
from ovstore.ingest.formats.frame_options import FrameOptions
from PIL import Image

CAMERA = Camera(64, 48, 50.0, 50.0, 31.5, 23.5)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Ten cameras side by side that look at a wall 2 m away."""
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "image.png")
    Image.fromarray(np.full((48, 64), 2000, np.uint16)).save(tmp_path / "depth.png")
    x, y = np.meshgrid(np.linspace(-1.2, 2.1, 60), np.linspace(-0.9, 0.9, 40))
    wall = np.stack([x.ravel(), y.ravel(), np.full(x.size, 2.0)], axis=1)
    frames = tuple(
        Frame(str(i), CAMERA, _at(0.1 * i), tmp_path / "image.png", tmp_path / "depth.png", CAMERA) for i in range(10)
    )
    return Scene("wall", frames, PointCloud(wall), str(tmp_path))


def _at(x: float) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[0, 3] = x
    return pose


def each(scene: Scene, change: Callable[[Frame], Frame], count: int | None = None) -> Scene:
    """The scene with its first `count` frames changed; all of them without a count."""
    count = len(scene.frames) if count is None else count
    return replace(scene, frames=(*(change(f) for f in scene.frames[:count]), *scene.frames[count:]))


def turned(matrix: NDArray[np.float64]) -> Callable[[Frame], Frame]:
    return lambda frame: replace(frame, camera_to_world=frame.camera_to_world @ matrix)


def test_a_sound_scene_passes_and_says_what_was_seen(scene: Scene) -> None:
    checked = check_scene(scene)
    assert checked.frames == scene.frames
    assert checked.findings == (
        "median depth 2.00 m, readings in 100% of the pixels",
        "depth of neighbouring frames agrees to 2% in 100% of the readings that nothing occludes",
        "100% of the points lie inside the views",
    )


def test_a_stride_that_leaves_most_points_out_of_view_is_named(scene: Scene) -> None:
    xyz = scene.points.xyz
    apart = replace(scene, points=PointCloud(np.concatenate([xyz, xyz - [0, 0, 4], xyz - [0, 0, 5]])))
    assert check_scene(apart, Options(frame_stride=7)).findings[-1].endswith("; --frame-stride 7 left 10 of the frames")
    assert "--frame-stride" not in check_scene(apart, Options()).findings[-1]


def test_checking_twice_finds_nothing_new(scene: Scene) -> None:
    checked = check_scene(scene)
    assert check_scene(checked).findings == checked.findings


@pytest.mark.parametrize(
    "matrix, said",
    [
        (
            np.diag([1.0, -1, 1, 1]),
            r"10 of 10 frames; frame 0: a reflection \(determinant -1\).*negative fy .*\(--fy\)",
        ),
        (np.diag([2.0, 2, 2, 1]), "a rotation scaled by 2"),
        (np.diag([1.0, 1, 1.5, 1]), "not at right angles and of length 1"),
        (np.diag([1.0, 1, 0, 1]), "determinant 0"),
        (np.diag([1e300, 1, 1, 1]), "not at right angles"),
    ],
)
def test_what_is_no_rotation_is_called_by_its_name(scene: Scene, matrix: NDArray[np.float64], said: str) -> None:
    with pytest.raises(BadScene, match=said):
        check_scene(each(scene, turned(matrix)), Options())


def test_a_few_improper_rotations_are_left_out(scene: Scene) -> None:
    checked = check_scene(each(scene, turned(np.diag([-1.0, 1, 1, 1])), 1))
    assert [frame.name for frame in checked.frames] == [str(i) for i in range(1, 10)]
    assert checked.findings[0].startswith("1 of 10 frames skipped: camera_to_world is not a rotation (frame 0: a refl")


@pytest.mark.parametrize("scale, option", [(1.0, 1000), (1e6, 1000)])
def test_a_depth_a_thousand_times_off_is_refused_with_the_right_scale(scene: Scene, scale: float, option: int) -> None:
    with pytest.raises(BadScene, match=rf"median depth is .* m at .*\(--depth-scale {option}\)$"):
        check_scene(each(scene, lambda frame: replace(frame, depth_scale=scale)), Options())


def test_a_depth_that_disagrees_with_the_points_names_the_scale_that_would_agree(scene: Scene) -> None:
    with pytest.raises(BadScene, match=r"5 times as far as .*1000 .* instead of 200 .*\(--depth-scale 1000\)"):
        check_scene(each(scene, lambda frame: replace(frame, depth_scale=200)), Options())
    checked = check_scene(each(scene, lambda frame: replace(frame, depth_scale=800)))
    assert "depth readings are 1.25 times as far as the points they hit" in checked.findings


@pytest.mark.parametrize("scale, option", [(1000, "1000"), (0.001, "0.001")])
def test_a_world_a_thousand_times_off_is_refused(scene: Scene, scale: float, option: str) -> None:
    points = replace(scene.points, xyz=scene.points.xyz * scale)
    with pytest.raises(BadScene, match=rf"the points span .*\(--world-scale {option}\)"):
        check_scene(replace(scene, points=points), Options())


def test_only_options_that_the_dataset_has_are_named(scene: Scene) -> None:
    flipped, opengl = np.diag([1.0, -1, 1, 1]), np.diag([1.0, -1, -1, 1])
    wrong = [
        *(each(scene, turned(matrix)) for matrix in (flipped, opengl)),
        *(each(scene, lambda frame, scale=scale: replace(frame, depth_scale=scale)) for scale in (1, 200)),
        replace(scene, points=replace(scene.points, xyz=scene.points.xyz * 1000)),
    ]
    for scene in wrong:
        with pytest.raises(BadScene, match="--"):
            check_scene(scene, Options())
        with pytest.raises(BadScene) as caught:
            check_scene(scene, FrameOptions())
        assert "--" not in str(caught.value)


def test_intrinsics_must_fit_the_image(scene: Scene) -> None:
    shrunk = replace(CAMERA, cx=639.5, cy=479.5)
    with pytest.raises(BadScene, match=r"principal point \(639.5, 479.5\) lies outside .*1280x960"):
        check_scene(each(scene, lambda frame: replace(frame, camera=shrunk)))
    with pytest.raises(BadScene, match="fx = 5000 pixels is implausible for a 64x48 image"):
        check_scene(each(scene, lambda frame: replace(frame, camera=replace(CAMERA, fx=5000.0))))
    stretched = check_scene(each(scene, lambda frame: replace(frame, camera=replace(CAMERA, fy=80.0))))
    assert any("stretched" in finding for finding in stretched.findings)


def test_a_camera_of_one_pixel_is_no_special_case(scene: Scene) -> None:
    pixel = Camera(1, 1, 1.0, 1.0, 0.0, 0.0)
    with pytest.raises(BadScene, match="its camera says 1x1"):
        check_scene(each(scene, lambda frame: replace(frame, camera=pixel)))


@pytest.mark.parametrize("which", ["camera", "depth_camera"])
def test_pictures_must_have_the_size_their_cameras_say(scene: Scene, which: str) -> None:
    with pytest.raises(BadScene, match=r"\w+\.png: 64x48 pixels; its camera says 128x96"):
        check_scene(each(scene, lambda frame: replace(frame, **{which: CAMERA.resized(128, 96)})))


def test_one_depth_picture_of_another_size_is_named_though_other_frames_have_none(scene: Scene, tmp_path: Path) -> None:
    Image.fromarray(np.full((24, 32), 2000, np.uint16)).save(tmp_path / "odd.png")
    frames = [replace(scene.frames[0], name=str(i), camera_to_world=_at(0.02 * i)) for i in range(40)]
    for bare in range(38):
        frames[bare] = replace(frames[bare], depth_path=None, depth_camera=None)
    frames[38] = replace(frames[38], depth_path=tmp_path / "odd.png")
    with pytest.raises(BadScene, match=r"odd\.png: 32x24 pixels; its camera says 64x48"):
        check_scene(replace(scene, frames=tuple(frames)))


def test_points_out_of_every_view_are_refused_with_the_option_that_helps(scene: Scene) -> None:
    opengl = each(scene, turned(np.diag([1.0, -1, -1, 1])))
    with pytest.raises(BadScene, match=r"no point falls inside .*with y up \(--axes opengl\)"):
        check_scene(opengl, Options())
    shift = np.eye(4)
    shift[2, 3] = 3.0  # world to camera of a camera at z = -3: inverted, it stands in front of the wall
    with pytest.raises(BadScene, match=r"map the world into the camera \(--world-to-camera\)"):
        check_scene(each(scene, turned(shift)), Options())
    far = replace(scene.points, xyz=scene.points.xyz + np.array([0, 500, 0]))
    with pytest.raises(BadScene, match="do not share a world"):
        check_scene(replace(scene, points=far))


def test_frames_that_show_nothing_and_repeat_each_other_are_findings(scene: Scene) -> None:
    away = np.diag([-1.0, 1, -1, 1])
    findings = check_scene(each(scene, lambda frame: replace(frame, camera_to_world=away), 2)).findings
    assert "1 of 10 frames repeat the camera_to_world of another" in findings
    assert any(finding.endswith("2 of 10 frames show none") for finding in findings)


def test_two_frames_of_one_name_are_no_scene(scene: Scene) -> None:
    with pytest.raises(BadScene, match="same name"):
        replace(scene, frames=(*scene.frames, scene.frames[0]))


def test_depth_without_a_reading_is_refused(scene: Scene, tmp_path: Path) -> None:
    for nothing in (0, 65535):
        Image.fromarray(np.full((48, 64), nothing, np.uint16)).save(tmp_path / "depth.png")
        with pytest.raises(BadScene, match="no reading in the depth of 6 frames"):
            check_scene(scene)


def test_a_truncated_picture_is_named(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "depth.png").write_bytes((tmp_path / "depth.png").read_bytes()[:50])
    with pytest.raises(BadInput, match=r"depth\.png"):
        check_scene(scene)


def test_without_depth_a_finding_says_what_that_means(scene: Scene) -> None:
    without_depth = each(scene, lambda frame: replace(frame, depth_path=None, depth_camera=None))
    checked = check_scene(without_depth)
    assert "no depth: nothing occludes anything (--splat-radius)" in checked.findings
    drawn = check_scene(without_depth, splat_radius=0.05)
    assert "no depth: occlusion is computed from the points, drawn 0.05 m around each" in drawn.findings
    assert not any("nothing occludes anything" in finding for finding in drawn.findings)


def test_a_picture_stored_turned_is_a_finding(scene: Scene, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / "image.jpg", exif=exif)
    checked = check_scene(each(scene, lambda frame: replace(frame, image_path=tmp_path / "image.jpg")))
    assert "10 of the checked images carry an EXIF orientation; pixels are used as stored" in checked.findings
