"""ScanNet's recordings: read as a stream, unpacked once, never believed before they are counted."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadScene
from ovstore.ingest.files.images import read_depth, read_image
from ovstore.ingest.formats.scannet.sens import read_recording
from ovstore.ingest.formats.scannet.unpack import unpack_frames
from sens_file import SensFile, small


def write(folder: Path, file: SensFile | bytes, name: str = "scan.sens") -> Path:
    path = folder / name
    path.write_bytes(file if isinstance(file, bytes) else file.content())
    return path


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    file = small()
    recording = read_recording(write(tmp_path, file, "büro ⌘.sens"))
    assert recording.sensor == "StructureSensor"
    assert (recording.color_camera.width, recording.color_camera.height, recording.color_camera.fx) == (64, 48, 50.0)
    assert (recording.depth_camera.width, recording.depth_camera.height, recording.depth_camera.cy) == (32, 24, 11.5)
    assert recording.depth_scale == 1000
    assert [frame.is_tracked for frame in recording.frames] == [True, True, False]
    assert recording.frames[1].timestamp == pytest.approx(0.033333)
    np.testing.assert_array_equal(recording.frames[1].depth_camera_to_world, file.poses[1].astype(np.float64))
    assert recording.color_blob(recording.frames[1]) == file.color_blob(1)
    np.testing.assert_array_equal(recording.depth(recording.frames[2]), file.depths[2])


@pytest.mark.parametrize("color, depth", [(0, 0), (1, 1), (2, 0)])
def test_all_published_compressions_are_read_and_unpack_to_the_same_pixels(
    tmp_path: Path, color: int, depth: int
) -> None:
    file = small(color_compression=color, depth_compression=depth)
    recording = read_recording(write(tmp_path, file))
    for number, (image, reading) in enumerate(unpack_frames(recording, recording.frames, tmp_path / "unpacked")):
        found = read_image(image).astype(int)
        assert np.abs(found - file.colors[number]).max() <= (0 if color < 2 else 16)
        np.testing.assert_array_equal(read_depth(reading, 1000.0), file.depths[number] / np.float32(1000))


def test_imu_records_are_passed_over(tmp_path: Path) -> None:
    records = struct.pack("<Q", 2) + bytes(2 * 128)
    assert len(read_recording(write(tmp_path, small(imu=records))).frames) == 3
    assert len(read_recording(write(tmp_path, small(imu=b""))).frames) == 3


def test_walking_a_recording_reads_no_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colors = [rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)] * 8
    file = SensFile(colors, [np.zeros((480, 640), np.uint16)] * 8, [np.eye(4, dtype=np.float32)] * 8, 0, 0)
    path = write(tmp_path, file)
    tracemalloc.start()
    recording = read_recording(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(recording.frames) == 8 and path.stat().st_size > 12_000_000
    assert peak < 200_000


@pytest.mark.parametrize(
    "overrides, said",
    [
        ({"version": 3}, "version 3"),
        ({"frame_count": 4}, "truncated in frame 3 of 4"),
        ({"frame_count": 10**15}, "counts 1,000,000,000,000,000 frames"),
        ({"frame_count": 2}, "follow the 2 frames"),
        ({"imu": struct.pack("<Q", 5) + bytes(128)}, "5 IMU records"),
        ({"color_compression": 7}, "colour compression 7"),
        ({"depth_compression": 2}, "depth compression 2"),
        ({"intrinsic_depth": np.zeros((4, 4), np.float32)}, "focal lengths other than 0"),
        ({"depth_shift": 0.0}, "0.0 depth units per metre"),
        ({"depth_shift": float("nan")}, "nan depth units per metre"),
    ],
)
def test_a_header_that_lies_is_one_sentence(tmp_path: Path, overrides: dict, said: str) -> None:
    path = write(tmp_path, small(**overrides).content())
    with pytest.raises(BadScene, match=said) as caught:
        read_recording(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("offset, value, said", [(4, 1 << 60, "sensor's name"), (27 + 264, 1 << 31, "images of")])
def test_sizes_are_held_against_limits_before_memory_is_taken(
    tmp_path: Path, offset: int, value: int, said: str
) -> None:
    content = bytearray(small().content())
    form = "<Q" if offset == 4 else "<I"
    struct.pack_into(form, content, offset, value)
    with pytest.raises(BadScene, match=said):
        read_recording(write(tmp_path, bytes(content)))


def test_a_frame_that_claims_more_than_an_image_can_need_is_refused(tmp_path: Path) -> None:
    file = small()
    content = bytearray(file.content())
    struct.pack_into("<Q", content, len(file.header()) + 64 + 16, 1 << 40)
    with pytest.raises(BadScene, match=r"frame 0: 1,099,511,627,776 bytes of colour"):
        read_recording(write(tmp_path, bytes(content)))


def test_a_recording_cut_short_anywhere_is_one_sentence(tmp_path: Path) -> None:
    content = small(imu=struct.pack("<Q", 1) + bytes(128)).content()
    whole = len(content) - 8 - 128  # where the IMU block begins; a recording may end there
    for length in [*range(0, 400, 7), *range(400, len(content), 97)]:
        if length == whole:
            continue
        with pytest.raises(BadScene, match=r"scan\.sens"):
            read_recording(write(tmp_path, content[:length]))


def test_depth_that_inflates_to_more_than_the_picture_is_refused(tmp_path: Path) -> None:
    class Bomb(SensFile):
        def depth_blob(self, number: int) -> bytes:
            return zlib.compress(bytes(2_000_000))

    file = small()
    recording = read_recording(write(tmp_path, Bomb(file.colors, file.depths, file.poses)))
    with pytest.raises(BadScene, match=r"frame 0: 1537 bytes of depth; 32x24 readings are 1536"):
        recording.depth(recording.frames[0])


def test_what_is_unpacked_is_not_unpacked_again(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, small()))
    [(image, _)] = unpack_frames(recording, recording.frames[:1], tmp_path / "unpacked")
    image.write_bytes(bytes(image.stat().st_size))
    files = unpack_frames(recording, recording.frames[:2], tmp_path / "unpacked")
    assert not any(image.read_bytes())
    assert files[1][0].read_bytes() == recording.color_blob(recording.frames[1])


def test_another_recording_of_the_same_name_is_unpacked_anew(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, small()))
    [(image, _)] = unpack_frames(recording, recording.frames[:1], tmp_path / "unpacked")
    again = read_recording(write(tmp_path, small(4)))
    before = image.read_bytes()
    [(other, _)] = unpack_frames(again, again.frames[:1], tmp_path / "unpacked")
    assert other.read_bytes() == again.color_blob(again.frames[0])
    assert image.read_bytes() == before  # a stored scene may stand on it until it is replaced


def test_what_a_crash_left_half_done_is_unpacked_again(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, small()))
    half = tmp_path / "unpacked/color/000000.jpg"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"\xff\xd8half")  # frames.json does not name it yet
    [(image, depth)] = unpack_frames(recording, recording.frames[:1], tmp_path / "unpacked")
    assert image == half and half.read_bytes() == recording.color_blob(recording.frames[0])
    depth.write_bytes(b"")  # named, but lost with the power
    unpack_frames(recording, recording.frames[:1], tmp_path / "unpacked")
    assert depth.stat().st_size > 0
    assert not list((tmp_path / "unpacked").rglob("*.part"))
