"""The mesh that a scanner would have made: what the cameras saw, sampled every few centimetres, coloured, labelled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry, PlacedObject
from .segments import segments
from .shading import shade

_SMALL = 0.8  # metres; a thing whose diagonal is shorter is sampled twice as densely
_SHELL = (1, 2, 22)  # nyu40 of wall, floor, ceiling: sampled half as densely, as a scanner's decimated mesh is


@dataclass(frozen=True)
class Reconstruction:
    """A coloured mesh with its truth; only what some frame saw."""

    xyz: NDArray[np.float32]  # (N, 3) metres, world
    rgb: NDArray[np.uint8]  # (N, 3)
    object_id: NDArray[np.int32]  # (N,)
    segment: NDArray[np.int32]  # (N,) over-segmentation; a segment lies in one object
    faces: NDArray[np.int32]  # (F, 3)


def density(objects: Sequence[PlacedObject], spacing: float) -> NDArray[np.float64]:
    """(O,) metres: the longest edge on each object for a mesh with a point about every `spacing` metres."""
    extent = np.array([np.linalg.norm(box[1] - box[0]) for box in (placed.box for placed in objects)])
    shell = np.array([placed.nyu40 in _SHELL for placed in objects])
    return spacing * np.where(shell, 4.0, np.where(extent < _SMALL, 0.8, 1.7))


def reconstruct(
    geometry: Geometry, seen: NDArray[np.bool_], edge: NDArray[np.float64], noise: float, rng: np.random.Generator
) -> Reconstruction:
    """The mesh of the faces that were `seen` (F,), points closer than half of `edge` (O,) merged.

    `noise` is the standard deviation of the points along their normals, metres.
    """
    count = len(geometry.vertices)
    used = np.zeros(count, bool)
    used[geometry.faces[seen]] = True
    keep = used[geometry.faces].all(axis=1)  # also a small face between seen ones, which no pixel happened to hit
    faces = geometry.faces[keep]
    vertex, corner = np.unique(faces, return_index=True)  # the first corner that is this vertex
    normal, part = np.zeros((count, 3), np.float32), np.zeros(count, np.int32)
    normal[vertex] = geometry.corner_normals[keep].reshape(-1, 3)[corner]
    part[vertex] = geometry.face_part[keep][corner // 3]

    faces = _merge(geometry, vertex, part, 0.5 * edge)[faces]
    faces = _distinct(faces)
    rows = np.unique(faces)
    number = np.zeros(count, np.int32)
    number[rows] = np.arange(len(rows), dtype=np.int32)
    exact, normal, part = geometry.vertices[rows], normal[rows], part[rows]
    owner = geometry.part_object[part]
    shift = normal * (noise * rng.standard_normal(len(rows)))[:, None]
    return Reconstruction(
        (exact + shift).astype(np.float32),
        shade(geometry, exact.astype(np.float32), normal, part),
        owner,
        segments(exact, normal, owner, part),
        number[faces],
    )


def _merge(
    geometry: Geometry, vertex: NDArray[np.int32], part: NDArray[np.int32], cell: NDArray[np.float64]
) -> NDArray[np.int32]:
    """(V,) the vertex that stands for each: the lowest of its object in the same cube of `cell` (O,) metres."""
    owner = geometry.part_object[part[vertex]]
    cube = np.floor(geometry.vertices[vertex] / cell[owner, None]).astype(np.int64)
    cube -= cube.min(axis=0)
    sides = cube.max(axis=0) + 1
    key = ((owner.astype(np.int64) * sides[0] + cube[:, 0]) * sides[1] + cube[:, 1]) * sides[2] + cube[:, 2]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    target = np.arange(len(geometry.vertices), dtype=np.int32)
    target[vertex] = vertex[first[inverse]]
    return target


def _distinct(faces: NDArray[np.int32]) -> NDArray[np.int32]:
    """Faces with three different corners, each once, in their order."""
    a, b, c = np.sort(faces, axis=1).astype(np.int64).T
    whole = (a != b) & (b != c)
    size = int(faces.max()) + 1
    _, first = np.unique(((a * size + b) * size + c)[whole], return_index=True)
    return faces[whole][np.sort(first)]
