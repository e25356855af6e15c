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

from ...store.scene import Camera
from .geometry import Geometry
from .shading import shade


class Rendering(NamedTuple):
    """What one camera sees, without noise."""

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth: NDArray[np.float32]  # (H, W) metres along the camera's z axis, 0 where nothing is hit
    instance: NDArray[np.int32]  # (H, W) object_id, -1 where nothing is hit


@dataclass(frozen=True)
class Hits:
    """Where the rays of one camera end, a row a pixel."""

    face: NDArray[np.int32]  # (P,) -1 where nothing is hit
    depth: NDArray[np.float64]  # (P,) metres along z, 0 where nothing is hit
    barycentric: NDArray[np.float32]  # (P, 2)
    direction: NDArray[np.float64]  # (P, 3) world; its z component in camera axes is 1
    cosine: NDArray[np.float32]  # (P,) between ray and surface, 0..1


_accelerators: "weakref.WeakKeyDictionary[Geometry, EmbreeScene]" = weakref.WeakKeyDictionary()


def _accelerator(geometry: Geometry) -> EmbreeScene:
    if geometry not in _accelerators:
        scene = EmbreeScene()
        TriangleMesh(scene, geometry.vertices.astype(np.float32), geometry.faces)
        _accelerators[geometry] = scene
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
    start = np.ascontiguousarray(np.broadcast_to(origin, direction.shape), np.float32)
    found = _accelerator(geometry).run(start, np.ascontiguousarray(direction, np.float32), output=True)
    face = np.where(found["geomID"] < 0, -1, found["primID"]).astype(np.int32)
    hit = face >= 0
    a, b, c = (geometry.vertices[geometry.faces[face, k]] for k in range(3))
    first, second = b - a, c - a
    normal = np.cross(first, second)
    towards = np.einsum("pk,pk->p", normal, direction)
    offset = np.einsum("pk,pk->p", normal, a - origin)
    depth = np.where(hit, offset / np.where(towards == 0, 1, towards), 0)
    length = np.linalg.norm(normal, axis=1) * np.linalg.norm(direction, axis=1)
    cosine = np.where(hit, np.abs(towards) / length, 0)
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


def render(geometry: Geometry, camera: Camera, camera_to_world: NDArray[np.float64]) -> Rendering:
    """The picture that `camera` takes from `camera_to_world` (4, 4; OpenCV axes), one ray a pixel."""
    origin = np.asarray(camera_to_world, np.float64)[:3, 3]
    hits = cast(geometry, origin, directions(camera, camera_to_world))
    shape = (camera.height, camera.width)
    part = geometry.face_part[hits.face]
    xyz = (origin + hits.direction * hits.depth[:, None]).astype(np.float32)
    rgb = shade(geometry, xyz, smooth_normals(geometry, hits), part)
    missed = hits.face < 0
    rgb[missed] = 0
    instance = np.where(missed, -1, geometry.part_object[part])
    return Rendering(
        rgb.reshape(*shape, 3), hits.depth.astype(np.float32).reshape(shape), instance.astype(np.int32).reshape(shape)
    )
