"""Pictures of a scene by ray casting (embreex): colour, depth and which object each pixel shows.

This is the one file that needs the extra `generate`.
"""

import weakref
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from ...core.scene import Camera
from .geometry import Geometry
from .shading import shade


class Rendering(NamedTuple):
    """What one camera sees, without noise."""

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth: NDArray[np.float32]  # (H, W) metres along the camera's z axis, 0 where nothing is hit
    instance: NDArray[np.int32]  # (H, W) object_id, -1 where nothing is hit


@dataclass(frozen=True)
class Hits:
    """Where the rays of one camera end, one row per pixel."""

    face: NDArray[np.int32]  # (P,) -1 where nothing is hit
    depth: NDArray[np.float64]  # (P,) metres along z, 0 where nothing is hit
    barycentric: NDArray[np.float32]  # (P, 2)
    direction: NDArray[np.float64]  # (P, 3) world; its z component in camera axes is 1
    cosine: NDArray[np.float32]  # (P,) between ray and surface, 0..1


@dataclass(frozen=True)
class _Accelerator:
    """What is worth keeping of a geometry."""

    embree: EmbreeScene
    normal: NDArray[np.float64]  # (F, 3) unit normals of the triangles' planes
    offset: NDArray[np.float64]  # (F,) normal @ any point of the plane


_accelerators: "weakref.WeakKeyDictionary[Geometry, _Accelerator]" = weakref.WeakKeyDictionary()


def _accelerator(geometry: Geometry) -> _Accelerator:
    if geometry not in _accelerators:
        embree = EmbreeScene()
        TriangleMesh(embree, geometry.vertices.astype(np.float32), geometry.faces)
        a, b, c = (geometry.vertices[geometry.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        _accelerators[geometry] = _Accelerator(embree, normal, np.einsum("fk,fk->f", normal, a))
    return _accelerators[geometry]


def directions(camera: Camera, camera_to_world: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H * W, 3) world directions through the pixel centres, row by row; one metre of depth long."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    ray = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
    return ray.reshape(-1, 3) @ np.asarray(camera_to_world)[:3, :3].T


def cast(geometry: Geometry, origin: NDArray[np.float64], direction: NDArray[np.float64]) -> Hits:
    """The nearest triangle along each ray; `origin` is (3,) or (P, 3), and a depth of 1 is one length of a ray.

    Embree computes in float32, and not quite the same on every processor. It only chooses the triangle; where the ray
    meets that triangle's plane is computed here.
    """
    kept = _accelerator(geometry)
    start = np.ascontiguousarray(np.broadcast_to(origin, direction.shape), np.float32)
    found = kept.embree.run(start, np.ascontiguousarray(direction, np.float32), output=True)
    face = np.where(found["geomID"] < 0, -1, found["primID"]).astype(np.int32)
    hit = face >= 0
    normal = kept.normal[face]
    towards = np.einsum("pk,pk->p", normal, direction)
    distance = kept.offset[face] - (normal @ origin if np.ndim(origin) == 1 else np.einsum("pk,pk->p", normal, origin))
    depth = np.where(hit, distance / np.where(towards == 0, 1, towards), 0)
    cosine = np.where(hit, np.abs(towards) / np.linalg.norm(direction, axis=1), 0)
    barycentric = np.stack([found["u"], found["v"]], 1)
    return Hits(face, depth, barycentric, direction, cosine.astype(np.float32))


def smooth_normals(geometry: Geometry, hits: Hits) -> NDArray[np.float32]:
    """(P, 3) unit normals, interpolated within the triangles and turned towards the camera."""
    corner = geometry.corner_normals[hits.face]
    u, v = hits.barycentric[:, :1], hits.barycentric[:, 1:]
    normal = (1 - u - v) * corner[:, 0] + u * corner[:, 1] + v * corner[:, 2]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    away = np.einsum("pk,pk->p", normal, hits.direction.astype(np.float32)) > 0
    return np.where(away[:, None], -normal, normal)


def look(geometry: Geometry, camera: Camera, camera_to_world: NDArray[np.float64]) -> tuple[Rendering, Hits]:
    """The picture that `camera` takes from `camera_to_world` (4, 4; OpenCV axes), one ray a pixel; the rays' ends."""
    origin = np.asarray(camera_to_world, np.float64)[:3, 3]
    hits = cast(geometry, origin, directions(camera, camera_to_world))
    shape = (camera.height, camera.width)
    part = geometry.face_part[hits.face]
    xyz = (origin + hits.direction * hits.depth[:, None]).astype(np.float32)
    rgb = shade(geometry, xyz, smooth_normals(geometry, hits), part)
    missed = hits.face < 0
    rgb[missed] = 0
    instance = np.where(missed, -1, geometry.part_object[part]).astype(np.int32)
    depth = hits.depth.astype(np.float32)
    return Rendering(rgb.reshape(*shape, 3), depth.reshape(shape), instance.reshape(shape)), hits


def render(geometry: Geometry, camera: Camera, camera_to_world: NDArray[np.float64]) -> Rendering:
    """The picture alone."""
    return look(geometry, camera, camera_to_world)[0]


def instances(geometry: Geometry, camera: Camera, camera_to_world: NDArray[np.float64]) -> NDArray[np.int32]:
    """(H, W) the object_id of each pixel, -1 where nothing is hit."""
    origin = np.asarray(camera_to_world, np.float64)[:3, 3]
    face = cast(geometry, origin, directions(camera, camera_to_world)).face
    shown = np.where(face < 0, -1, geometry.part_object[geometry.face_part[face]])
    return shown.astype(np.int32).reshape(camera.height, camera.width)
