"""Triangle meshes of simple solids, in metres: what objects are put together from.

A mesh is (vertices (V, 3) float64, faces (F, 3) int32, corner_normals (F, 3, 3) float32, unit length); faces wind
counter-clockwise seen from outside. Flat solids have flat normals, round ones have smooth normals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Mesh:
    """Vertices, faces, and a unit normal for each corner of each face."""

    vertices: NDArray[np.float64]  # (V, 3) metres
    faces: NDArray[np.int32]  # (F, 3)
    corner_normals: NDArray[np.float32]  # (F, 3, 3)

    def moved(self, rotation: NDArray[np.float64], offset: ArrayLike) -> "Mesh":
        """The mesh turned by `rotation` (3, 3), then shifted."""
        normals = (self.corner_normals @ rotation.T.astype(np.float32)).astype(np.float32)
        return Mesh(self.vertices @ rotation.T + np.asarray(offset, np.float64), self.faces, normals)


def flat(vertices: ArrayLike, faces: ArrayLike) -> Mesh:
    """A mesh whose normals are those of its faces; faces without area are dropped."""
    points, rows = np.asarray(vertices, np.float64), np.asarray(faces, np.int32)
    a, b, c = (points[rows[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1)
    keep = length > 1e-10
    normal = (cross[keep] / length[keep, None]).astype(np.float32)
    return Mesh(points, rows[keep], np.repeat(normal[:, None], 3, axis=1))


def box(size: ArrayLike) -> Mesh:
    """A cuboid around the origin."""
    corner = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return flat(corner * np.asarray(size, np.float64), [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


def ellipsoid(radii: ArrayLike, sides: int = 20) -> Mesh:
    """An ellipsoid around the origin, with smooth normals."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    unit = lathe(np.stack([np.cos(angle).clip(0), np.sin(angle)], 1), sides)
    axes = np.asarray(radii, np.float64)
    points = unit.vertices * axes
    length = np.linalg.norm(points / axes**2, axis=1, keepdims=True)
    smooth = (points / axes**2 / length).astype(np.float32)
    return Mesh(points, unit.faces, smooth[unit.faces])


def lathe(profile: ArrayLike, sides: int = 20) -> Mesh:
    """The solid that (radius, height) points make when turned around the z axis; list them from the bottom up.

    Start and end with radius 0 to close it. Normals are smooth around the axis and flat along the profile.
    """
    line = np.asarray(profile, np.float64)
    angle = np.arange(sides) * (2 * np.pi / sides)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.concatenate([line[:, None, :1] * ring, np.broadcast_to(line[:, None, 1:], (len(line), sides, 1))], 2)
    faces, normals = [], []
    step = np.arange(sides)
    after = (step + 1) % sides
    for k in range(len(line) - 1):
        (r0, z0), (r1, z1) = line[k], line[k + 1]
        low, high = k * sides, (k + 1) * sides
        slope = np.array([z1 - z0, -(r1 - r0)])
        if (length := np.linalg.norm(slope)) < 1e-12:
            continue
        slope /= length
        here = np.concatenate([ring * slope[0], np.full((sides, 1), slope[1])], 1)
        there = here[after]
        if r0 > 1e-9:
            faces.append(np.stack([low + step, low + after, high + after], 1))
            normals.append(np.stack([here, there, there], 1))
        if r1 > 1e-9:
            faces.append(np.stack([low + step, high + after, high + step], 1))
            normals.append(np.stack([here, there, here], 1))
    return Mesh(points.reshape(-1, 3), np.concatenate(faces).astype(np.int32), np.concatenate(normals).astype("f4"))


def cylinder(radius: float, height: float, top_radius: float | None = None, sides: int = 16) -> Mesh:
    """A closed cylinder or cone frustum that stands on z = 0."""
    top = radius if top_radius is None else top_radius
    return lathe([(0, 0), (radius, 0), (top, height), (0, height)], sides)


def tube(path: ArrayLike, radius: float | Sequence[float], sides: int = 8) -> Mesh:
    """A round rod along a polyline, closed at both ends; `radius` may differ from point to point."""
    line = np.asarray(path, np.float64)
    radii = np.broadcast_to(np.asarray(radius, np.float64), len(line))
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.empty_like(along)
    guide = np.eye(3)[np.abs(along[0]).argmin()]
    for k, direction in enumerate(along):  # carry one direction along, so that the rod does not twist
        guide = guide - direction * (guide @ direction)
        guide /= np.linalg.norm(guide)
        side[k] = guide
    other = np.cross(along, side)
    angle = np.arange(sides) * (2 * np.pi / sides)
    spoke = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * other[:, None]
    points = (line[:, None] + radii[:, None, None] * spoke).reshape(-1, 3)
    points = np.concatenate([points, line[[0, -1]]])
    step = np.arange(sides)
    after = (step + 1) % sides
    faces, normals = [], []
    for k in range(len(line) - 1):
        low, high = k * sides, (k + 1) * sides
        faces += [
            np.stack([low + step, low + after, high + after], 1),
            np.stack([low + step, high + after, high + step], 1),
        ]
        normals += [np.stack([spoke[k], spoke[k][after], spoke[k + 1][after]], 1)]
        normals += [np.stack([spoke[k], spoke[k + 1][after], spoke[k + 1]], 1)]
    last = (len(line) - 1) * sides
    faces += [np.stack([np.full(sides, len(points) - 2), after, step], 1)]
    faces += [np.stack([np.full(sides, len(points) - 1), last + step, last + after], 1)]
    normals += [np.broadcast_to(-along[0], (sides, 3, 3)), np.broadcast_to(along[-1], (sides, 3, 3))]
    return Mesh(points, np.concatenate(faces).astype(np.int32), np.concatenate(normals).astype("f4"))


def torus(radius: float, thickness: float, sides: int = 20) -> Mesh:
    """A ring around the z axis; `thickness` is the radius of its rod."""
    angle = np.linspace(0, 2 * np.pi, 11)
    return lathe(np.stack([radius + thickness * np.sin(angle), -thickness * np.cos(angle)], 1), sides)


def prism(outline: ArrayLike, height: float) -> Mesh:
    """A convex (x, y) outline, counter-clockwise, raised from z = 0 to `height`."""
    line = np.asarray(outline, np.float64)
    count = len(line)
    points = np.concatenate([np.c_[line, np.zeros(count)], np.c_[line, np.full(count, height)]])
    step, after = np.arange(count), (np.arange(count) + 1) % count
    fan = np.arange(1, count - 1)
    sides = [np.stack([step, after, count + after], 1), np.stack([step, count + after, count + step], 1)]
    bottom = np.stack([np.zeros_like(fan), fan + 1, fan], 1)
    return flat(points, np.concatenate([*sides, bottom, np.stack([np.zeros_like(fan), fan, fan + 1], 1) + count]))


def wavy_sheet(width: float, height: float, folds: int, depth: float, thickness: float = 0.006) -> Mesh:
    """A hanging cloth, centred on x, from z = 0 up, with `folds` vertical folds of `depth`."""
    count = folds * 10 + 1
    x = np.linspace(-width / 2, width / 2, count)
    y = depth / 2 * np.sin(np.linspace(0, 2 * np.pi * folds, count))
    slope = np.gradient(y, x)
    across = np.stack([-slope, np.ones(count)], 1) / np.hypot(slope, 1)[:, None]
    points, normals, faces = [], [], []
    for sign, base in ((-1, 0), (1, 2 * count)):
        line = np.stack([x, y], 1) + across * (sign * thickness / 2)
        points += [np.c_[line, np.zeros(count)], np.c_[line, np.full(count, height)]]
        k = np.arange(count - 1)
        a, b, c, d = base + k, base + k + 1, base + count + k + 1, base + count + k
        pair = [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]
        faces += pair if sign < 0 else [t[:, ::-1] for t in pair]
        out = np.c_[across * sign, np.zeros(count)]
        first, second = np.stack([out[k], out[k + 1], out[k + 1]], 1), np.stack([out[k], out[k + 1], out[k]], 1)
        normals += [first, second] if sign < 0 else [first[:, ::-1], second[:, ::-1]]
    return Mesh(np.concatenate(points), np.concatenate(faces).astype(np.int32), np.concatenate(normals).astype("f4"))


def pillow(size: ArrayLike, sides: int = 12) -> Mesh:
    """A stuffed cushion around the origin: a cuboid that is thick in the middle and thin at the edges of x and y."""
    grid = np.linspace(-1, 1, sides)
    u, v = np.meshgrid(grid, grid, indexing="ij")
    bulge = np.sqrt((1 - u**4) * (1 - v**4)).clip(0, 1)
    half = np.asarray(size, np.float64) / 2
    pinch = 1 - 0.08 * (1 - np.abs(u * v)) * np.maximum(np.abs(u), np.abs(v)) ** 4
    top = np.stack([u * pinch * half[0], v * pinch * half[1], bulge * half[2]], -1)
    gradient_u, gradient_v = np.gradient(top, axis=0), np.gradient(top, axis=1)
    normal = np.cross(gradient_u, gradient_v)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True).clip(1e-12)
    index = np.arange(sides * sides).reshape(sides, sides)
    a, b, c, d = (s.ravel() for s in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    upper = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    flip = np.array([1, 1, -1])
    points = np.concatenate([top.reshape(-1, 3), top.reshape(-1, 3) * flip])
    faces = np.concatenate([upper, upper[:, ::-1] + sides * sides])
    normals = np.concatenate([normal.reshape(-1, 3), normal.reshape(-1, 3) * flip]).astype("f4")
    return Mesh(points, faces.astype(np.int32), normals[faces])


def rotation(degrees_xyz: ArrayLike) -> NDArray[np.float64]:
    """(3, 3): turn about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees_xyz)), np.sin(np.radians(degrees_xyz))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]]) @ about_y @ about_x
