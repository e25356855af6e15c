"""Models and pictures of COLMAP that are not what they should be: each is one sentence."""

import shutil
import struct
from dataclasses import replace
from pathlib import Path

import generated_room
import pytest
from colmap_room import as_text, load, model_of
from ovstore.core.errors import BadInput, BadScene
from ovstore.ingest.datasets import colmap
from ovstore.ingest.datasets.colmap import Options


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("colmap", tmp_path_factory.mktemp("colmap") / "room")


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "room")


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:count])


def lie(path: Path, at: int, layout: str, value: int) -> None:
    body = bytearray(path.read_bytes())
    struct.pack_into(layout, body, at, value)
    path.write_bytes(bytes(body))


MODEL = "sparse/0"
WRONG = {
    "no cameras": (lambda room: cut(room / MODEL / "cameras.bin", 0), r"cameras\.bin: truncated"),
    "unknown model": (
        lambda room: lie(room / MODEL / "cameras.bin", 12, "<i", 99),
        "camera 1 has the model '99'; known: SIMPLE_PINHOLE",
    ),
    "panorama": (
        lambda room: lie(room / MODEL / "cameras.bin", 12, "<i", 17),
        "camera 1 is a panorama of the whole sphere; cut it into views first",
    ),
    "huge camera": (
        lambda room: lie(room / MODEL / "cameras.bin", 16, "<Q", 1 << 60),
        "camera 1 has images of 1,152",
    ),
    "wider camera": (
        lambda room: lie(room / MODEL / "cameras.bin", 16, "<Q", 320),
        r"0000\.jpg: 160x120 pixels; its camera says 320x120",
    ),
    "turned camera": (
        lambda room: (
            lie(room / MODEL / "cameras.bin", 16, "<Q", 120),
            lie(room / MODEL / "cameras.bin", 24, "<Q", 160),
        ),
        "its camera says 120x160; was it rotated after it was reconstructed",
    ),
    "more images than there are": (
        lambda room: lie(room / MODEL / "images.bin", 0, "<Q", 1 << 50),
        r"images\.bin: truncated",
    ),
    "fewer images than there are": (
        lambda room: lie(room / MODEL / "images.bin", 0, "<Q", 2),
        r"images\.bin: [\d,]+ bytes more than its 2 records take",
    ),
    "images cut": (lambda room: cut(room / MODEL / "images.bin", 500), r"images\.bin: truncated: [\d,]+ bytes"),
    "another camera": (
        lambda room: lie(room / MODEL / "cameras.bin", 8, "<I", 5),
        r"0000\.jpg was taken with camera 1, which is not listed",
    ),
    "long track": (
        lambda room: lie(room / MODEL / "points3D.bin", 8 + 43, "<Q", 1 << 61),
        r"points3D\.bin: truncated",
    ),
    "no points": (lambda room: (room / MODEL / "points3D.bin").unlink(), "neither points3D in .* nor fused.ply"),
    "no point": (
        lambda room: (room / MODEL / "points3D.bin").write_bytes(struct.pack("<Q", 0)),
        "no points in it; name a .ply with the scene's points: --cloud",
    ),
    "no images": (lambda room: shutil.rmtree(room / "images"), "none of its images, such as '0000.jpg'.*--images"),
    "text cameras": (
        lambda room: (as_text(room) / "cameras.txt").write_text("1 OPENCV wide high"),
        r"cameras\.txt, line 1: '1 OPENCV wide high'; expected CAMERA_ID MODEL WIDTH HEIGHT PARAMS",
    ),
    "text images": (
        lambda room: (as_text(room) / "images.txt").write_text("# none\n1 1 0 0 0 0 0 0 1\n\n"),
        r"images\.txt, line 2: .* expected IMAGE_ID QW",
    ),
    "text points": (
        lambda room: (as_text(room) / "points3D.txt").write_text("1 0 0 0 300 0 0 0.5 1 1"),
        r"points3D\.txt, line 1: .* expected POINT3D_ID X Y Z",
    ),
    "binary text": (
        lambda room: (as_text(room) / "images.txt").write_bytes(b"\xff\xfe\x00"),
        r"images\.txt: not a text file",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(room: Path, wrong: str) -> None:
    spoil, words = WRONG[wrong]
    spoil(room)
    with pytest.raises(BadScene, match=words):
        load(room)


@pytest.mark.parametrize("name", ["../../../secret.jpg", "/etc/hostname", "a\0b.jpg", "x" * 300])
def test_names_that_lead_out_or_can_be_no_file_are_refused(room: Path, name: str) -> None:
    model = model_of()
    as_text(room, replace(model, images=(replace(model.images[0], name=name), *model.images[1:])))
    with pytest.raises(BadScene, match=r"leads out of the scan's folder|cannot be a file|too long"):
        load(room)


def test_a_folder_without_a_model_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no COLMAP model\. Looked for cameras and images"):
        colmap.scene_names(tmp_path, Options())
    with pytest.raises(BadInput, match=r"no COLMAP model in sparse/7\. Looked for cameras and images"):
        colmap.scene_names(tmp_path, Options(model="sparse/7"))
    with pytest.raises(BadScene, match="no folder of that name with a COLMAP model"):
        colmap.load_scene(tmp_path, "../room", Options(), tmp_path)
    with pytest.raises(BadScene, match=r"^x{100}: no folder of that name with a COLMAP model"):
        colmap.load_scene(tmp_path, "x" * 400, Options(), tmp_path)
