"""A furnished room to measure on: points on the faces of boxes, cameras walking through, depth by exact ray casting."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.core.scene import Camera, Frame

ROOM = np.array([[0.0, 0.0, 0.0], [5.0, 4.0, 2.6]])  # metres, min and max corner
CAMERA = Camera(320, 240, 288.9353025, 288.9353025, 159.5, 119.5)


@dataclass(frozen=True)
class Room:
    """What the fusion benchmark works on."""

    xyz: NDArray[np.float64]  # (N, 3) metres, in random order
    frames: tuple[Frame, ...]
    depth: tuple[NDArray[np.uint16], ...]  # one (240, 320) a frame, millimetres, as a file holds it


def make_room(point_count: int, frame_count: int, seed: int = 0) -> Room:
    """`point_count` points and `frame_count` posed depth images of one room with 9 boxes in it."""
    rng = np.random.default_rng(seed)
    size = rng.uniform([0.4, 0.4, 0.3], [1.2, 0.9, 1.0], (9, 3))
    low = np.column_stack([rng.uniform(0, ROOM[1, :2] - size[:, :2]), np.zeros(9)])
    boxes = np.stack([low, low + size], axis=1)  # (9, 2, 3)
    frames, depth = [], []
    for number in range(frame_count):
        angle = 2 * np.pi * number / frame_count
        eye = ROOM[1] * [0.5, 0.5, 0] + [2.2 * np.cos(angle), 1.7 * np.sin(angle), 2.0]
        matrix = _look_at(eye, ROOM[1] * [0.5, 0.5, 0.3] - [0.8 * np.cos(2 * angle), 0.8 * np.sin(2 * angle), 0])
        frames.append(Frame(str(number), CAMERA, matrix, Path(f"{number}.jpg"), Path(f"{number}.png"), CAMERA))
        depth.append(_cast(matrix, boxes))
    return Room(_surface_points(boxes, point_count, rng), tuple(frames), tuple(depth))


def _look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) camera_to_world, OpenCV axes, z up in the world."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.column_stack([right, np.cross(forward, right), forward, eye])
    return matrix


def _cast(camera_to_world: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.uint16]:
    """(240, 320) millimetres along z to the nearest face: boxes from outside, the room from inside."""
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(u.shape)], -1).reshape(-1, 3)
    rays = rays @ camera_to_world[:3, :3].T
    rays[rays == 0] = 1e-12
    eye = camera_to_world[:3, 3]
    depth = np.maximum((ROOM[0] - eye) / rays, (ROOM[1] - eye) / rays).min(axis=1)
    for low, high in boxes:
        one, other = (low - eye) / rays, (high - eye) / rays
        enter, leave = np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)
        depth = np.where((enter < leave) & (enter > 0), np.minimum(depth, enter), depth)
    return np.rint(depth.reshape(u.shape) * 1000).astype(np.uint16)


def _surface_points(boxes: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3) points, uniform over the faces of room and boxes."""
    solids = np.concatenate([ROOM[None], boxes])
    size = solids[:, 1] - solids[:, 0]
    area = np.stack([size[:, 1] * size[:, 2], size[:, 0] * size[:, 2], size[:, 0] * size[:, 1]], axis=1)
    face = rng.choice(area.size, count, p=(area / area.sum()).ravel())
    solid, axis = np.divmod(face, 3)
    share = rng.uniform(size=(count, 3))
    share[np.arange(count), axis] = rng.integers(0, 2, count)
    return solids[solid, 0] + share * size[solid]
