"""The points of a COLMAP model that lies beside a transforms.json, in the world of its poses.

ns-process-data says how it turned the world (applied_transform); before it did so it exchanged x and y and looked at z
from the other side. colmap2nerf leaves the world as COLMAP has it (--keep_colmap_coords), or turns, moves and scales it
and tells nobody. Where the model has the poses of the same images, they tell; else the turn is taken under which more
points fall into the views.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ....core.scene import Frame, PointCloud
from ...checks.checks import inside_views
from ...files.confined import Confined
from ..colmap.frames import camera_to_world
from ..colmap.model import model_file, read_images
from ..colmap.points import sparse_points
from ..selection import spread

Turn = NDArray[np.float64]  # (3, 4) COLMAP's world to metres in the world of the frames

_TURNS = {
    "turned as ns-process-data did before it wrote applied_transform": np.array(
        [[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]]
    ),
    "left as COLMAP has them, as colmap2nerf --keep_colmap_coords does": np.eye(4)[:3],
}
_VIEWS, _POINTS = 32, 5000
_TURN_OFF = np.radians(3.0)  # by which the cameras' turns may differ from one another
_SHIFT_OFF = 0.05  # of the cameras' spread, by which they may lie off


def points_beside(
    model: Path, applied: Turn | None, frames: Sequence[Frame], world_scale: float, min_track: int, confined: Confined
) -> tuple[PointCloud, str]:
    """The points of the file `model` in metres, and a finding; `applied` is applied_transform where there is one."""
    points, source = sparse_points(model, min_track)
    if applied is not None:
        return _turned(points, applied / world_scale), f"points: {source}"
    if (fitted := _fitted(model.parent, frames, confined)) is not None:
        turn, count = fitted
        return _turned(points, turn), f"points: {source}, placed as COLMAP's poses of {count} images say"
    views = spread(frames, _VIEWS)
    poses = np.array([frame.camera_to_world for frame in views])
    xyz = points.xyz[np.linspace(0, len(points) - 1, min(len(points), _POINTS)).astype(np.int64)]
    shares = {}
    for name, turn in _TURNS.items():
        moved = _moved(xyz, turn / world_scale)
        shares[name] = sum(inside_views(moved, [view], pose[None])[0] for view, pose in zip(views, poses, strict=True))
    name = max(shares, key=lambda name: shares[name])
    return _turned(points, _TURNS[name] / world_scale), f"points: {source}, {name}"


def _fitted(folder: Path, frames: Sequence[Frame], confined: Confined) -> tuple[Turn, int] | None:
    """The turn, scale and shift that bring the model's cameras to the frames', and of how many; None without a fit."""
    file = model_file(folder, "images")
    if file is None:
        return None
    images = read_images(confined(file))
    theirs = dict(
        zip((PurePosixPath(name).stem for name in images.names), camera_to_world(images.poses, 1.0), strict=True)
    )
    ours = {PurePosixPath(frame.name).stem: frame.camera_to_world for frame in frames}
    names = [name for name in ours if name in theirs and np.isfinite(theirs[name]).all()]
    if len(names) < 2 or len(ours) < len(frames) or len(theirs) < len(images.names):
        return None
    here, there = np.array([ours[name] for name in names]), np.array([theirs[name] for name in names])
    turns = here[:, :3, :3] @ there[:, :3, :3].transpose(0, 2, 1)
    left, _, right = np.linalg.svd(turns.sum(axis=0))
    turn = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    off = np.arccos(np.clip((np.einsum("nij,ij->n", turns, turn) - 1) / 2, -1, 1))
    centre, other = here[:, :3, 3].mean(axis=0), there[:, :3, 3].mean(axis=0)
    arms, turned = here[:, :3, 3] - centre, (there[:, :3, 3] - other) @ turn.T
    spread_there = float((turned * turned).sum())
    scale = float((arms * turned).sum()) / spread_there if spread_there > 0 else 0.0
    missed = np.linalg.norm(arms - scale * turned, axis=1)
    if not (
        scale > 0
        and np.median(off) < _TURN_OFF
        and np.median(missed) <= _SHIFT_OFF * np.linalg.norm(arms, axis=1).max()
    ):
        return None
    return np.column_stack([scale * turn, centre - scale * turn @ other]), len(names)


def _turned(points: PointCloud, turn: Turn) -> PointCloud:
    return replace(points, xyz=_moved(points.xyz, turn))


def _moved(xyz: NDArray[np.float64], turn: Turn) -> NDArray[np.float64]:
    return xyz @ turn[:, :3].T + turn[:, 3]
