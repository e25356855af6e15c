"""Points from posed depth pictures: the mean of all readings in each cell of a grid.

Readings on a jump of depth are left out: sensors smear them between front and back. Memory grows with the number of
occupied voxels and one frame, not with the number of frames.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import Camera, Frame, PointCloud
from ..files.images import read_depth, read_image
from ..files.masks import read_mask
from .depth_readings import back_project, require_shape, smooth

MAX_VOXELS = 60_000_000
_HALF = 1 << 20  # voxels on either side of the origin along each axis: three of 21 bits make one 63-bit key
_MERGE_ROWS = 1 << 20


def points_from_depth(
    frames: Sequence[Frame], voxel_size: float, min_pixels: int = 2, max_depth: float | None = None
) -> PointCloud:
    """Fuse the frames' depth into points with colour and normal, one a voxel of `voxel_size` metres.

    Voxels that fewer than `min_pixels` readings fall into are noise and left out, as are readings beyond `max_depth`.
    """
    sums = _VoxelSums()
    for frame in frames:
        xyz, rgb, normals = _world_points(frame, max_depth)
        if len(xyz):
            sums.add(_keys(xyz, voxel_size), np.concatenate([xyz, rgb, normals], axis=1))
    keys, total, count = sums.result()
    kept = count >= min_pixels
    if not kept.any():
        raise BadScene(
            f"no points could be made from the depth of {len(frames)} frames: "
            f"{len(keys):,} voxels of {voxel_size:g} m, none with {min_pixels} readings "
            "(see --voxel-size, --min-pixels, --max-depth)"
        )
    mean = total[kept] / count[kept, None]
    return PointCloud(
        np.ascontiguousarray(mean[:, :3]),
        rgb=np.round(mean[:, 3:6]).astype(np.uint8),
        normals=_unit(mean[:, 6:]).astype(np.float32),
    )


def _world_points(
    frame: Frame, max_depth: float | None
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
    """xyz, rgb and normals (n, 3) of a frame's usable readings, in the world."""
    assert frame.depth_path is not None and frame.depth_camera is not None
    depth = read_depth(frame.depth_path, frame.depth_scale)
    require_shape(frame, "depth", depth.shape, frame.depth_camera)
    image = read_image(frame.image_path)
    require_shape(frame, "image", image.shape, frame.camera)
    local = back_project(depth, frame.depth_camera)
    usable = smooth(depth)
    if max_depth is not None:
        usable &= depth <= max_depth
    normals = _normals(local)[usable]
    local = local[usable]

    in_color = local if frame.depth_to_color is None else _moved(local, frame.depth_to_color)
    column, row, shown = _pixels(in_color, frame.camera)
    if frame.mask_path is not None:
        shown[shown] = read_mask(frame)[row[shown], column[shown]]
    depth_to_world = frame.camera_to_world
    if frame.depth_to_color is not None:
        depth_to_world = depth_to_world @ frame.depth_to_color
    return (
        _moved(local[shown], depth_to_world),
        image[row[shown], column[shown]],
        normals[shown] @ depth_to_world[:3, :3].T,
    )


def _normals(local: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W, 3) unit normals towards the camera, from neighbouring pixels; 0 on the picture's edge."""
    normals = np.zeros_like(local)
    across = local[1:-1, 2:] - local[1:-1, :-2]
    down = local[2:, 1:-1] - local[:-2, 1:-1]
    crossed = np.cross(across, down)
    away = (crossed * local[1:-1, 1:-1]).sum(axis=2) > 0
    crossed[away] *= -1
    length = np.linalg.norm(crossed, axis=2, keepdims=True)
    np.divide(crossed, length, out=normals[1:-1, 1:-1], where=length > 0)
    return normals


def _pixels(
    local: NDArray[np.float64], camera: Camera
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Nearest column and row of points in the camera, and whether the image has that pixel."""
    front = local[:, 2] > 0
    z = np.where(front, local[:, 2], 1.0)
    column = np.rint(np.clip(local[:, 0] / z * camera.fx + camera.cx, -1, camera.width)).astype(np.int64)
    row = np.rint(np.clip(local[:, 1] / z * camera.fy + camera.cy, -1, camera.height)).astype(np.int64)
    inside = front & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    return column, row, inside


def _moved(xyz: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return xyz @ matrix[:3, :3].T + matrix[:3, 3]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit length; where opposite normals met and nothing is left, straight up."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), [0.0, 0.0, 1.0])


def _keys(xyz: NDArray[np.float64], voxel_size: float) -> NDArray[np.int64]:
    """One integer a voxel; neighbours along z are neighbours in it."""
    cell = np.floor(xyz / voxel_size)
    if not (np.abs(cell) < _HALF).all():
        raise BadScene(
            f"readings lie {np.abs(xyz).max():.4g} m from the origin, too far for voxels of {voxel_size:g} m: check "
            "--depth-scale, or use a larger --voxel-size"
        )
    i, j, k = cell.astype(np.int64).T + _HALF
    return (i << 42) | (j << 21) | k


class _VoxelSums:
    """Running sums by voxel. New rows wait until they outnumber the old ones, so that each row is sorted few times."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]] = []
        self._waiting = 0

    def add(self, keys: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        part = _summed(keys, values, np.ones(len(keys), np.int64))
        self._parts.append(part)
        self._waiting += len(part[0])
        if self._waiting > max(_MERGE_ROWS, len(self._parts[0][0])):
            self._merge()

    def result(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Keys ascending, the sums of their values, the number of values."""
        self._merge()
        return self._parts[0] if self._parts else (np.empty(0, np.int64), np.empty((0, 9)), np.empty(0, np.int64))

    def _merge(self) -> None:
        if len(self._parts) > 1:
            keys, values, counts = (np.concatenate(column) for column in zip(*self._parts, strict=True))
            self._parts = [_summed(keys, values, counts)]
        self._waiting = 0
        if self._parts and len(self._parts[0][0]) > MAX_VOXELS:
            raise BadScene(f"the depth fills more than {MAX_VOXELS:,} voxels: use a larger --voxel-size")


def _summed(
    keys: NDArray[np.int64], values: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Rows of equal keys added up in the order they came, keys ascending."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(values[order], first, axis=0), np.add.reduceat(counts[order], first)
