"""The fusion loop that research code publishes, told plainly: what `bench/fusion.py` measures against.

Frame after frame: project all points, gather all channels of all points, add those of the visible ones. It is the
arithmetic of openscene.md 2.1-2.3, with the memory traffic of the usual torch script and nothing made worse.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from ovstore.core.scene import Frame

THRESHOLD, BORDER = 0.25, 10


def fuse_dense(
    xyz: NDArray[np.float64],
    frames: Sequence[Frame],
    depth: Sequence[NDArray[np.uint16]],  # millimetres
    maps: Iterable[torch.Tensor],  # (C, H, W) fp16, one a frame
    channels: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """feature (N, C) fp16 and covered (N,) bool."""
    count = torch.zeros((len(xyz), 1))
    total = torch.zeros((len(xyz), channels))
    views = torch.zeros((len(xyz), len(frames)), dtype=torch.int64)
    for number, feature_map in enumerate(maps):
        mapping = torch.from_numpy(_mapping(xyz, frames[number], depth[number]))
        visible = mapping[:, 2]
        if visible.sum() == 0:
            continue
        views[:, number] = visible
        of_points = feature_map[:, mapping[:, 0], mapping[:, 1]].permute(1, 0)
        seen = visible != 0
        count[seen] += 1
        total[seen] += of_points[seen]
    count[count == 0] = 1e-5
    return (total / count).half(), views.any(dim=1)


def upsampled(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(C, height, width) fp16 of a token map (h, w, C): the map as such scripts look it up."""
    whole = torch.nn.functional.interpolate(
        tokens.permute(2, 0, 1)[None].float(), (height, width), mode="bilinear", align_corners=False
    )
    return whole[0].half()


def _mapping(xyz: NDArray[np.float64], frame: Frame, depth: NDArray[np.uint16]) -> NDArray[np.int64]:
    """(N, 3) row, column, visible for every point; zeros where not visible."""
    camera = frame.camera
    mapping = np.zeros((3, len(xyz)), np.int64)
    homogeneous = np.concatenate([xyz, np.ones((len(xyz), 1))], axis=1).T
    local = np.linalg.inv(frame.camera_to_world) @ homogeneous
    with np.errstate(divide="ignore", invalid="ignore"):
        local[0] = local[0] * camera.fx / local[2] + camera.cx
        local[1] = local[1] * camera.fy / local[2] + camera.cy
        pixel = np.round(local).astype(np.int64)
    inside = (
        (pixel[0] >= BORDER)
        & (pixel[1] >= BORDER)
        & (pixel[0] < camera.width - BORDER)
        & (pixel[1] < camera.height - BORDER)
    )
    reading = depth[pixel[1][inside], pixel[0][inside]] / 1000
    inside[inside] = np.abs(reading - local[2][inside]) <= THRESHOLD * reading
    mapping[0][inside] = pixel[1][inside]
    mapping[1][inside] = pixel[0][inside]
    mapping[2][inside] = 1
    return mapping.T
