"""Pictures and depth: what is stored is what is read, and nothing is decoded that cannot be right."""

import itertools
import pickle
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, MissingPackage
from ovstore.ingest.files.images import image_size, is_turned, read_depth, read_image
from PIL import Image, ImageOps

RAMP = np.stack(np.broadcast_arrays(np.arange(40) * 6, np.arange(30)[:, None] * 8, 77), axis=-1).astype(np.uint8)
UNITS = np.array([[0, 1, 1500], [65535, 65534, 40000]], np.uint16)
METRES = np.array([[0, 0.001, 1.5], [0, 65.534, 40.0]], np.float32)


def save(path: Path, array: NDArray, mode: str | None = None, **options: object) -> Path:
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def test_lossless_pictures_come_back_as_they_were(tmp_path: Path) -> None:
    for name in ("büro.png", "a.bmp", "a.ppm", "a.tif"):
        np.testing.assert_array_equal(read_image(save(tmp_path / name, RAMP)), RAMP)


def test_jpeg_is_what_pillow_makes_of_it_with_the_quick_decoder_too(tmp_path: Path) -> None:
    pytest.importorskip("simplejpeg", reason="needs the extra 'fast'")
    for subsampling, progressive in itertools.product((0, 1, 2), (False, True)):
        path = save(tmp_path / "a.jpg", RAMP, quality=90, subsampling=subsampling, progressive=progressive)
        quick = read_image(path)
        with Image.open(path) as image:
            np.testing.assert_array_equal(quick, np.asarray(image.convert("RGB")))
    assert np.abs(quick.astype(int) - RAMP).mean() < 4


def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(RAMP).convert("L"))
    for name, mode in (("l.png", "L"), ("l.jpg", "L"), ("cmyk.jpg", "CMYK"), ("cmyk.tif", "CMYK")):
        expected = np.repeat(grey[..., None], 3, 2) if mode == "L" else RAMP
        found = read_image(save(tmp_path / name, RAMP, mode))
        assert found.shape == RAMP.shape and found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).mean() < 5, name
    palette = save(tmp_path / "p.png", np.repeat(np.repeat(RAMP[:3, :4], 10, 0), 10, 1), "P")
    assert np.abs(read_image(palette)[5, 5].astype(int) - RAMP[0, 0]).max() < 40
    sixteen = save(tmp_path / "i16.png", (grey.astype(np.uint16) << 8) + 255)
    np.testing.assert_array_equal(read_image(sixteen), np.repeat(grey[..., None], 3, 2))
    deep = np.concatenate([np.full((30, 1), 0, ">u1"), np.repeat(RAMP, 2, axis=2).reshape(30, -1)], axis=1)
    (tmp_path / "rgb16.png").write_bytes(png(40, 30, 16, 2, zlib.compress(deep.tobytes())))
    np.testing.assert_array_equal(read_image(tmp_path / "rgb16.png"), RAMP)
    bits = save(tmp_path / "bits.png", np.array([[0, 255]], np.uint8), "1")
    np.testing.assert_array_equal(read_image(bits)[0, :, 0], [0, 255])


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8)
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", rgba))[0], [[10, 20, 30], [255, 255, 255]])
    grey = save(tmp_path / "la.png", rgba, "LA")
    np.testing.assert_array_equal(read_image(grey)[0], [[18, 18, 18], [255, 255, 255]])
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "p.png", transparency=1)
    np.testing.assert_array_equal(read_image(tmp_path / "p.png")[0], [[10, 20, 30], [255, 255, 255]])


def test_pixels_come_as_stored_however_they_are_to_be_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    path = save(tmp_path / "a.jpg", RAMP, exif=exif)
    assert is_turned(path) and not is_turned(save(tmp_path / "b.jpg", RAMP))
    assert read_image(path).shape == (30, 40, 3)
    assert image_size(path) == (40, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_pixels_are_those_that_viewers_show(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", RAMP, exif=exif)
    with Image.open(path) as shown:
        np.testing.assert_array_equal(read_image(path, upright=True), np.asarray(ImageOps.exif_transpose(shown)))


def test_a_truncated_picture_is_one_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("kaputt.png", "kaputt.jpg", "kaputt.tif"):
        content = save(tmp_path / name, noise).read_bytes()
        for length in (0, 1, len(content) // 2, len(content) * 9 // 10):
            (tmp_path / name).write_bytes(content[:length])
            with pytest.raises(BadInput, match=r"kaputt\.\w+: cannot be read as an image"):
                read_image(tmp_path / name)
    content = save(tmp_path / "depth.png", rng.integers(0, 65535, (64, 64), dtype=np.uint16)).read_bytes()
    (tmp_path / "depth.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"depth\.png"):
        read_depth(tmp_path / "depth.png", 1000)


def png(width: int, height: int, bits: int, kind: int, data: bytes) -> bytes:
    """A PNG with this header, whatever its data are."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 8_001), (12_000, 9_000), (2**31 - 1, 1)])
def test_a_picture_too_large_is_refused_from_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    (tmp_path / "a.png").write_bytes(png(*size, 8, 2, zlib.compress(bytes(1000))))
    (tmp_path / "a.pgm").write_bytes(b"P5 %d %d 65535\n" % size)
    (tmp_path / "a.ppm").write_bytes(b"P6 %d %d 255\n" % size)
    bmp = bytearray(save(tmp_path / "a.bmp", RAMP).read_bytes())
    struct.pack_into("<ii", bmp, 18, *size)
    (tmp_path / "a.bmp").write_bytes(bmp)
    files = ["a.png", "a.ppm", "a.bmp"]
    if width < 1 << 16:
        jpeg = save(tmp_path / "a.jpg", RAMP).read_bytes()
        place = jpeg.index(b"\xff\xc0") + 5
        (tmp_path / "a.jpg").write_bytes(jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :])
        files.append("a.jpg")
    tracemalloc.start()
    for name in files:
        for read in (read_image, image_size):
            with pytest.raises(
                BadInput, match=name.replace(".", r"\.") + r": [\dx,]+ pixels; an image may have at most 80,000,000"
            ):
                read(tmp_path / name)
    for name in ("a.png", "a.pgm"):
        with pytest.raises(BadInput, match=name.replace(".", r"\.")):
            read_depth(tmp_path / name, 1000)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_depth_is_metres_and_zero_where_nothing_was_measured(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_depth(save(tmp_path / "a.png", UNITS), 1000), METRES)
    np.testing.assert_array_equal(read_depth(save(tmp_path / "a.tif", UNITS), 1000), METRES)
    (tmp_path / "a.pgm").write_bytes(b"P5\n# a remark\n3 2\n65535\n" + UNITS.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_depth(tmp_path / "a.pgm", 1000), METRES)
    np.save(tmp_path / "a.npy", UNITS)
    np.testing.assert_array_equal(read_depth(tmp_path / "a.npy", 1000), METRES)
    assert {image_size(tmp_path / f"a.{kind}") for kind in ("png", "tif", "pgm", "npy")} == {(3, 2)}


def test_a_pgm_keeps_its_units_whatever_its_maximum(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 10000\n" + np.array([0, 1500, 10000], ">u2").tobytes())
    np.testing.assert_array_equal(read_depth(tmp_path / "a.pgm", 1000), np.array([[0, 1.5, 10]], np.float32))


@pytest.mark.filterwarnings("error")
def test_float_depth_without_a_finite_positive_value_is_no_reading(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1.25, np.nan, np.inf, 1e300], [-np.inf, -1, 0, -1e300]])[..., None])
    np.testing.assert_array_equal(read_depth(tmp_path / "a.npy", 1), [[1.25, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    "array, said",
    [
        (np.array([{"a": 1}], object), "pickle|object"),
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((2, 2), complex), "real numbers"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
    ],
)
def test_an_array_that_is_no_depth_picture_is_refused(tmp_path: Path, array: NDArray, said: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(BadInput, match=said):
        read_depth(tmp_path / "a.npy", 1)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


def test_no_pickle_is_ever_executed(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    np.save(tmp_path / "object.npy", np.array([Trap(sprung)], object), allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "bare.png").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("object.npy", "bare.npy", "bare.png"):
        with pytest.raises(BadInput):
            read_depth(tmp_path / name, 1)
    assert not sprung.exists()


def test_an_array_cut_short_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((100, 100)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:5000])
    with pytest.raises(BadInput, match=r"a\.npy"):
        read_depth(tmp_path / "a.npy", 1)


def test_pictures_of_depth_are_not_depth(tmp_path: Path) -> None:
    for array in (RAMP, RAMP[..., 0]):
        with pytest.raises(BadInput, match="one channel of 16 bits"):
            read_depth(save(tmp_path / "a.png", array), 1000)
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 255\n\x01\x02")
    with pytest.raises(BadInput, match="values up to 255"):
        read_depth(tmp_path / "a.pgm", 1000)


def test_exr_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingPackage, match="pip install OpenEXR"):
        read_depth(tmp_path / "a.exr", 1)


def test_exr_depth_is_read(tmp_path: Path) -> None:
    exr = pytest.importorskip("OpenEXR", reason="needs the package OpenEXR")
    depth = np.array([[1.5, np.inf, 0]], np.float32)
    for channel in ("Z", "Y", "depth"):
        header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
        with exr.File(header, {channel: depth}) as file:
            file.write(str(tmp_path / "a.exr"))
        np.testing.assert_array_equal(read_depth(tmp_path / "a.exr", 1), [[1.5, 0, 0]])
        assert image_size(tmp_path / "a.exr") == (3, 1)
    (tmp_path / "b.exr").write_bytes((tmp_path / "a.exr").read_bytes()[:40])
    with pytest.raises(BadInput, match=r"b\.exr"):
        read_depth(tmp_path / "b.exr", 1)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"[Nn]o such file"):
        read_image(tmp_path / "a.png")
    with pytest.raises(BadInput, match=r"[Nn]o such file"):
        read_depth(tmp_path / "a.npy", 1)
