"""Record3D: archives are read with the app's own conventions, LZFSE within bounds, and what is missing is said."""

import contextlib
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generated_room
import numpy as np
import pytest
from ovstore.core.errors import BadInput, BadScene, MissingPackage
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import record3d
from ovstore.ingest.datasets.record3d import Options
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.files.lzfse_blocks import unfolded
from scipy.spatial.transform import Rotation

EVERY = Options(frame_stride=1, voxel_size=0.05)
NAME = "scene0000_00"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return generated_room.write("record3d", tmp_path / "scans" / NAME) / f"{NAME}.r3d"


def load(path: Path, options: Options = EVERY) -> Scene:
    return check_scene(record3d.load_scene(path, NAME, options, path.parent.parent / "unpacked"), options)


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Each member changed; those that become None are left out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if (other := change(name, content)) is not None:
                archive.writestr(name, other)


def with_metadata(path: Path, **values: Any) -> None:
    """Its metadata with other values; None takes a key away."""

    def change(name: str, content: bytes) -> bytes:
        if name != "metadata":
            return content
        body = {**json.loads(content), **values}
        return json.dumps({key: value for key, value in body.items() if value is not None}).encode()

    rewritten(path, change)


def metadata(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        body: dict[str, Any] = json.loads(archive.read("metadata"))
    return body


def test_depth_of_neighbours_agrees_as_the_app_writes_it(recording: Path) -> None:
    scene = load(recording)
    assert len(scene.frames) == len(generated_room.tracked())
    camera, truth = scene.frames[0].camera, generated_room.recording().color_camera
    assert (camera.fx, camera.cx, camera.cy) == pytest.approx((truth.fx, truth.cx, truth.cy), abs=1e-4)
    (agreement,) = [finding for finding in scene.findings if finding.startswith("depth of neighbouring frames agrees")]
    assert "may be wrong" not in agreement


def test_poses_with_other_axes_are_refused_by_name(recording: Path) -> None:
    poses = np.array(metadata(recording)["poses"])
    poses[:, :4] = (Rotation.from_quat(poses[:, :4]) * Rotation.from_quat([1, 0, 0, 0])).as_quat()
    with_metadata(recording, poses=poses.tolist())
    with pytest.raises(BadScene, match="if the cameras look along -z with y up"):
        load(recording)


def test_frames_without_intrinsics_of_their_own_take_k_column_by_column(recording: Path) -> None:
    camera = load(recording).frames[0].camera
    with_metadata(recording, perFrameIntrinsicCoeffs=None, frameTimestamps=None)
    scene = load(recording)
    assert scene.frames[0].camera == camera and scene.frames[0].timestamp is None


def test_lzfse_blocks_of_all_kinds_give_the_same_depth(recording: Path) -> None:
    lzfse = pytest.importorskip("lzfse", reason="needs the extra 'record3d'")
    before = [read_depth(frame.depth_path, 1.0) for frame in load(recording).frames if frame.depth_path]

    def change(name: str, content: bytes) -> bytes:
        return lzfse.compress(content[8:-4]) if name.endswith((".depth", ".conf")) else content

    rewritten(recording, change)
    with zipfile.ZipFile(recording) as archive:
        assert archive.read("rgbd/0.depth")[:4] == b"bvx2"
    after = [read_depth(frame.depth_path, 1.0) for frame in load(recording).frames if frame.depth_path]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("size", [0, 3, 1000, 60_000, 500_000])
def test_lzfse_unfolds_to_what_was_folded(size: int) -> None:
    lzfse = pytest.importorskip("lzfse", reason="needs the extra 'record3d'")
    rng = np.random.default_rng(size)
    for content in (bytes(size), rng.bytes(size), rng.normal(2, 0.1, size // 4).astype("<f4").tobytes()):
        if content:
            folded = lzfse.compress(content)
            assert unfolded(folded, len(content)) == content
            with pytest.raises(BadScene, match=r"truncated|no LZFSE data"):
                unfolded(folded[:-5], len(content))
    assert unfolded(b"bvx$", 10) == b""


def test_lzfse_that_would_unfold_to_more_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    lzfse = pytest.importorskip("lzfse", reason="needs the extra 'record3d'")
    bomb = lzfse.compress(bytes(100_000_000))
    monkeypatch.setitem(sys.modules, "lzfse", None)
    with pytest.raises(BadScene, match="expands to more than the 196,608 bytes"):
        unfolded(bomb, 196_608)
    with pytest.raises(BadScene, match="expands to more than the 196,608 bytes"):
        unfolded(b"bvx-\0\0\0\0" * 10_000 + b"bvx$", 196_608)
    with pytest.raises(MissingPackage, match=r"pip install 'ovstore\[record3d\]'"):
        unfolded(lzfse.compress(bytes(196_608)), 196_608)


def test_flipped_bits_in_lzfse_are_refused_or_harmless() -> None:
    lzfse = pytest.importorskip("lzfse", reason="needs the extra 'record3d'")
    content = np.linspace(1, 3, 49_152).astype("<f4").tobytes()
    folded, rng = lzfse.compress(content), np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(folded)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        with contextlib.suppress(BadScene):
            assert len(unfolded(bytes(damaged), len(content))) <= len(content)


def test_unsure_readings_are_left_out(recording: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        if name != "rgbd/0.conf":
            return content
        sure = np.full((120, 160), 2, np.uint8)
        sure[:, :80], sure[:, 80:90] = 0, 1
        return b"bvx-" + struct.pack("<I", sure.size) + sure.tobytes() + b"bvx$"

    rewritten(recording, change)
    depths = []
    for least in (0, 1, 2):
        frame = load(recording, Options(frame_stride=1, voxel_size=0.05, min_confidence=least)).frames[0]
        assert frame.depth_path is not None
        depths.append(read_depth(frame.depth_path, frame.depth_scale))
    whole = depths[0]
    assert (whole[:, :80] > 0).any()
    for least, depth in enumerate(depths[1:], 1):
        assert not depth[:, : (0, 80, 90)[least]].any()
        assert np.array_equal(depth[:, 90:], whole[:, 90:])


def test_frames_without_depth_or_pose_are_counted(recording: Path) -> None:
    poses = metadata(recording)["poses"]
    with_metadata(recording, poses=[*poses[:4], [float("nan")] * 7, *poses[5:7]])
    rewritten(recording, lambda name, content: None if name in ("rgbd/2.depth", "rgbd/1.conf") else content)
    findings = load(recording).findings
    assert "2 of 8 frames skipped: no valid camera_to_world (4, 7)" in findings
    assert "1 of 8 frames skipped: no depth of their own (2)" in findings
    assert "1 of 5 frames have no confidence: all of their depth is used" in findings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"poses": None}, "no 'poses'; recordings of the front camera"),
        ({"poses": [[0, 0, 0, 1, 0, 0]]}, "'poses' is not a list of 7 numbers each"),
        ({"poses": [[0, 0, 0, 3, 0, 0, 0]] * 8}, "the quaternion of pose 0 has length 3"),
        ({"K": [1, 2]}, "'K' is not a list of 9 numbers each"),
        ({"dw": 0}, "'dw' and 'dh' are 0 and 120"),
        ({"dw": 100}, r"0\.depth: LZFSE data that expands to more than the 48,000 bytes that were expected"),
        ({"frameTimestamps": 3}, "'frameTimestamps' is not a list of numbers"),
    ],
)
def test_metadata_that_cannot_be_right_is_refused(recording: Path, values: dict[str, Any], message: str) -> None:
    with_metadata(recording, **values)
    with pytest.raises(BadScene, match=message) as refused:
        load(recording)
    assert str(recording) in str(refused.value)


def test_recordings_lie_in_a_folder_or_in_folders_of_it(recording: Path) -> None:
    root = recording.parent.parent
    assert record3d.scene_names(recording, EVERY) == [NAME]
    assert record3d.scene_names(recording.parent, EVERY) == record3d.scene_names(root, EVERY) == [NAME]
    (root / f"{NAME}.r3d").write_bytes(b"not an archive")
    with pytest.raises(BadInput, match=f"two recordings named {NAME}"):
        record3d.scene_names(root, EVERY)
    with pytest.raises(BadScene, match=r"cannot be read as a \.zip archive"):
        record3d.check_layout(root / f"{NAME}.r3d", NAME, EVERY)
    (root / "empty").mkdir()
    with pytest.raises(BadInput, match="no Record3D recording"):
        record3d.scene_names(root / "empty", EVERY)
