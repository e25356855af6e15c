"""The frames of a Matterport3D region: its cameras with the pictures that are there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....core.listing import entries
from ....core.scene import Frame
from ...files.confined import Confined
from ...files.images import image_size
from ..selection import spread
from ..skipped import NO_POSE, less, skipped
from .cameras import HouseCameras, YOrigin
from .regions import cameras_inside, cameras_nearest

Views = Literal["region", "house"]


@dataclass(frozen=True)
class Choice:
    """Which cameras of the house, and how they are read."""

    views: Views
    y_origin: YOrigin
    depth_scale: float
    stride: int
    limit: int | None


def region_frames(
    cameras: HouseCameras, xyz: NDArray[np.float64], color: Path, depth: Path | None, choice: Choice, confined: Confined
) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames in the order of their files' names, and findings; `color` and `depth` are folders."""
    pictures, readings = _listed(color), set() if depth is None else _listed(depth)
    tracked = np.flatnonzero(np.isfinite(cameras.camera_to_world).all(axis=(1, 2)))
    lost = less(range(len(cameras)), tracked.tolist())
    findings = skipped([cameras.color[row] for row in lost], len(cameras), NO_POSE)
    if cameras.promised not in (None, len(cameras)):
        findings.append(f"the .conf announces {cameras.promised:,} images and lists {len(cameras):,}")
    chosen, how = _chosen(cameras, tracked, xyz, pictures, choice.views)
    there = sorted((row for row in chosen if cameras.color[row] in pictures), key=lambda row: cameras.color[row])
    absent = [cameras.color[row] for row in chosen if cameras.color[row] not in pictures]
    findings += skipped(absent, len(chosen), f"no image in {color.name}")
    used = spread(there[:: choice.stride], choice.limit)
    without = sum(cameras.depth[row] not in readings for row in used)
    if without:
        findings.append(f"{without} of {len(used)} frames have no depth")
    color_size = depth_size = (0, 0)
    frames: list[Frame] = []
    for row in used:
        image = confined(color / cameras.color[row])
        reading = confined(depth / cameras.depth[row]) if depth and cameras.depth[row] in readings else None
        if not frames:
            color_size = image_size(image)
        if reading is not None and depth_size == (0, 0):
            depth_size = image_size(reading)
        camera = cameras.camera(row, *color_size, choice.y_origin)
        depth_camera = None if reading is None else camera.resized(*depth_size)
        name, pose = Path(cameras.color[row]).stem, cameras.camera_to_world[row]
        frames.append(Frame(name, camera, pose, image, reading, depth_camera, choice.depth_scale))
    return tuple(frames), [*findings, *how]


def _chosen(
    cameras: HouseCameras, tracked: NDArray[np.int64], xyz: NDArray[np.float64], pictures: set[str], views: Views
) -> tuple[list[int], list[str]]:
    """Rows of cameras that count for the region, and what to say of it."""
    centres = cameras.camera_to_world[:, :3, 3]
    if views == "house":
        return tracked.tolist(), []
    inside = cameras_inside(centres[tracked], xyz)
    if inside:
        return tracked[inside].tolist(), []
    there = [row for row in tracked.tolist() if cameras.color[row] in pictures]
    nearest = cameras_nearest(centres[there], [cameras.color[row] for row in there], xyz)
    return [there[k] for k in nearest], [f"no camera inside the region's box: the nearest {len(nearest)} of the house"]


def _listed(folder: Path) -> set[str]:
    return {path.name for path in entries(folder)}
