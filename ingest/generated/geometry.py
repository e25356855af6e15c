"""Objects at their places, as one soup of triangles that rays can be cast into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kit import Thing
from .palette import Surface


@dataclass(frozen=True)
class PlacedObject:
    """A thing in the world; what is true of it is known."""

    object_id: int  # its row in the scene's objects; ScanNet's objectId
    thing: Thing
    nyu40: int  # 1..40
    planted: bool  # one of the rare things
    solid: bool  # False for what things may stand on or reach into: walls, floor, rug
    yaw: float  # radians about z, object to world
    origin: NDArray[np.float64]  # (3,) metres, the object's origin in the world
    stands_on: int | None = None  # object_id of what bears it
    touches: int | None = None  # object_id of the thing that was put right beside it on purpose

    @property
    def label(self) -> str:
        return self.thing.label

    @property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) object to world."""
        return yaw_rotation(self.yaw)

    def to_world(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K, 3) object coordinates to the world."""
        return points @ self.rotation.T + self.origin

    @property
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) smallest and largest world coordinates of its surface, metres."""
        points = self.to_world(np.concatenate([part.mesh.vertices for part in self.thing.parts]))
        return points.min(axis=0), points.max(axis=0)


@dataclass(frozen=True, eq=False)
class Geometry:
    """All triangles of a scene."""

    vertices: NDArray[np.float64]  # (V, 3) metres, world
    faces: NDArray[np.int32]  # (F, 3)
    corner_normals: NDArray[np.float32]  # (F, 3, 3) unit length, world
    face_part: NDArray[np.int32]  # (F,) rows of the part columns below
    part_object: NDArray[np.int32]  # (P,) object_id
    part_surface: tuple[Surface, ...]  # (P,)
    object_yaw: NDArray[np.float64]  # (O,)
    object_origin: NDArray[np.float64]  # (O, 3)


def yaw_rotation(yaw: float) -> NDArray[np.float64]:
    """(3, 3) turn about z by radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def assemble(objects: Sequence[PlacedObject]) -> Geometry:
    """The triangles of all objects, in their order."""
    vertices, faces, normals, part_of_face, part_object = [], [], [], [], []
    surfaces: list[Surface] = []
    offset = 0
    for placed in objects:
        for part in placed.thing.parts:
            mesh = part.mesh.moved(placed.rotation, placed.origin)
            vertices.append(mesh.vertices)
            faces.append(mesh.faces + np.int32(offset))
            normals.append(mesh.corner_normals)
            part_of_face.append(np.full(len(mesh.faces), len(surfaces), np.int32))
            part_object.append(placed.object_id)
            surfaces.append(part.surface)
            offset += len(mesh.vertices)
    return Geometry(
        np.concatenate(vertices),
        np.concatenate(faces),
        np.concatenate(normals),
        np.concatenate(part_of_face),
        np.array(part_object, np.int32),
        tuple(surfaces),
        np.array([placed.yaw for placed in objects]),
        np.array([placed.origin for placed in objects]),
    )
