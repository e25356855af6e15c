"""Where the scanner stood: views that show the room and everything in it, in an order one could walk."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera
from .fitting import FreeSpace
from .geometry import Geometry, PlacedObject
from .render import cast, directions

_GLANCE = Camera(32, 24, 29.0, 29.0, 15.5, 11.5)  # the small picture by which a view is judged
_CLEAR = 72  # a picture of that many glance pixels (9 %) shows an object well


def look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) camera_to_world, OpenCV axes, upright, from `eye` towards `target`."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, eye
    return pose


def walk(
    rng: np.random.Generator,
    geometry: Geometry,
    objects: Sequence[PlacedObject],
    size: NDArray[np.float64],
    space: FreeSpace,
    frames: int,
    planted_views: int,
) -> tuple[list[NDArray[np.float64]], int]:
    """`frames` camera_to_world matrices in the room's axes, and how many of them show the least seen planted thing."""
    poses = _candidates(rng, objects, size, space)
    pixels, distance = _glances(geometry, poses, len(objects))
    usable = distance > 0.7
    poses, pixels = [p for p, ok in zip(poses, usable, strict=True) if ok], pixels[usable]
    planted = [o.object_id for o in objects if o.planted]
    chosen = _choose(pixels, planted, frames, planted_views)
    clear = (pixels[chosen][:, planted] >= _CLEAR / 4).sum(axis=0)
    return _in_walking_order([poses[k] for k in chosen]), int(clear.min()) if planted else planted_views


def _candidates(
    rng: np.random.Generator, objects: Sequence[PlacedObject], size: NDArray[np.float64], space: FreeSpace
) -> list[NDArray[np.float64]]:
    """Views from free places: across the room, and at each thing from near."""
    low, high = np.array([b[0] for b in space.solid]), np.array([b[1] for b in space.solid])

    def free(eye: NDArray[np.float64]) -> bool:
        inside = (np.abs(eye[:2]) < size[:2] / 2 - 0.25).all() and 0.5 < eye[2] < size[2] - 0.3
        outside = np.maximum(np.maximum(low - eye, eye - high), 0)
        return bool(inside and (np.linalg.norm(outside, axis=1) > 0.3).all())

    def nudged(target: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
        return target + amount * (2 * rng.random(3) - 1)

    poses = []
    for _ in range(160):
        eye = np.array([*((rng.random(2) - 0.5) * (size[:2] - 0.5)), 1.15 + 0.6 * rng.random()])
        far = np.array([*((rng.random(2) - 0.5) * size[:2]), 0.2 + 1.3 * rng.random()])
        if free(eye) and np.linalg.norm((far - eye)[:2]) > 1.2:
            poses.append(look_at(eye, far))
    for placed in objects:
        if not placed.solid:
            continue
        box = placed.box
        target, extent = (box[0] + box[1]) / 2, float(np.linalg.norm(box[1] - box[0]))
        for _ in range(40 if placed.planted else 6):
            reach = 0.6 + 0.5 * extent + (0.9 if placed.planted else 1.4) * rng.random()
            angle, rise = 2 * np.pi * rng.random(), 0.2 + 0.6 * rng.random()
            way = np.array([np.cos(angle) * np.cos(rise), np.sin(angle) * np.cos(rise), np.sin(rise)])
            eye = target + reach * way
            if free(eye):
                poses.append(look_at(eye, nudged(target, 0.12 + 0.1 * extent)))
    return poses


def _glances(
    geometry: Geometry, poses: Sequence[NDArray[np.float64]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(views, objects) pixels that each object fills in a small picture, and (views,) their median depth."""
    ways = [directions(_GLANCE, pose) for pose in poses]
    origins = [np.broadcast_to(pose[:3, 3], way.shape) for pose, way in zip(poses, ways, strict=True)]
    hits = cast(geometry, np.concatenate(origins), np.concatenate(ways))
    owner = np.where(hits.face < 0, count, geometry.part_object[geometry.face_part[hits.face]])
    per_view = owner.reshape(len(poses), -1)
    flat = (per_view + (count + 1) * np.arange(len(poses))[:, None]).ravel()
    pixels = np.bincount(flat, minlength=len(poses) * (count + 1)).reshape(len(poses), count + 1)[:, :count]
    return pixels, np.median(hits.depth.reshape(len(poses), -1), axis=1)


def _choose(pixels: NDArray[np.int64], planted: Sequence[int], frames: int, planted_views: int) -> list[int]:
    """Views one after the other, each the one that adds most; things seen seldom count most."""
    worth = np.minimum(pixels / _CLEAR, 1.0)
    chosen: list[int] = []
    for number in planted:
        best = np.argsort(-np.minimum(pixels[:, number], 4 * _CLEAR), kind="stable")
        chosen += [
            int(k) for k in best[: max(1, min(planted_views, frames // max(1, len(planted))))] if k not in chosen
        ]
    seen = worth[chosen].sum(axis=0)
    while len(chosen) < min(frames, len(pixels)):
        gain = (np.sqrt(seen + worth) - np.sqrt(seen)).sum(axis=1)
        gain[chosen] = -1
        best_view = int(gain.argmax())
        chosen.append(best_view)
        seen = seen + worth[best_view]
    return chosen


def _in_walking_order(poses: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Always on to the nearest view, in place and direction."""
    left, order = list(poses), []
    here = left[0]
    while left:
        step = [np.linalg.norm(p[:3, 3] - here[:3, 3]) + 0.7 * np.linalg.norm(p[:3, 2] - here[:3, 2]) for p in left]
        here = left.pop(int(np.argmin(step)))
        order.append(here)
    return order
