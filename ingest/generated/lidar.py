"""What a spinning lidar on a small vehicle measures of a generated scene, and what driving datasets call it.

The vehicle's axes are x forward, y left, z up, as are those of KITTI's lidar; nuScenes' has x right and y forward.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .geometry import Geometry, PlacedObject
from .render import cast

CAMERA_IN_VEHICLE = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # rotation of a camera that looks forward


@dataclass(frozen=True)
class Sweep:
    """One turn of the sensor."""

    xyz: NDArray[np.float32]  # (N, 3) metres, the sensor's axes
    reflectance: NDArray[np.float32]  # (N,) 0..1
    ring: NDArray[np.int32]  # (N,) laser, from the lowest
    object_id: NDArray[np.int32]  # (N,)


@dataclass(frozen=True)
class DrivingClass:
    """A thing in the words of the two datasets."""

    nuscenes: int  # index in category.json of nuScenes-lidarseg
    semantickitti: int  # raw label
    countable: bool  # has instances


_STATIC = DrivingClass(28, 50, False)  # static.manmade, building
_OTHER = DrivingClass(29, 52, False)  # static.other, other-structure
_MOVABLE = DrivingClass(11, 99, True)  # movable_object.pushable_pullable, other-object
_BY_LABEL = {
    "floor": DrivingClass(26, 48, False),  # flat.sidewalk, sidewalk
    "rug": DrivingClass(25, 49, False),  # flat.other, other-ground
    "toy car": DrivingClass(17, 10, True),  # vehicle.car, car
    "traffic cone": DrivingClass(12, 99, True),  # movable_object.trafficcone, other-object
    **dict.fromkeys(("wall", "ceiling", "door", "window", "curtain", "radiator"), _STATIC),
    **dict.fromkeys(("plant", "potted plant", "cactus"), DrivingClass(30, 70, False)),  # static.vegetation, vegetation
    **dict.fromkeys(("bed", "sofa", "wardrobe", "bookshelf", "cabinet", "counter", "bathtub", "shelf"), _OTHER),
}


def driving_class(placed: PlacedObject) -> DrivingClass:
    """What a driving dataset would have annotated."""
    return _BY_LABEL.get(placed.label, _MOVABLE if placed.solid else _OTHER)


def sweep(
    geometry: Geometry, lidar_to_world: NDArray[np.float64], elevations: NDArray[np.float64], columns: int
) -> Sweep:
    """One turn: a ray for each of `elevations` (degrees) in each of `columns` directions, without noise."""
    turn = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    ring, azimuth = (grid.ravel() for grid in np.meshgrid(np.arange(len(elevations)), turn))
    rise = np.radians(elevations)[ring]
    local = np.stack([np.cos(rise) * np.cos(azimuth), np.cos(rise) * np.sin(azimuth), np.sin(rise)], axis=1)
    hits = cast(geometry, lidar_to_world[:3, 3], local @ lidar_to_world[:3, :3].T)
    back = (hits.face >= 0) & (hits.depth > 0)
    return Sweep(
        (local * hits.depth[:, None])[back].astype(np.float32),
        hits.cosine[back],
        ring[back].astype(np.int32),
        geometry.part_object[geometry.face_part[hits.face[back]]],
    )


def motion(rotation: NDArray[np.float64], translation: ArrayLike) -> NDArray[np.float64]:
    """(4, 4) a turn, then a shift."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix
