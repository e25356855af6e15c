"""Stray Scanner: what the app writes is read with its own conventions, and what is missing or ambiguous is said."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import generated_room
import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene, MissingPackage
from ovstore.core.scene import Scene
from ovstore.ingest.cameras.upright import turned, upright
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import strayscanner
from ovstore.ingest.datasets.strayscanner import Options
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.scan_files import fingerprint
from PIL import Image
from scipy.spatial.transform import Rotation

EVERY = Options(frame_stride=1, voxel_size=0.05)
NAME = "71de12f9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return generated_room.write("strayscanner", tmp_path / "scans" / NAME)


def load(folder: Path, options: Options = EVERY) -> Scene:
    unpacked = folder.parent.parent / "unpacked"
    return check_scene(strayscanner.load_scene(folder.parent, folder.name, options, unpacked), options)


def rows(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Write odometry.csv again with each row's words, the head's too, changed."""
    path = folder / "odometry.csv"
    lines = [change([word.strip() for word in line.split(",")]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(", ".join(words) for words in lines) + "\n")


def film(folder: Path, codec: str = "libx264", count: int | None = None) -> None:
    """Put the images into rgb.mp4, as the app does, and take their folder away."""
    av = pytest.importorskip("av", reason="needs the extra 'video'")
    images = [read_image(path) for path in sorted((folder / "rgb").iterdir())][:count]
    with av.open(str(folder / "rgb.mp4"), "w") as container:
        stream = container.add_stream(codec, rate=60)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    shutil.rmtree(folder / "rgb")


def test_depth_of_neighbours_agrees_as_the_app_writes_it(folder: Path) -> None:
    scene = load(folder)
    assert len(scene.frames) == len(generated_room.tracked())
    assert scene.up_axis == "y" and scene.frames[1].timestamp == pytest.approx(170340.4725 + 1 / 60)
    (agreement,) = [finding for finding in scene.findings if finding.startswith("depth of neighbouring frames agrees")]
    assert "may be wrong" not in agreement


def test_poses_with_arkits_own_axes_are_refused_by_name(folder: Path) -> None:
    def arkit(words: list[str]) -> list[str]:
        if words[0] == "timestamp":
            return words
        turn = Rotation.from_quat([float(word) for word in words[5:9]]) * Rotation.from_quat([1, 0, 0, 0])
        return [*words[:5], *(f"{value:.9f}" for value in turn.as_quat()), *words[9:]]

    rows(folder, arkit)
    with pytest.raises(BadScene, match="if the cameras look along -z with y up"):
        load(folder)


def test_older_recordings_take_the_intrinsics_of_camera_matrix(folder: Path) -> None:
    cameras = [frame.camera for frame in load(folder).frames]
    rows(folder, lambda words: words[:9])
    assert all(frame.camera.fx == pytest.approx(cameras[0].fx, rel=1e-5) for frame in load(folder).frames)
    (folder / "camera_matrix.csv").unlink()
    with pytest.raises(BadScene, match=r"neither camera_matrix.csv nor columns fx, fy, cx, cy"):
        load(folder)


def test_the_principal_point_counts_from_the_corner_and_images_made_smaller_have_smaller_numbers(folder: Path) -> None:
    camera = load(folder).frames[0].camera
    truth = generated_room.recording().color_camera
    assert (camera.cx, camera.cy) == (pytest.approx(truth.cx, abs=1e-4), pytest.approx(truth.cy, abs=1e-4))
    large = truth.resized(1920, 1440)
    numbers = [large.fx, large.fy, large.cx + 0.5, large.cy + 0.5]
    rows(folder, lambda words: words if words[0] == "timestamp" else [*words[:9], *map(str, numbers), "", ""])
    again = load(folder).frames[0].camera
    assert (again.fx, again.cx, again.cy) == pytest.approx((truth.fx, truth.cx, truth.cy), abs=1e-3)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_images_of_the_video_are_those_of_the_folder(folder: Path, codec: str) -> None:
    extracted = load(folder)
    pixels = [read_image(frame.image_path).astype(int) for frame in extracted.frames]
    film(folder, codec)
    filmed = load(folder)
    assert [frame.name for frame in filmed.frames] == [frame.name for frame in extracted.frames]
    for position, frame in enumerate(filmed.frames):
        off = [np.abs(read_image(frame.image_path) - other).mean() for other in pixels]
        assert int(np.argmin(off)) == position and off[position] < 6
        assert frame.camera == extracted.frames[position].camera


def test_images_of_a_video_are_decoded_once(folder: Path) -> None:
    film(folder)
    first = {frame.image_path: frame.image_path.stat().st_mtime_ns for frame in load(folder).frames}
    assert {frame.image_path: frame.image_path.stat().st_mtime_ns for frame in load(folder).frames} == first


def test_a_video_that_ends_early_leaves_frames_out_by_name(folder: Path) -> None:
    count = len(generated_room.tracked())
    film(folder, count=count - 2)
    scene = load(folder)
    assert len(scene.frames) == count - 2
    assert f"2 of {count} frames skipped: rgb.mp4 ends before them (6, 7)" in scene.findings


def test_the_video_is_one_of_the_files_that_a_scene_is_read_from(folder: Path, tmp_path: Path) -> None:
    film(folder)
    paths = strayscanner.scan_files(folder.parent, NAME, EVERY)
    assert "rgb.mp4" in fingerprint(folder.parent, folder, paths, [], tmp_path / "store").files


def test_what_is_no_video_is_one_sentence(folder: Path) -> None:
    pytest.importorskip("av", reason="needs the extra 'video'")
    shutil.rmtree(folder / "rgb")
    (folder / "rgb.mp4").write_bytes(b"\0" * 4000)
    with pytest.raises(BadScene, match=r"rgb\.mp4: cannot be read as a video: "):
        load(folder)


def test_a_video_without_its_package_names_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "rgb")
    (folder / "rgb.mp4").write_bytes(b"\0" * 4000)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackage, match=r"pip install 'ovstore\[video\]'"):
        load(folder)


def test_images_extracted_from_one_on_belong_to_frames_from_zero_on(folder: Path) -> None:
    before = [read_image(frame.image_path) for frame in load(folder).frames]
    for path in sorted((folder / "rgb").iterdir(), reverse=True):
        path.rename(path.with_name(f"{int(path.stem) + 1:06d}.jpg"))
    scene = load(folder)
    assert all(np.array_equal(read_image(f.image_path), b) for f, b in zip(scene.frames, before, strict=True))
    assert any("rgb/ is numbered from 1" in finding for finding in scene.findings)
    sorted((folder / "rgb").iterdir())[-1].unlink()  # as of ffmpeg -r 2: which frames these are is not known
    with pytest.raises(BadScene, match="which frames they show"):
        load(folder)


def test_unsure_readings_are_left_out(folder: Path) -> None:
    whole = read_depth(folder / "depth/000000.png", 1000.0)
    sure = np.full(whole.shape, 2, np.uint8)
    sure[:, :80], sure[:, 80:90] = 0, 1
    Image.fromarray(sure).save(folder / "confidence/000000.png")
    for least, kept in ((0, sure >= 0), (1, sure >= 1), (2, sure >= 2)):
        frame = load(folder, Options(frame_stride=1, voxel_size=0.05, min_confidence=least)).frames[0]
        assert frame.depth_path is not None
        assert np.array_equal(read_depth(frame.depth_path, frame.depth_scale), np.where(kept, whole, 0))


def test_recordings_without_confidence_are_taken_whole_and_said_to_be(folder: Path) -> None:
    shutil.rmtree(folder / "confidence")
    assert any("no confidence image: all of their depth is used" in finding for finding in load(folder).findings)


def test_images_on_their_side_are_turned_in_a_world_whose_y_is_up(folder: Path, tmp_path: Path) -> None:
    frames = load(folder).frames
    sideways = tuple(turned(frame, 1, tmp_path / "sideways") for frame in frames)
    again, (finding,) = upright(sideways, tmp_path / "upright", 1)
    assert finding.startswith("images turned by 90 degrees to the right")
    assert all(
        np.allclose(one.camera_to_world, other.camera_to_world) for one, other in zip(frames, again, strict=True)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words[:5], "no column 'qx'"),
        (
            lambda words: [*words[:1], "0" if words[1] != "frame" else "frame", *words[2:]],
            "a different one in each row",
        ),
        (
            lambda words: [*words[:2], "blank" if words[2] != "x" else "x", *words[3:]],
            "line 2: .* is not only numbers",
        ),
        (
            lambda words: [*words[:8], "3" if words[8] != "qw" else "qw", *words[9:]],
            "the quaternion of row 1 has length",
        ),
    ],
)
def test_odometry_that_cannot_be_right_is_refused(
    folder: Path, change: Callable[[list[str]], list[str]], message: str
) -> None:
    rows(folder, change)
    with pytest.raises(BadScene, match=message):
        load(folder)


def test_frames_without_depth_or_image_are_counted(folder: Path) -> None:
    (folder / "depth/000002.png").unlink()
    (folder / "rgb/000004.jpg").unlink()
    findings = load(folder).findings
    assert "1 of 8 frames skipped: no depth of their own (2)" in findings
    assert "1 of 8 frames skipped: no image of their own (4)" in findings


def test_a_folder_without_images_is_refused_before_anything_is_read(folder: Path) -> None:
    shutil.rmtree(folder / "rgb")
    with pytest.raises(BadScene, match=r"neither rgb\.mp4 nor a folder rgb/"):
        strayscanner.check_layout(folder.parent, NAME, EVERY)
    with pytest.raises(BadInput, match="no Stray Scanner recording"):
        strayscanner.scene_names(folder / "depth", EVERY)
    with pytest.raises(BadInput, match="--min-confidence must be 0, 1 or 2, not 3"):
        Options(min_confidence=3)
