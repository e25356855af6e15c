"""Masks of images as points: which points of the cloud a frame shows within each of its masks."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from ....core.features import Correspondence
from ....core.frame_masks import FrameMasks
from ....core.scene import Frame
from .sightings import PointsOfMasks


def points_of_masks(
    correspondences: Sequence[Correspondence], frames: Sequence[Frame], masks: Mapping[str, Callable[[], FrameMasks]]
) -> Iterator[PointsOfMasks]:
    """Frame by frame, for those that have masks by their names; masks of another size than the image are mapped."""
    for seen in sorted(correspondences, key=lambda one: one.frame):
        frame = frames[seen.frame]
        if frame.name in masks and len(seen):
            ids = masks[frame.name]().at(seen.uv, frame.camera.width, frame.camera.height)
            layer, row = np.nonzero(ids)
            yield seen.frame, ids[layer, row].astype(np.int64) - 1, seen.point_index[row]
