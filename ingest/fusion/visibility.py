"""Which points a frame sees, and where in its colour image: points + frame -> Correspondence. All in float64.

Two cameras, one pose: a point is visible when the depth image, looked up through the depth camera, holds a reading
about as far as the point; where it is sampled is the colour camera's business, sub-pixel, inside the colour image.
Without a depth image nothing hides anything, unless `splat_radius` has the points themselves drawn into one.

The plain numpy code is here; `visibility_kernels` says the same in loops that numba compiles, with equal results.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, BadScene
from ...core.features import Correspondence
from ...core.scene import Camera, Frame
from ..cameras.resizing import resize_nearest
from ..compiled import COMPILED, read_only
from .splat import splat_depth

NO_READING = 65535  # stored units; sensors write it for "saturated", as they write 0 for "nothing came back"


@dataclass(frozen=True)
class VisibilityOptions:
    """What counts as seen."""

    depth_tolerance: float = 0.05  # share of the reading (15 cm at 3 m); larger lets points behind thin things through
    border: int = 0  # colour pixels left out along each edge; raise it for images with lens distortion left in
    splat_radius: float = 0.0  # metres; > 0: frames without depth get one drawn from the points, this half-width each
    compat: bool = False  # OpenScene's rule: whole pixels, depth read at the colour pixel, 65535 is a distance

    def __post_init__(self) -> None:
        if not 0 <= self.depth_tolerance < 1:
            raise BadInput(
                f"depth_tolerance is {self.depth_tolerance}; a share of the reading, 0 to below 1, was expected."
            )
        if self.border < 0:
            raise BadInput(f"border is {self.border}; a number of pixels, 0 or more, was expected.")
        if not 0 <= self.splat_radius < np.inf:
            raise BadInput(f"splat_radius is {self.splat_radius}; metres, 0 (off) or more, were expected.")


@dataclass(frozen=True)
class View:
    """What one frame asks of a point, as numbers."""

    to_color: NDArray[np.float64]  # (4, 4) world to colour camera
    color: Camera
    to_depth: NDArray[np.float64]  # (4, 4) world to depth camera
    depth_camera: Camera
    depth: NDArray[np.float64]  # (h, w) metres, 0 no reading; (0, 0) nothing is hidden
    tolerance: float
    border: int
    whole_pixels: bool


def correspond(
    points_xyz: NDArray[np.float64],
    frame: Frame,
    frame_position: int,
    depth_metres: NDArray[np.floating] | None,
    options: VisibilityOptions | None = None,
) -> Correspondence:
    """The points (N, 3) that `frame` sees; `depth_metres` (h, w) is its depth image, None where it has none."""
    xyz = read_only(np.ascontiguousarray(points_xyz, dtype=np.float64))
    if xyz.ndim != 2 or xyz.shape[1] != 3:
        raise BadInput(f"points have shape {xyz.shape}; (N, 3) was expected")
    view = make_view(xyz, frame, depth_metres, options or VisibilityOptions())
    if COMPILED:
        from .visibility_kernels import see
    else:
        see = see_numpy
    point_index, uv, depth = see(xyz, view)
    return Correspondence(frame_position, point_index, uv, depth)


def make_view(
    xyz: NDArray[np.float64], frame: Frame, depth_metres: NDArray[np.floating] | None, options: VisibilityOptions
) -> View:
    """The numbers behind `correspond`; says what is wrong with a frame that has none."""
    to_color = _inverse(frame, frame.camera_to_world)
    to_depth, depth_camera = to_color, frame.camera
    if depth_metres is None:
        depth: NDArray[np.floating] = np.zeros((0, 0))
        if options.splat_radius > 0:
            depth_camera, depth = splat_depth(xyz, frame.camera, to_color, options.splat_radius)
    elif options.compat:
        exact = np.asarray(depth_metres, np.float64)
        if frame.depth_scale != 1:  # back to the integers of the file, and to metres without float32 in between
            exact = np.rint(exact * frame.depth_scale) / frame.depth_scale
        depth = resize_nearest(exact, frame.camera)
    else:
        depth_camera = frame.depth_camera or frame.camera
        if frame.depth_to_color is not None:
            to_depth = _inverse(frame, frame.camera_to_world @ np.asarray(frame.depth_to_color, np.float64))
        reading = np.asarray(depth_metres)
        saturated = np.abs(reading * frame.depth_scale - NO_READING) < 0.5
        depth = np.where(saturated, 0, reading)
    if depth.size and depth.shape != (depth_camera.height, depth_camera.width):
        raise BadScene(
            f"frame {frame.name}: the depth image has {depth.shape[1]}x{depth.shape[0]} pixels, "
            f"its camera says {depth_camera.width}x{depth_camera.height}"
        )
    return View(
        to_color,
        frame.camera,
        to_depth,
        depth_camera,
        np.ascontiguousarray(depth, np.float64),
        options.depth_tolerance,
        options.border,
        options.compat,
    )


def see_numpy(
    xyz: NDArray[np.float64], view: View
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """point_index (K,), uv (K, 2), depth (K,) of what is seen."""
    color, border = view.color, view.border
    index = np.arange(len(xyz), dtype=np.int32)
    x, y, z = _transform(view.to_color, xyz)
    ahead = z > 0
    index, x, y, z = index[ahead], x[ahead], y[ahead], z[ahead]
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is no pixel
        u, v = color.fx * x / z + color.cx, color.fy * y / z + color.cy
    column, row = np.rint(u), np.rint(v)
    seen = (border <= column) & (column < color.width - border) & (border <= row) & (row < color.height - border)
    index, u, v, z, column, row = index[seen], u[seen], v[seen], z[seen], column[seen], row[seen]
    if view.depth.size:
        seen = _meets_reading(xyz[index], view)
        index, u, v, z, column, row = index[seen], u[seen], v[seen], z[seen], column[seen], row[seen]
    uv = np.stack([column, row] if view.whole_pixels else [u, v], axis=1)
    return index, uv.astype(np.float32), z.astype(np.float32)


def _meets_reading(xyz: NDArray[np.float64], view: View) -> NDArray[np.bool_]:
    """(K,) whether the depth image holds a reading as far as the point."""
    camera = view.depth_camera
    x, y, z = _transform(view.to_depth, xyz)
    seen = z > 0
    z = np.where(seen, z, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        column, row = np.rint(camera.fx * x / z + camera.cx), np.rint(camera.fy * y / z + camera.cy)
    seen &= (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    reading = np.zeros(len(xyz))
    reading[seen] = view.depth[row[seen].astype(np.int64), column[seen].astype(np.int64)]
    seen &= (reading > 0) & (reading < np.inf)
    with np.errstate(invalid="ignore"):
        return seen & (np.abs(reading - z) <= view.tolerance * reading)


def _transform(matrix: NDArray[np.float64], xyz: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The three coordinates of `matrix` @ points, summed from left to right."""
    x, y, z = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    return tuple(row[0] * x + row[1] * y + row[2] * z + row[3] for row in matrix[:3])


def _inverse(frame: Frame, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.inv(matrix), np.float64)
    except np.linalg.LinAlgError as error:
        raise BadScene(f"frame {frame.name}: camera_to_world has no inverse; it must be a rotation") from error
