"""Cuts large triangles into small ones, so that a mesh has vertices all over its surfaces."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry

_ROUNDS = 12  # halvings; 2 ** 12 times the spacing is more than any wall


def refined(geometry: Geometry, spacing: NDArray[np.float64]) -> Geometry:
    """The same surfaces with no edge longer than `spacing` (O,) metres, given for each object.

    Too long edges are halved, all together, until none is left. A shared edge is halved once for both of its faces, so
    the parts stay closed.
    """
    for _ in range(_ROUNDS):
        halved = _halve(geometry, spacing)
        if halved is None:
            break
        geometry = halved
    return geometry


def _halve(geometry: Geometry, spacing: NDArray[np.float64]) -> Geometry | None:
    """All too long edges halved once; None when there are none."""
    faces, vertices = geometry.faces, geometry.vertices
    count = len(vertices)
    start, end = faces, np.roll(faces, -1, axis=1)  # edge k of a face leads from corner k to the next
    limit = spacing[geometry.part_object[geometry.face_part]]
    long = np.linalg.norm(vertices[end] - vertices[start], axis=2) > limit[:, None]
    if not long.any():
        return None
    low, high = np.minimum(start, end)[long], np.maximum(start, end)[long]
    keys, which = np.unique(low.astype(np.int64) * count + high, return_inverse=True)
    middles = (vertices[keys // count] + vertices[keys % count]) / 2
    middle = np.full(faces.shape, -1, np.int32)
    middle[long] = count + which
    # An edge is as long for the face on its other side: both belong to one object and mark it alike.
    parts = [_split(geometry, middle, long.sum(axis=1) == number, number) for number in range(4)]
    rows = np.concatenate([part[0] for part in parts])
    normals = np.concatenate([part[1] for part in parts])
    owner = np.concatenate([part[2] for part in parts])
    return replace(
        geometry,
        vertices=np.concatenate([vertices, middles]),
        faces=rows.astype(np.int32),
        corner_normals=normals.astype(np.float32),
        face_part=owner,
    )


# A face as 6 points: corners 0, 1, 2 and the middles 3, 4, 5 of the edges after them. By the number of halved edges,
# turned so that the pattern fits: the triangles that it is cut into.
_PATTERNS: dict[int, list[tuple[int, int, int]]] = {
    0: [(0, 1, 2)],
    1: [(0, 3, 2), (3, 1, 2)],  # edge 0 is halved
    2: [(3, 1, 4), (0, 3, 4), (0, 4, 2)],  # edges 0 and 1
    3: [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)],
}


def _split(
    geometry: Geometry, middle: NDArray[np.int32], chosen: NDArray[np.bool_], number: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """(faces, corner normals, parts) of the faces that have `number` halved edges."""
    faces, normals, middle = geometry.faces[chosen], geometry.corner_normals[chosen], middle[chosen]
    halved = middle >= 0
    first = halved.argmax(axis=1) if number == 1 else (~halved).argmax(axis=1) + 1 if number == 2 else 0
    turn = (np.arange(3)[None] + np.broadcast_to(first, len(faces))[:, None]) % 3
    faces, middle = np.take_along_axis(faces, turn, 1), np.take_along_axis(middle, turn, 1)
    normals = np.take_along_axis(normals, turn[..., None], 1)
    between = normals + np.roll(normals, -1, axis=1)
    between /= np.linalg.norm(between, axis=2, keepdims=True).clip(1e-12)
    corners = np.concatenate([faces, middle], 1)
    all_normals = np.concatenate([normals, between], 1)
    pattern = np.array(_PATTERNS[number])
    rows = corners[:, pattern].reshape(-1, 3)
    repeated = np.repeat(geometry.face_part[chosen], len(pattern))
    return rows, all_normals[:, pattern].reshape(-1, 3, 3), repeated
