"""A room whose truth is known: five coloured boxes on a grey floor, ray-cast with numpy, written as an rgbd folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, FOCAL = 160, 120, 130.0
ROOM = (np.array([-2.0, -2.0, 0.0]), np.array([2.0, 2.0, 2.4]))
BOXES = {  # name -> (low corner, high corner, colour)
    "red": ((-1.2, -0.6, 0.0), (-0.6, 0.0, 0.6), (214, 30, 30)),
    "green": ((0.5, 0.4, 0.0), (1.1, 1.0, 0.7), (30, 160, 40)),
    "blue": ((-0.4, 0.7, 0.0), (0.0, 1.3, 0.8), (30, 60, 210)),
    "yellow": ((0.3, -0.9, 0.0), (0.7, -0.5, 0.35), (235, 215, 30)),
    "pink": ((-0.2, -0.1, 0.0), (0.05, 0.15, 0.2), (245, 130, 180)),
}
FLOOR, WALL, CEILING = (120, 120, 120), (235, 235, 235), (235, 235, 235)


def poses(count: int) -> list[NDArray[np.float64]]:
    """camera_to_world of cameras on a circle, looking at the middle of the room."""
    found = []
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        eye = np.array([1.75 * np.cos(angle), 1.75 * np.sin(angle), 1.5])
        forward = np.array([0.0, 0.0, 0.3]) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = eye
        found.append(pose)
    return found


def render(pose: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """((H, W, 3) colour, (H, W) depth along z in metres)."""
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    local = np.stack([(u - (WIDTH - 1) / 2) / FOCAL, (v - (HEIGHT - 1) / 2) / FOCAL, np.ones(u.shape)], axis=-1)
    ray, eye = local @ pose[:3, :3].T, pose[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = (ROOM[0] - eye) / ray, (ROOM[1] - eye) / ray
        exits = np.maximum(near, far)
        depth, side = exits.min(axis=-1), exits.argmin(axis=-1)
        below = side == 2
        colour = np.where(below[..., None] & (ray[..., 2:] < 0), FLOOR, WALL).astype(np.uint8)
        for low, high, paint in BOXES.values():
            near, far = (np.array(low) - eye) / ray, (np.array(high) - eye) / ray
            entry, exit_ = np.minimum(near, far).max(axis=-1), np.maximum(near, far).min(axis=-1)
            hit = (entry < exit_) & (entry > 0) & (entry < depth)
            depth = np.where(hit, entry, depth)
            colour[hit] = paint
    return colour, depth


def write(folder: Path, frames: int = 10) -> Path:
    """An rgbd folder: color/*.png, depth/*.png in millimetres, pose/*.txt, intrinsics.txt."""
    for name in ("color", "depth", "pose"):
        (folder / name).mkdir(parents=True)
    intrinsics = [[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]]
    np.savetxt(folder / "intrinsics.txt", intrinsics)
    for number, pose in enumerate(poses(frames)):
        colour, depth = render(pose)
        Image.fromarray(colour).save(folder / "color" / f"{number:04d}.png")
        Image.fromarray((depth * 1000).round().astype(np.uint16)).save(folder / "depth" / f"{number:04d}.png")
        np.savetxt(folder / "pose" / f"{number:04d}.txt", pose)
    return folder
