"""Pictures as cameras, phones and people leave them, in a scan: read for what they are, or refused in one sentence."""

import shutil
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import toy_room
from ovstore.core.errors import BadInput
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.datasets.rgbd import Options
from ovstore.ingest.files.images import read_image
from PIL import Image

FRAMES = 4
SIZE = (toy_room.WIDTH, toy_room.HEIGHT)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("quirks") / "room", FRAMES)


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "room")


def load(room: Path, **options: object) -> Scene:
    read = Options(**options)  # type: ignore[arg-type]
    return check_scene(rgbd.load_scene(room, room.name, read, room / "unused"), read)


def saved(room: Path, number: int, picture: Image.Image, ending: str, **options: object) -> None:
    """In place of the picture of that number."""
    (room / f"color/{number:04d}.png").unlink()
    picture.save(room / f"color/{number:04d}{ending}", **options)


def picture(room: Path, number: int) -> Image.Image:
    return Image.open(room / f"color/{number:04d}.png").convert("RGB")


def test_one_scan_may_mix_every_kind_of_picture(room: Path, original: Path) -> None:
    """A progressive JPEG, one as CMYK, a palette and a picture with transparency are the frames that they were."""
    saved(room, 0, picture(room, 0), ".jpg", quality=95, progressive=True)
    saved(room, 1, picture(room, 1).convert("CMYK"), ".jpg", quality=95)
    saved(room, 2, picture(room, 2).quantize(64), ".png")
    see_through = picture(room, 3).convert("RGBA")
    saved(room, 3, see_through, ".webp", lossless=True)
    scene = load(room)
    for frame, before in zip(scene.frames, load(original).frames, strict=True):
        assert frame.camera == before.camera
        found, wanted = read_image(frame.image_path), read_image(before.image_path)
        assert np.abs(found.astype(int) - wanted).mean() < 3, frame.name


def test_an_exif_orientation_moves_no_pixel_and_is_told(room: Path, original: Path) -> None:
    for number in range(FRAMES):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned by 90 degrees
        saved(room, number, picture(room, number), ".jpg", quality=95, exif=exif)
    scene = load(room)
    assert [frame.camera for frame in scene.frames] == [frame.camera for frame in load(original).frames]
    assert f"{FRAMES} of the checked images carry an EXIF orientation; pixels are used as stored" in scene.findings


def test_one_image_of_another_size_is_named(room: Path) -> None:
    saved(room, 2, picture(room, 2).resize((80, 60)), ".png")
    with pytest.raises(
        BadInput, match=r"images of 2 sizes \(0000: 160x120, 0002: 80x60\), and intrinsics\.txt does not"
    ):
        load(room)
    with pytest.raises(BadInput, match=r"images of 2 sizes .*--fx does not say"):
        load(room, fx=toy_room.FOCAL)


def test_images_of_several_sizes_go_in_where_the_intrinsics_know_theirs(room: Path, original: Path) -> None:
    saved(room, 2, picture(room, 2).resize((80, 60)), ".png")
    (room / "intrinsics.txt").unlink()
    (room / "camera.json").write_text(
        f'{{"w": 160, "h": 120, "fl_x": {toy_room.FOCAL}, "cx": 80, "cy": 60}}'
    )  # from the corner
    cameras = [frame.camera for frame in load(room).frames]
    whole = load(original).frames[0].camera
    assert cameras == [whole, whole, whole.resized(80, 60), whole]


def test_a_picture_turned_after_it_was_taken_is_refused(room: Path) -> None:
    for kind in ("color", "depth"):
        for path in (room / kind).iterdir():
            Image.open(path).transpose(Image.Transpose.ROTATE_90).save(path)
    (room / "intrinsics.txt").write_text(f"160 120 {toy_room.FOCAL} {toy_room.FOCAL} 79.5 59.5")
    with pytest.raises(
        BadInput, match=r"0000\.png: 120x160 pixels, but its intrinsics are for 160x120: was the image rotated"
    ):
        load(room)


def test_portrait_pictures_with_their_own_intrinsics_are_like_others(room: Path, original: Path) -> None:
    """Turned by 90 degrees with their cameras, the same room."""
    for kind in ("color", "depth"):
        for path in (room / kind).iterdir():
            Image.open(path).transpose(Image.Transpose.ROTATE_270).save(path)  # clockwise
    turn = np.eye(4)
    turn[:2, :2] = [[0, 1], [-1, 0]]  # x of the turned picture is -y of the first, its y is x
    for path in (room / "pose").iterdir():
        np.savetxt(path, np.loadtxt(path) @ turn)
    (room / "intrinsics.txt").write_text(f"{toy_room.FOCAL} {toy_room.FOCAL} 59.5 79.5")
    scene, before = load(room), load(original)
    assert (scene.frames[0].camera.width, scene.frames[0].camera.height) == (120, 160)
    np.testing.assert_allclose(scene.points.xyz.mean(axis=0), before.points.xyz.mean(axis=0), atol=2e-3)


def test_a_frame_that_is_there_twice_is_told(room: Path) -> None:
    """A link inside the scan, as tools make them to fill gaps."""
    for kind, ending in (("color", ".png"), ("depth", ".png"), ("pose", ".txt")):
        (room / kind / f"0009{ending}").symlink_to(f"0000{ending}")
    scene = load(room)
    assert len(scene.frames) == FRAMES + 1
    assert f"1 of {FRAMES + 1} frames repeat the camera_to_world of another" in scene.findings


def test_a_picture_that_claims_to_be_huge_takes_no_memory(room: Path) -> None:
    head = bytearray((room / "color/0001.png").read_bytes())
    head[16:24] = (60_000).to_bytes(4, "big") * 2
    head[29:33] = zlib.crc32(bytes(head[12:29])).to_bytes(4, "big")
    (room / "color/0001.png").write_bytes(head)
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"0001\.png: 3,600,000,000 pixels; an image may have at most 80,000,000"):
        load(room)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
