"""The sparse points of a COLMAP model, less those that are wrong."""

from pathlib import Path

import numpy as np

from ....core.errors import BadScene
from ....core.scene import PointCloud
from ...files.confined import Confined
from .model import Points, model_file, read_points

BESIDE = ("sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse")  # where tools that use COLMAP leave its model
MIN_TRACK = 2  # images that a point was found in
MIN_TRACK_HELP = "Images that a sparse point must be found in; more removes more wrong points, 0 uses all."
FAR = 20.0  # times as far from the middle of the points as nine tenths of them: no baseline measures that


def sparse_points(path: Path, min_track: int = MIN_TRACK, max_error: float | None = None) -> tuple[PointCloud, str]:
    """The points of a file in the world's units, and what was left out, for people.

    `max_error` is the mean distance in pixels from where the images show a point.
    """
    return good_points(path, read_points(path), min_track, max_error)


def good_points(path: Path, sparse: Points, min_track: int, max_error: float | None) -> tuple[PointCloud, str]:
    """The same of points that were read from `path`."""
    if not len(sparse.xyz):
        raise BadScene(f"{path}: no points in it; name a .ply with the scene's points: --cloud")
    tracked = bool(sparse.track_length.any())  # clouds that other tools put in come without tracks
    good = np.asarray(np.isfinite(sparse.xyz).all(axis=1))
    if tracked:
        good &= sparse.track_length >= min_track
    if max_error is not None:
        good &= sparse.error <= max_error
    if good.any():
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is far
            distance = np.linalg.norm(sparse.xyz - np.median(sparse.xyz[good], axis=0), axis=1)
            good &= distance <= FAR * np.quantile(distance[good], 0.9)
    reasons = "too few images, too large an error, or too far"
    if not good.any():
        raise BadScene(f"{path}: none of its {len(good):,} points is left: {reasons}")
    left_out = int(len(good) - good.sum())
    dropped = f"; {left_out:,} left out: {reasons}" if left_out else ""
    untracked = "" if tracked else "; none has a track, so none was left out for being in few images"
    return PointCloud(sparse.xyz[good], sparse.rgb[good]), f"{good.sum():,} sparse points{dropped}{untracked}"


def points_file(folder: Path, confined: Confined) -> Path | None:
    """points3D of the model that lies in a scene's folder, where there is one."""
    found = (model_file(folder / place, "points3D") for place in BESIDE)
    return next((confined(path) for path in found if path is not None), None)
