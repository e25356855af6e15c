"""Whether the points of a model fall where its images show them: the check that wrong poses cannot pass."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...cameras.lenses import Lens, distort
from ...files.poses import from_opengl_axes, inverted
from ..selection import spread
from .model import Images, Keypoints, Points, read_keypoints

_IMAGES, _KEYPOINTS, _ENOUGH = 8, 500, 20
_FAR = 0.02  # image widths; COLMAP's own points lie within a pixel or two
_BETTER = 5.0  # times nearer that another reading must bring the keypoints to be named
_Shown = tuple[NDArray[np.float64], NDArray[np.float64]]  # uv (K, 2) and xyz (K, 3)


def check_reprojection(
    path: Path, images: Images, poses: NDArray[np.float64], lenses: Mapping[int, Lens], points: Points
) -> list[str]:
    """A finding; BadScene where the keypoints lie far off and another reading of the poses would bring them home.

    `path` is the model's file of images, `poses` are camera_to_world (N, 4, 4) in the units of the points.
    """
    usable = [row for row in range(len(poses)) if np.isfinite(poses[row]).all() and images.camera_ids[row] in lenses]
    rows = spread(usable, _IMAGES)
    found = read_keypoints(path, frozenset(images.names[row] for row in rows))
    order = np.argsort(points.ids, kind="stable")
    views = [(row, _shown(found[images.names[row]], points, order)) for row in rows if images.names[row] in found]
    shares = {row: lenses[images.camera_ids[row]] for row, _ in views}
    if sum(len(uv) for _, (uv, _) in views) < _ENOUGH:
        return []
    others = {
        "if the poses mapped the camera into the world": inverted(poses),
        "if the cameras looked along -z with y up": from_opengl_axes(poses),
        "if the poses mapped cameras that look along -z into the world": from_opengl_axes(inverted(poses)),
    }
    off = _off(views, shares, poses)
    width = float(np.median([lens.width for lens in shares.values()]))
    said = f"keypoints lie {off:.2g} pixels from where their points fall (the median of {len(views)} images)"
    if off <= _FAR * width:
        return [said]
    best = min(others, key=lambda name: _off(views, shares, others[name]))
    if (nearer := _off(views, shares, others[best])) * _BETTER <= off and nearer <= _FAR * width:
        raise BadScene(
            f"{path}: {said}, and would lie {nearer:.2g} pixels off {best}; COLMAP's map the world into the camera, "
            "which looks along +z with y down: write them so"
        )
    return [f"{said}: poses, cameras or points may belong to another reconstruction"]


def _shown(
    keypoints: Keypoints, points: Points, order: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """uv (K, 2) in the house's pixels and xyz (K, 3) of some of an image's keypoints."""
    if not len(points.ids):
        return np.empty((0, 2)), np.empty((0, 3))
    place = np.searchsorted(points.ids, keypoints.point_ids, sorter=order)
    row = order[np.minimum(place, len(order) - 1)]
    known = np.flatnonzero(points.ids[row] == keypoints.point_ids)
    known = known[np.linspace(0, len(known) - 1, min(len(known), _KEYPOINTS)).astype(np.int64)]
    return keypoints.uv[known] - 0.5, points.xyz[row[known]]


def _off(
    views: list[tuple[int, _Shown]],
    lenses: Mapping[int, Lens],
    poses: NDArray[np.float64],
) -> float:
    """The median distance in pixels; points behind a camera are infinitely far off."""
    distances = []
    for row, (uv, xyz) in views:
        local = (xyz - poses[row, :3, 3]) @ poses[row, :3, :3]
        ahead = local[:, 2] > 1e-9
        distance = np.full(len(uv), np.inf)
        fallen = distort(lenses[row], local[ahead, :2] / local[ahead, 2:])
        distance[ahead] = np.nan_to_num(np.linalg.norm(fallen - uv[ahead], axis=1), nan=np.inf)
        distances.append(distance)
    return float(np.median(np.concatenate(distances)))
