"""The points of lidar sweeps, and of many of them as one cloud."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.scene import PointCloud
from ..files.whole import read_bytes

MAX_SWEEP_BYTES = 1 << 26  # of a sweep, and of the labels of its points
MAX_POINTS = 40_000_000  # of a scene; the largest sweeps have 130,000
MAX_RANGE = 500.0  # metres from the sensor; no lidar of a vehicle measures farther
_TOGETHER = 4_000_000  # points that wait until they are thinned at once
_CELLS = 1 << 20  # on either side of the first point, along each axis


def read_sweep(path: Path, columns: int) -> NDArray[np.float32]:
    """(N, columns) a raw file of little-endian float32: x, y, z in metres, then what the sensor adds to a point."""
    data = read_bytes(path, MAX_SWEEP_BYTES)
    if not data or len(data) % (4 * columns):
        raise BadScene(f"{path}: {len(data):,} bytes; a sweep has {4 * columns} a point ({columns} float32)")
    return np.frombuffer(data, "<f4").reshape(-1, columns)


def usable_points(path: Path, xyz: NDArray[np.float32], ego_radius: float) -> tuple[NDArray[np.bool_], int]:
    """(N,) the points to keep of a sweep in its sensor's axes, and how many were no measurements.

    Left out are those that are not finite or beyond MAX_RANGE, and those nearer than `ego_radius` in both x and y.
    """
    with np.errstate(invalid="ignore"):
        size = np.abs(xyz)
        measured = np.all(size <= MAX_RANGE, axis=1)
        near = np.all(size[:, :2] < ego_radius, axis=1)
    wrong = int(len(xyz) - measured.sum())
    if 2 * wrong > len(xyz):
        raise BadScene(
            f"{path}: {wrong:,} of {len(xyz):,} points are not finite or beyond {MAX_RANGE:g} m; not a lidar sweep"
        )
    return np.asarray(measured & ~near), wrong


class Accumulation:
    """Points of many sweeps in one world, one a voxel: the first that was added stands for those after it."""

    def __init__(self, source: str, voxel_size: float) -> None:
        """`source` is whose points they are, for people; `voxel_size` is in metres, 0 keeps every point."""
        self.source, self.voxel_size = source, voxel_size
        self._origin: NDArray[np.float64] | None = None
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]] = []
        self._count = self._thinned = 0

    def add(
        self, xyz: NDArray[np.float64], labels: NDArray[np.int32] | None, instances: NDArray[np.int32] | None
    ) -> None:
        """Points (N, 3) of one sweep with what is known of them."""
        none = np.full(len(xyz), -1, np.int32)
        part = (self._cells(xyz), xyz, none if labels is None else labels, none if instances is None else instances)
        self._parts.append(part)
        self._count += len(xyz)
        if self.voxel_size and self._count > self._thinned + _TOGETHER:
            self._thin()
        if self._count > MAX_POINTS:
            raise BadScene(
                f"{self.source}: more than {MAX_POINTS:,} points: use a larger --voxel-size or --frame-stride"
            )

    def cloud(self, label_names: dict[int, str]) -> PointCloud:
        """All of them, in the order in which they were added; without labels where no point has one."""
        if not self._count:
            raise BadScene(f"{self.source}: no point of the lidar is left")
        self._thin()
        _, xyz, labels, instances = self._parts[0]
        present = np.unique(labels).tolist()
        return PointCloud(
            xyz,
            labels=labels if present[-1] >= 0 else None,
            label_names={label: label_names.get(label, f"label {label}") for label in present if label >= 0},
            instances=instances if instances.max() >= 0 else None,
        )

    def _thin(self) -> None:
        cells, xyz, labels, instances = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        if self.voxel_size:
            first = np.sort(np.unique(cells, return_index=True)[1])
            cells, xyz, labels, instances = cells[first], xyz[first], labels[first], instances[first]
        self._parts = [(cells, xyz, labels, instances)]
        self._count = self._thinned = len(xyz)

    def _cells(self, xyz: NDArray[np.float64]) -> NDArray[np.int64]:
        """(N,) the voxel of each point as one number."""
        if not self.voxel_size or not len(xyz):
            return np.zeros(len(xyz), np.int64)
        if self._origin is None:
            self._origin = np.floor(xyz[0])
        cells = np.floor((xyz - self._origin) / self.voxel_size)
        if np.abs(cells).max() >= _CELLS:
            raise BadScene(f"{self.source}: too wide for voxels of {self.voxel_size:g} m: use a larger --voxel-size")
        x, y, z = (cells.astype(np.int64) + _CELLS).T
        return (x << 42) | (y << 21) | z
