"""Points to voxels as OpenScene makes them: the arithmetic, the hash and the order of its loader. NumPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from ..core.errors import BadInput

FNV_START = np.uint64(14695981039346656037)
FNV_PRIME = np.uint64(1099511628211)


@dataclass(frozen=True)
class VoxelGrid:
    """The cells that hold points, and which point goes where."""

    cells: NDArray[np.int32]  # (V, 3), least 0 on each axis, by ascending hash
    representative: NDArray[np.int64]  # (V,) the lowest point of each cell
    voxel_of_point: NDArray[np.int64]  # (N,) row of `cells`


@dataclass(frozen=True)
class Placement:
    """How points are turned and scaled before cells are counted."""

    rotation: NDArray[np.float64]  # (3, 3)
    scale: float  # cells a metre


def upright(voxel_size: float) -> Placement:
    """Points as they stand, cells of `voxel_size` metres: what extraction uses."""
    return Placement(np.eye(3), 1 / voxel_size)


def random_placement(voxel_size: float, rng: np.random.Generator | np.random.RandomState) -> Placement:
    """Turned by up to 2.8 degrees about x and y, any angle about z, in random order; 10 % larger or smaller.

    OpenScene places every sample so, in evaluation as well. The draws are in its order, so that NumPy's legacy
    generator in the same state gives the same placement.
    """
    tilt = np.pi / 64
    angles = [rng.uniform(-bound, bound) for bound in (tilt, tilt, np.pi)]
    turns = [expm(_cross_matrix(axis) * angle) for axis, angle in zip(np.eye(3), angles, strict=True)]
    rng.shuffle(turns)
    return Placement(turns[0] @ turns[1] @ turns[2], 1 / voxel_size * rng.uniform(0.9, 1.1))


def voxelise(xyz: NDArray[np.floating], placement: Placement) -> VoxelGrid:
    """`xyz` (N, 3) metres. Cells that share a hash would be merged; none have been seen to."""
    points = np.asarray(xyz, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise BadInput(f"The points are {points.shape}; one or more rows of x, y, z were expected.")
    if not np.isfinite(points).all():
        raise BadInput(f"{int((~np.isfinite(points).all(axis=1)).sum())} points are not finite; remove them.")
    cells = np.floor((points * placement.scale) @ placement.rotation.T)
    cells -= cells.min(axis=0)
    if cells.max() >= 2**31:
        raise BadInput(
            f"The points span {cells.max():.0f} cells; use larger voxels, or remove points that lie far off."
        )
    cells = cells.astype(np.int32)
    _, first, voxel_of_point = np.unique(hash_cells(cells), return_index=True, return_inverse=True)
    return VoxelGrid(cells[first], first, voxel_of_point)


def hash_cells(cells: NDArray[np.integer]) -> NDArray[np.uint64]:
    """(n,) 64-bit FNV-1 over the axes as whole words: multiply, then xor, wrapping round."""
    hashes = np.full(len(cells), FNV_START)
    for axis in cells.T:
        hashes = hashes * FNV_PRIME ^ axis.astype(np.uint64)
    return hashes


def _cross_matrix(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3), times v is axis x v."""
    return np.cross(np.eye(3), axis)
