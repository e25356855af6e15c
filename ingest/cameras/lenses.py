"""Lenses that bend straight lines: where a ray falls on the picture, for every camera model that COLMAP writes.

Rays are points (x, y) of the plane one unit before the camera, x right and y down. Pixels are the house's uv: (column,
row), pixel centres on the integers; COLMAP counts from the picture's corner, so its principal point lies half a pixel
further on. The formulas are those of colmap/src/colmap/sensor/models.h; those of the OPENCV models are also OpenCV's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Camera

Plane = NDArray[np.float64]  # (N, 2)

MAX_VIEW = np.radians(100.0)  # a pinhole's, across and down; beyond, pixels of the border are few and smeared
STRAIGHT = 0.05  # pixels; a lens that moves no pixel further than this has no distortion
_STEPS = 512


@dataclass(frozen=True)
class Lens:
    """A camera with distortion."""

    model: str  # COLMAP's name: "OPENCV", "OPENCV_FISHEYE" ...
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    params: tuple[float, ...] = ()  # those after the principal point, in COLMAP's order

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise BadScene(f"camera model {self.model!r} is not known; known: {', '.join(MODELS)}")
        if len(self.params) != MODELS[self.model].extra_count or not np.isfinite(self.params).all():
            raise BadScene(
                f"camera model {self.model}: {MODELS[self.model].extra_count} finite numbers were expected "
                f"after the principal point, not {self.params}"
            )
        if self.width < 2 or self.height < 2:
            raise BadScene(f"camera model {self.model}: an image of {self.width}x{self.height} pixels")
        _same_focal(self)  # raises for numbers that no camera has

    def resized(self, width: int, height: int) -> "Lens":
        """The lens of the picture scaled to (width, height)."""
        camera = _same_focal(self).resized(width, height)
        return replace(self, width=width, height=height, fx=camera.fx, fy=camera.fy, cx=camera.cx, cy=camera.cy)


def colmap_lens(model: str, width: int, height: int, numbers: tuple[float, ...]) -> Lens:
    """The lens of a camera in COLMAP's files: `numbers` are all its parameters, in their order."""
    if model not in MODELS:
        raise BadScene(f"camera model {model!r} is not known; known: {', '.join(MODELS)}")
    if len(numbers) != MODELS[model].count:
        raise BadScene(f"camera model {model} has {MODELS[model].count} parameters, not {len(numbers)}")
    focal_count = MODELS[model].focal_count
    cx, cy = numbers[focal_count : focal_count + 2]
    return Lens(
        model,
        width,
        height,
        numbers[0],
        numbers[focal_count - 1],
        cx - 0.5,
        cy - 0.5,
        tuple(numbers[focal_count + 2 :]),
    )


def distort(lens: Lens, xy: Plane) -> Plane:
    """(N, 2) uv of the rays (N, 2); nan for rays that the model sends nowhere."""
    with np.errstate(all="ignore"):
        bent = MODELS[lens.model].bend(np.asarray(xy, np.float64), lens.params)
    return bent * [lens.fx, lens.fy] + [lens.cx, lens.cy]


def undistort(lens: Lens, uv: Plane) -> Plane:
    """(N, 2) the rays that fall on the pixels uv (N, 2), by Newton's method; nan where it finds none."""
    target = (np.asarray(uv, np.float64) - [lens.cx, lens.cy]) / [lens.fx, lens.fy]
    bend, params = MODELS[lens.model].bend, lens.params
    (right, down), xy = np.eye(2) * 1e-6, target
    with np.errstate(all="ignore"):
        for _ in range(30):
            miss = target - bend(xy, params)
            if not (np.abs(miss) > 1e-10).any():
                break
            a, c = (bend(xy + right, params) - bend(xy - right, params)).T / 2e-6  # the derivative [[a, b], [c, d]]
            b, d = (bend(xy + down, params) - bend(xy - down, params)).T / 2e-6
            move = np.stack([d * miss[:, 0] - b * miss[:, 1], a * miss[:, 1] - c * miss[:, 0]], axis=1)
            xy = xy + move / (a * d - b * c)[:, None]
        found = np.abs(target - bend(xy, params)).max(axis=1) < 1e-7
    return np.where(found[:, None], xy, np.nan)


@lru_cache(maxsize=4096)
@np.errstate(all="ignore")
def is_straight(lens: Lens) -> bool:
    """Whether the lens moves no pixel of its picture: its pictures can be used as they are."""
    camera = _same_focal(lens)
    column, row = np.meshgrid(np.linspace(0, lens.width - 1, 33), np.linspace(0, lens.height - 1, 33))
    uv = np.stack([column.ravel(), row.ravel()], axis=1)
    return bool((np.abs(distort(lens, _rays(camera, uv)) - uv) < STRAIGHT).all())


@lru_cache(maxsize=4096)
@np.errstate(all="ignore")
def pinhole_of(lens: Lens) -> Camera:
    """The pinhole of the same size that shows most of the lens's picture without a pixel that the picture lacks.

    The principal point and the ratio of fx to fy stay; the focal length is the shortest at which the whole border still
    lies inside the picture, and at which neither side's view is wider than MAX_VIEW. A straight lens keeps its own.
    """
    camera = _same_focal(lens)
    if is_straight(lens):
        return camera
    border = _rays(camera, _border(lens.width, lens.height))
    half_view = np.array([lens.width / 2 / abs(lens.fx), lens.height / 2 / abs(lens.fy)])
    widest = np.tan(MAX_VIEW / 2) / half_view.max()
    reach = np.linspace(0, widest, _STEPS + 1)  # the border, shrunk or grown about the principal point
    uv = distort(lens, (reach[:, None, None] * border).reshape(-1, 2)).reshape(len(reach), len(border), 2)
    inside = ((uv >= -0.5) & (uv <= np.array([lens.width, lens.height]) - 0.5)).all(axis=2)
    outward = np.ones_like(inside)  # beyond a polynomial's turning point rays come back in: no picture is there
    outward[1:] = (np.diff(uv, axis=0) * (border * [lens.fx, lens.fy])).sum(axis=2) > 0
    shown = int(np.argmin(np.append((inside & outward).all(axis=1), False)))  # the first step that is not shown whole
    if shown < 2:
        raise BadScene(f"camera model {lens.model} with {lens.params} maps nothing around the principal point")
    grown = float(reach[shown - 1])
    return replace(camera, fx=lens.fx / grown, fy=lens.fy / grown)


def _same_focal(lens: Lens) -> Camera:
    return Camera(lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy)


def _rays(camera: Camera, uv: Plane) -> Plane:
    return (uv - [camera.cx, camera.cy]) / [camera.fx, camera.fy]


def _border(width: int, height: int) -> Plane:
    """(128, 2) pixels around the picture."""
    side = np.linspace(0, 1, 33)[:-1]
    zeros, ones = np.zeros_like(side), np.ones_like(side)
    around = np.concatenate([np.c_[side, zeros], np.c_[ones, side], np.c_[1 - side, ones], np.c_[zeros, 1 - side]])
    return around * [width - 1, height - 1]


def _straight(xy: Plane, params: tuple[float, ...]) -> Plane:
    return xy


def _radial(xy: Plane, params: tuple[float, ...]) -> Plane:
    """1 + k1 r² + k2 r⁴ + ..."""
    return xy * (1 + _series(_square(xy), params))[:, None]


def _opencv(xy: Plane, params: tuple[float, ...]) -> Plane:
    k1, k2, p1, p2 = params
    return _full_opencv(xy, (k1, k2, p1, p2, 0.0, 0.0, 0.0, 0.0))


def _full_opencv(xy: Plane, params: tuple[float, ...]) -> Plane:
    k1, k2, p1, p2, k3, k4, k5, k6 = params
    square = _square(xy)
    radial = (1 + _series(square, (k1, k2, k3))) / (1 + _series(square, (k4, k5, k6)))
    return xy * radial[:, None] + _tangential(xy, square, p2, p1)


def _fov(xy: Plane, params: tuple[float, ...]) -> Plane:
    """Devernay and Faugeras' field of view model: the picture's radius grows with the ray's angle."""
    (omega,) = params
    if omega == 0:
        return xy
    slope, radius = 2 * np.tan(omega / 2), np.sqrt(_square(xy))
    factor = np.where(radius > 1e-9, np.arctan(radius * slope) / (radius * omega), slope / omega)
    return xy * factor[:, None]


def _fisheye(xy: Plane, params: tuple[float, ...]) -> Plane:
    """Equidistant: the radius is the ray's angle theta, times 1 + k1 theta² + k2 theta⁴ + ..."""
    return _radial(_equidistant(xy), params)


def _thin_prism_fisheye(xy: Plane, params: tuple[float, ...]) -> Plane:
    k1, k2, p1, p2, k3, k4, sx1, sy1 = params
    xy = _equidistant(xy)
    square = _square(xy)
    prism = square[:, None] * [sx1, sy1]
    return xy * (1 + _series(square, (k1, k2, k3, k4)))[:, None] + _tangential(xy, square, p2, p1) + prism


def _rad_tan_thin_prism_fisheye(xy: Plane, params: tuple[float, ...]) -> Plane:
    p0, p1, s0, s1, s2, s3 = params[6:]
    xy = _radial(_equidistant(xy), params[:6])
    square = _square(xy)
    prism = np.stack([s0 * square + s1 * square**2, s2 * square + s3 * square**2], axis=1)
    return xy + _tangential(xy, square, p0, p1) + prism


def _division(xy: Plane, params: tuple[float, ...]) -> Plane:
    """Fitzgibbon's division model: the ray is the picture's point over 1 + k r²."""
    (k,) = params
    return xy * (2 / (1 + np.sqrt(1 - 4 * k * _square(xy))))[:, None]


def _eucm(xy: Plane, params: tuple[float, ...]) -> Plane:
    """The enhanced unified camera model."""
    alpha, beta = params
    scale = alpha * np.sqrt(beta * _square(xy) + 1) + 1 - alpha
    return xy / np.where(scale > 0, scale, np.nan)[:, None]


def _square(xy: Plane) -> NDArray[np.float64]:
    return (xy * xy).sum(axis=1)


def _series(square: NDArray[np.float64], coefficients: tuple[float, ...]) -> NDArray[np.float64]:
    """k1 s + k2 s² + ..."""
    total = np.zeros_like(square)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) * square
    return total


def _tangential(xy: Plane, square: NDArray[np.float64], along_x: float, along_y: float) -> Plane:
    """What a sensor at an angle to the lens adds."""
    towards = np.array([along_x, along_y])
    return square[:, None] * towards + 2 * xy * (xy @ towards)[:, None]


def _equidistant(xy: Plane) -> Plane:
    radius = np.sqrt(_square(xy))
    return xy * np.where(radius > 1e-9, np.arctan(radius) / radius, 1.0)[:, None]


@dataclass(frozen=True)
class Model:
    """A camera model of COLMAP; its parameters are the focal lengths, the principal point, and extra_count more."""

    number: int  # in binary files
    focal_count: int
    extra_count: int
    bend: Callable[[Plane, tuple[float, ...]], Plane]  # rays and extra parameters to the picture in focal lengths

    @property
    def count(self) -> int:
        return self.focal_count + 2 + self.extra_count


MODELS = {
    "SIMPLE_PINHOLE": Model(0, 1, 0, _straight),
    "PINHOLE": Model(1, 2, 0, _straight),
    "SIMPLE_RADIAL": Model(2, 1, 1, _radial),
    "RADIAL": Model(3, 1, 2, _radial),
    "OPENCV": Model(4, 2, 4, _opencv),
    "OPENCV_FISHEYE": Model(5, 2, 4, _fisheye),
    "FULL_OPENCV": Model(6, 2, 8, _full_opencv),
    "FOV": Model(7, 2, 1, _fov),
    "SIMPLE_RADIAL_FISHEYE": Model(8, 1, 1, _fisheye),
    "RADIAL_FISHEYE": Model(9, 1, 2, _fisheye),
    "THIN_PRISM_FISHEYE": Model(10, 2, 8, _thin_prism_fisheye),
    "RAD_TAN_THIN_PRISM_FISHEYE": Model(11, 2, 12, _rad_tan_thin_prism_fisheye),
    "SIMPLE_DIVISION": Model(12, 1, 1, _division),
    "DIVISION": Model(13, 2, 1, _division),
    "SIMPLE_FISHEYE": Model(14, 1, 0, _fisheye),
    "FISHEYE": Model(15, 2, 0, _fisheye),
    "EUCM": Model(16, 2, 2, _eucm),
}
