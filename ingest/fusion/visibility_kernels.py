"""`visibility.see_numpy` and `splat.draw_numpy`, said in loops for the compiler: one pass, nothing kept between."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled


def see(xyz: NDArray[np.float64], view: Any) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """What `visibility.see_numpy` returns, of a `visibility.View`."""
    color, camera = view.color, view.depth_camera
    index = np.empty(len(xyz), np.int32)
    uv = np.empty((len(xyz), 2), np.float32)
    depth = np.empty(len(xyz), np.float32)
    count = _see(
        xyz,
        view.to_color,
        np.array([color.fx, color.fy, color.cx, color.cy], np.float64),
        np.array([color.width, color.height, view.border], np.float64),
        view.to_depth,
        np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float64),
        view.depth,
        view.tolerance,
        view.whole_pixels,
        index,
        uv,
        depth,
    )
    return index[:count].copy(), uv[:count].copy(), depth[:count].copy()


@compiled
def _see(  # type: ignore[no-untyped-def]
    xyz, to_color, color, bounds, to_depth, camera, readings, tolerance, whole_pixels, index, uv, depth
) -> int:
    """Fills index, uv, depth; returns how many."""
    width, height, border = bounds
    rows, columns = readings.shape
    count = 0
    for i in range(len(xyz)):
        x, y, z = xyz[i, 0], xyz[i, 1], xyz[i, 2]
        color_z = to_color[2, 0] * x + to_color[2, 1] * y + to_color[2, 2] * z + to_color[2, 3]
        if not color_z > 0:
            continue
        color_x = to_color[0, 0] * x + to_color[0, 1] * y + to_color[0, 2] * z + to_color[0, 3]
        color_y = to_color[1, 0] * x + to_color[1, 1] * y + to_color[1, 2] * z + to_color[1, 3]
        u = color[0] * color_x / color_z + color[2]
        v = color[1] * color_y / color_z + color[3]
        column, row = np.rint(u), np.rint(v)
        if not (border <= column and column < width - border and border <= row and row < height - border):
            continue
        if rows:
            depth_z = to_depth[2, 0] * x + to_depth[2, 1] * y + to_depth[2, 2] * z + to_depth[2, 3]
            if not depth_z > 0:
                continue
            depth_x = to_depth[0, 0] * x + to_depth[0, 1] * y + to_depth[0, 2] * z + to_depth[0, 3]
            depth_y = to_depth[1, 0] * x + to_depth[1, 1] * y + to_depth[1, 2] * z + to_depth[1, 3]
            depth_u = np.rint(camera[0] * depth_x / depth_z + camera[2])
            depth_v = np.rint(camera[1] * depth_y / depth_z + camera[3])
            if not (depth_u >= 0 and depth_u < columns and depth_v >= 0 and depth_v < rows):
                continue
            reading = readings[int(depth_v), int(depth_u)]
            if not (reading > 0 and reading < np.inf and abs(reading - depth_z) <= tolerance * reading):
                continue
        index[count] = i
        uv[count, 0] = column if whole_pixels else u
        uv[count, 1] = row if whole_pixels else v
        depth[count] = color_z
        count += 1
    return count


@compiled
def draw(column, row, z, half_width, buffer) -> None:  # type: ignore[no-untyped-def]
    """Nearest z (K,) over squares of half_width (K,) pixels around column, row (K,), kept in buffer (h, w)."""
    height, width = buffer.shape
    for i in range(len(z)):
        for r in range(max(row[i] - half_width[i], 0), min(row[i] + half_width[i] + 1, height)):
            for c in range(max(column[i] - half_width[i], 0), min(column[i] + half_width[i] + 1, width)):
                buffer[r, c] = min(buffer[r, c], z[i])
