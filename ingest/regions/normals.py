"""Surface directions of a cloud: those it came with, else those of its mesh, else planes fitted to neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.scene import PointCloud
from .neighbours import nearest_blocks


@dataclass(frozen=True)
class Normals:
    """A direction for each point."""

    vectors: NDArray[np.float32]  # (N, 3) unit length
    oriented: bool  # all point out of the surface; else the sign means nothing


def surface_normals(points: PointCloud, k: int) -> Normals:
    """The best normals there are; k is the number of neighbours a plane is fitted to."""
    if points.normals is not None:
        return Normals(_unit(points.normals), oriented=True)
    if points.faces is None or len(points.faces) == 0:
        return Normals(fitted_normals(points.xyz, k), oriented=False)
    vectors = mesh_normals(points.xyz, points.faces)
    loose = ~vectors.any(axis=1)
    if loose.any():
        vectors[loose] = fitted_normals(points.xyz, k)[loose]
    return Normals(vectors, oriented=True)


def mesh_normals(xyz: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """(N, 3) means of the faces around each vertex, weighed by their areas; zero where no face is."""
    a, b, c = xyz[faces[:, 0]], xyz[faces[:, 1]], xyz[faces[:, 2]]
    doubled_area = np.cross(b - a, c - a)
    total = np.zeros_like(xyz)
    for corner in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(faces[:, corner], doubled_area[:, axis], minlength=len(xyz))
    return _unit(total)


def fitted_normals(xyz: NDArray[np.float64], k: int) -> NDArray[np.float32]:
    """(N, 3) the direction in which each point and its k neighbours spread least; the largest component is positive."""
    fitted = np.empty((len(xyz), 3), np.float32)
    for block, row, _ in nearest_blocks(xyz, k):
        patch = np.concatenate([xyz[block, None], xyz[row]], axis=1)
        patch -= patch.mean(axis=1, keepdims=True)
        _, directions = np.linalg.eigh(np.matmul(patch.transpose(0, 2, 1), patch))
        vectors = directions[:, :, 0]
        largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
        fitted[block] = vectors * np.where(largest < 0, -1, 1)
    return fitted


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0).astype(np.float32)
