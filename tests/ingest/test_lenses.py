"""Lenses: rays to pixels and back, held to COLMAP's own; pictures straightened."""

from pathlib import Path

import numpy as np
import pytest
from ovstore.core.errors import BadScene
from ovstore.ingest.cameras.lenses import (
    MAX_VIEW,
    MODELS,
    Lens,
    colmap_lens,
    distort,
    is_straight,
    pinhole_of,
    undistort,
)
from ovstore.ingest.cameras.undistort import rectified, undistorted, undistorted_depth
from PIL import Image

RNG = np.random.default_rng(0)
BARREL = Lens("OPENCV", 320, 240, 250.0, 255.0, 163.0, 118.0, (-0.25, 0.06, 0.002, -0.001))
FISHEYE = Lens("OPENCV_FISHEYE", 320, 240, 110.0, 111.0, 160.0, 119.0, (0.02, -0.005, 0.001, 0.0))


def a_lens(model: str, rng: np.random.Generator) -> Lens:
    """One with a distortion that a real lens may have."""
    extra = rng.uniform(-0.04, 0.04, MODELS[model].extra_count)
    if model == "FOV":
        extra = rng.uniform(0.3, 1.0, 1)
    elif model == "EUCM":
        extra = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.5, 1.5)])
    fx, fy = rng.uniform(200, 300, 2)
    fy = fx if MODELS[model].focal_count == 1 else fy
    return Lens(model, 320, 240, fx, fy, *rng.uniform(100, 180, 2), tuple(extra.tolist()))


def some_rays(count: int = 200) -> np.ndarray:
    return RNG.uniform(-0.6, 0.6, (count, 2))


@pytest.mark.parametrize("model", MODELS)
def test_projections_are_those_of_colmap(model: str) -> None:
    pycolmap = pytest.importorskip("pycolmap", reason="needs pycolmap")
    for seed in range(5):
        lens, xy = a_lens(model, np.random.default_rng(seed)), some_rays()
        focal = (lens.fx, lens.fy)[: MODELS[model].focal_count]
        numbers = (*focal, lens.cx + 0.5, lens.cy + 0.5, *lens.params)
        theirs = pycolmap.Camera(model=model, width=320, height=240, params=numbers)
        assert colmap_lens(model, 320, 240, numbers) == lens
        assert np.allclose(distort(lens, xy) + 0.5, theirs.img_from_cam(np.c_[xy, np.ones(len(xy))]), atol=1e-6)
        uv = distort(lens, xy)
        assert np.allclose(undistort(lens, uv), theirs.cam_from_img(uv + 0.5), atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_distorted_comes_back(model: str) -> None:
    lens, xy = a_lens(model, np.random.default_rng(1)), some_rays()
    assert np.allclose(undistort(lens, distort(lens, xy)), xy, atol=1e-7)


def test_known_answers() -> None:
    ray = np.array([[0.3, -0.4]])  # at a distance of 0.5 and an angle of atan(0.5)
    radial = Lens("SIMPLE_RADIAL", 100, 80, 100.0, 100.0, 49.5, 39.5, (0.2,))
    assert np.allclose(distort(radial, ray), [[49.5 + 30 * 1.05, 39.5 - 40 * 1.05]])
    fisheye = Lens("FISHEYE", 100, 80, 100.0, 100.0, 49.5, 39.5)
    angle = np.arctan(0.5)
    assert np.allclose(distort(fisheye, ray), [[49.5 + 60 * angle, 39.5 - 80 * angle]])


def test_rays_without_a_pixel_are_nan() -> None:
    division = Lens("SIMPLE_DIVISION", 100, 80, 100.0, 100.0, 49.5, 39.5, (0.5,))
    assert np.isnan(distort(division, np.array([[3.0, 0.0]]))).all()


@pytest.mark.parametrize("model", MODELS)
def test_resizing_the_lens_is_resizing_the_picture(model: str) -> None:
    lens, xy = a_lens(model, np.random.default_rng(2)), some_rays()
    half, uv = lens.resized(160, 120), distort(lens, xy)
    assert np.allclose(distort(half, xy), (uv + 0.5) / 2 - 0.5)


@pytest.mark.parametrize("model", [model for model in MODELS if "FISHEYE" not in model and model != "EUCM"])
def test_a_lens_without_distortion_is_a_pinhole(model: str) -> None:
    lens = Lens(model, 320, 240, 250.0, 250.0, 160.0, 120.0, (0.0,) * MODELS[model].extra_count)
    assert is_straight(lens)
    assert (pinhole_of(lens).fx, pinhole_of(lens).cy) == (250.0, 120.0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(3))
def test_the_pinhole_shows_nothing_that_the_picture_lacks(model: str, seed: int) -> None:
    lens = a_lens(model, np.random.default_rng(seed))
    uv = source_pixels(lens)
    assert (uv >= -0.51).all() and (uv <= np.array([319.51, 239.51])).all()
    camera = pinhole_of(lens)
    assert (camera.width, camera.height, camera.cx, camera.cy) == (320, 240, lens.cx, lens.cy)
    if not is_straight(lens):
        widest = 2 * np.arctan(max(160 / camera.fx, 120 / camera.fy))
        near_the_border = np.minimum(uv + 0.5, [319.5, 239.5] - uv).min() < 1.5
        assert widest < MAX_VIEW + 1e-6 and (near_the_border or widest > MAX_VIEW - 0.02)


def test_a_fisheye_is_cut_to_a_view_that_a_pinhole_has() -> None:
    wide = Lens("FISHEYE", 320, 320, 100.0, 100.0, 159.5, 159.5)  # a circle of 183 degrees
    camera = pinhole_of(wide)
    assert np.isclose(2 * np.arctan(160 / camera.fx), MAX_VIEW)


def test_rays_beyond_the_turning_point_of_a_polynomial_are_not_shown() -> None:
    folded = Lens("SIMPLE_RADIAL", 320, 240, 200.0, 200.0, 159.5, 119.5, (-0.45,))  # turns round at r = 0.86
    corner = np.hypot(159.5, 119.5) / pinhole_of(folded).fx
    assert 0.8 < corner < 1.005 * (1 / (3 * 0.45)) ** 0.5


def test_a_lens_that_shows_nothing_is_refused() -> None:
    with pytest.raises(BadScene, match="maps nothing around the principal point"):
        pinhole_of(Lens("SIMPLE_RADIAL", 320, 240, 200.0, 200.0, 159.5, 119.5, (-1e9,)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("PINHOLES", 320, 240, (1.0,)), "camera model 'PINHOLES' is not known; known: SIMPLE_PINHOLE, PINHOLE"),
        (("OPENCV", 320, 240, (1.0, 2.0)), "camera model OPENCV has 8 parameters, not 2"),
        (("SIMPLE_RADIAL", 320, 240, (200.0, 160.0, 120.0, np.nan)), "1 finite numbers were expected"),
        (("SIMPLE_RADIAL", 320, 240, (0.0, 160.0, 120.0, 0.1)), "focal lengths other than 0"),
        (("SIMPLE_RADIAL", 1, 240, (200.0, 160.0, 120.0, 0.1)), "an image of 1x240 pixels"),
    ],
)
def test_what_is_no_lens_is_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(BadScene, match=words):
        colmap_lens(*arguments)


@pytest.mark.parametrize("lens", [BARREL, FISHEYE], ids=["barrel", "fisheye"])
def test_a_straightened_picture_has_the_colours_of_its_rays(lens: Lens) -> None:
    """A picture whose colours are linear in (column, row): blends of four pixels are exact."""
    row, column = np.mgrid[:240, :320]
    picture = np.stack([column // 2, row, (column + row) // 3], axis=-1).astype(np.uint8)
    u, v = source_pixels(lens).clip(0, [319, 239]).T
    expected = np.stack([u / 2, v, (u + v) / 3], axis=1)
    found = rectified(picture, lens, pinhole_of(lens)).reshape(-1, 3)
    assert np.abs(found - expected).max() < 1.5  # half a level of rounding, up to one where the ramp has steps


def test_a_picture_is_written_once_and_read_back_as_straightened(tmp_path: Path) -> None:
    picture = np.asarray(Image.fromarray(RNG.integers(0, 255, (6, 8, 3), np.uint8)).resize((320, 240)))
    Image.fromarray(picture).save(tmp_path / "a.png")
    camera = pinhole_of(BARREL)
    made = undistorted(tmp_path / "a.png", BARREL, camera, tmp_path / "unpacked")
    stamp = made.stat().st_mtime_ns
    assert undistorted(tmp_path / "a.png", BARREL, camera, tmp_path / "unpacked") == made
    assert made.stat().st_mtime_ns == stamp
    assert np.abs(np.asarray(Image.open(made)).astype(int) - rectified(picture, BARREL, camera)).mean() < 1
    other = undistorted(tmp_path / "a.png", FISHEYE, pinhole_of(FISHEYE), tmp_path / "unpacked")
    assert other != made


def test_depth_is_never_blended(tmp_path: Path) -> None:
    depth = np.where(np.arange(320) < 160, 1000, 3000).astype(np.uint16) * np.ones((240, 1), np.uint16)
    Image.fromarray(depth).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", depth / np.float32(1000))
    camera = pinhole_of(BARREL)
    png = undistorted_depth(tmp_path / "a.png", BARREL, camera, tmp_path / "unpacked")
    npy = undistorted_depth(tmp_path / "b.npy", BARREL, camera, tmp_path / "unpacked")
    assert set(np.unique(np.asarray(Image.open(png)))) == {1000, 3000}
    assert np.array_equal(np.load(npy) * 1000, np.asarray(Image.open(png)))
    Image.fromarray(depth / np.float32(1000)).save(tmp_path / "c.tif")
    tif = undistorted_depth(tmp_path / "c.tif", BARREL, camera, tmp_path / "unpacked")
    assert np.array_equal(np.load(tif), np.load(npy))


def test_a_straight_lens_costs_nothing(tmp_path: Path) -> None:
    lens = Lens("PINHOLE", 320, 240, 250.0, 250.0, 160.0, 120.0)
    missing = tmp_path / "a.jpg"
    assert undistorted(missing, lens, pinhole_of(lens), tmp_path) == missing
    assert undistorted_depth(missing, lens, pinhole_of(lens), tmp_path) == missing


def test_a_picture_of_another_size_than_its_lens_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    with pytest.raises(BadScene, match=r"a\.png: 64x48 pixels; its camera says 320x240"):
        undistorted(tmp_path / "a.png", BARREL, pinhole_of(BARREL), tmp_path)


def source_pixels(lens: Lens) -> np.ndarray:
    """(N, 2) where in the lens's picture each pixel of its pinhole's lies."""
    camera = pinhole_of(lens)
    row, column = np.mgrid[: camera.height, : camera.width]
    uv = np.stack([column.ravel(), row.ravel()], axis=1)
    return distort(lens, (uv - [camera.cx, camera.cy]) / [camera.fx, camera.fy])
