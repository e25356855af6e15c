"""A picture is asked with as a file, as bytes, as an array or as a stored frame: the same pixels, the same vector."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import coloured_scenes
import numpy as np
import ovstore
import pytest
from new_store import new_database, new_store
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, NotFound
from ovstore.models.pictures import GIVEN_BYTES, given_image, read_image
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import Server
from PIL import Image


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Left red, right blue, and not square."""
    made = np.zeros((32, 48, 3), np.uint8)
    made[:, :24, 0], made[:, 24:, 2] = 255, 255
    return made


def encoded(picture: NDArray[np.uint8], format: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def store(server: Server, tmp_path_factory: pytest.TempPathFactory, picture: NDArray[np.uint8]) -> Iterator[Database]:
    """One scene of four colours whose first frame shows `picture`."""
    folder = tmp_path_factory.mktemp("given")
    with new_database(server) as url, new_store(folder / "store", url) as made:
        coloured_scenes.publish(made, "room", 0, rare=True)
        Image.fromarray(picture).save(folder / "frame.png")
        with made.driver_connection() as connection:
            connection.execute("UPDATE frames SET image_path = %s WHERE ordinal = 0", [str(folder / "frame.png")])
        yield made


def answers(store: Database, **question: object) -> list[tuple[str, float]]:
    return [(hit.full_name, hit.score) for hit in ovstore.search(store, **question)]


@pytest.mark.parametrize("box", [None, (0, 0, 20, 32), (30, 0, 48, 32)])
def test_each_form_of_one_picture_is_one_question(
    store: Database, tmp_path: Path, picture: NDArray[np.uint8], box: tuple[float, ...] | None
) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    [frame] = [frame.name for frame in ovstore.open(check=False).scene("room").frames][:1]
    wanted = answers(store, image=path, box_xyxy=box)
    assert len(wanted) > 0
    forms = {
        "text": str(path),
        "bytes": path.read_bytes(),
        "webp": encoded(picture, "WEBP", lossless=True),
        "array": picture,
        "with alpha": np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]),
        "Pillow": Image.fromarray(picture),
    }
    for name, form in forms.items():
        assert answers(store, image=form, box_xyxy=box) == wanted, name
    assert answers(store, frame=("room", frame), box_xyxy=box) == wanted
    assert answers(store, frame=("scans/room", frame), box_xyxy=box) == wanted


def test_the_box_decides_what_is_asked(store: Database, picture: NDArray[np.uint8]) -> None:
    left, right = (
        ovstore.search(store, image=picture, box_xyxy=box, ungrouped=True)[0]
        for box in ((0, 0, 20, 32), (30, 0, 48, 32))
    )
    red, blue = (ovstore.search(store, word, ungrouped=True)[0] for word in ("red", "blue"))
    assert (left.full_name, right.full_name) == (red.full_name, blue.full_name)


def test_scores_and_heat_take_pictures_too(store: Database, picture: NDArray[np.uint8]) -> None:
    data = encoded(picture[:, :24], "PNG")
    scores = ovstore.scene_scores(store, [ovstore.Question(image=data), "red"], "room")
    assert scores.scores[0].argmax() == scores.scores[1].argmax() and np.isnan(scores.probabilities[0]).all()
    assert np.nanmax(ovstore.heat_map(store, "room", image=data).score) > 0.5


def test_orientation_is_kept_in_bytes_as_in_files(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(picture, "JPEG", quality=95, exif=exif)
    (tmp_path / "turned.jpg").write_bytes(data)
    found = given_image(data)
    assert found.shape == (48, 32, 3)
    assert np.abs(found.astype(int) - read_image(tmp_path / "turned.jpg", upright=True)).max() < 8  # two decoders


def _png(width: int, height: int) -> bytes:
    """A header that claims so many pixels, and a few bytes of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (_png(60_000, 60_000), r"3,600,000,000 pixels; an image may have at most"),
        (_png(10_000, 6_000), r"10000x6000 pixels; an image may have at most 50,000,000"),
        (b"\xff\xd8\xff" + b"\0" * GIVEN_BYTES, r"the image has 20,000,003 bytes; at most 20,000,000 are read"),
        (b"", r"the image is no JPEG, PNG or WebP"),
        (b"BM" + b"\0" * 100, r"the image is no JPEG, PNG or WebP"),
        (b"GIF89a" + b"\0" * 100, r"the image is no JPEG, PNG or WebP"),
        (b"\xff\xd8\xff\xe0 words", r"the image: cannot be read as an image"),
        (_png(64, 64), r"the image: cannot be read as an image"),
        (b"RIFF\0\0\0\0WEBPVP8 words", r"the image: cannot be read as an image"),
        (np.zeros((4, 4, 3)), r"the image is an array of float64 with the shape \(4, 4, 3\)"),
        (np.zeros((4, 4, 2), np.uint8), r"the shape \(4, 4, 2\)"),
        (np.zeros(4, np.uint8), r"the shape \(4,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"4x0 pixels"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_in_a_sentence_before_memory_is_taken(given: object, said: str) -> None:
    tracemalloc.start()
    with pytest.raises(BadInput, match=said):
        given_image(given)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000


def test_a_frame_that_is_not_there_is_named(store: Database, picture: NDArray[np.uint8]) -> None:
    with pytest.raises(NotFound, match=r"no frame named 'nine' among its 3"):
        ovstore.search(store, frame=("room", "nine"))
    with pytest.raises(NotFound, match="No scene named 'rom'"):
        ovstore.search(store, frame=("rom", "0"))
    names = [frame.name for frame in ovstore.open(check=False).scene("room").frames]
    with pytest.raises(NotFound, match="is gone from where it was ingested") as gone:
        ovstore.search(store, frame=("room", names[1]))
    assert "/" not in str(gone.value).replace("scans/room", "")
    with pytest.raises(BadInput, match="the image: the box 0,0,900,2 is not inside its 48x32 pixels"):
        ovstore.search(store, frame=("room", names[0]), box_xyxy=(0, 0, 900, 2))
    with pytest.raises(BadInput, match="exactly one of them, not words and a frame"):
        ovstore.search(store, "red", frame=("room", names[0]))
    with pytest.raises(BadInput, match="A box needs an image or a frame"):
        ovstore.search(store, "red", box_xyxy=(0, 0, 1, 1))
