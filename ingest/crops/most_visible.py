"""The frames that see most points of each object, with the box of the pixels on which these fall."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.features import Correspondence, RegionView
from ...core.scene import Frame


def most_visible(
    object_of_point: NDArray[np.int32], correspondences: Sequence[Correspondence], frames: Sequence[Frame], top: int
) -> dict[int, tuple[RegionView, ...]]:
    """Up to `top` views of each object that a frame sees, most points first, ties to the lowest frame.

    (N,) `object_of_point` is -1 for points without an object.
    """
    sightings: dict[int, list[RegionView]] = {}
    for seen in sorted(correspondences, key=lambda seen: seen.frame):
        camera = frames[seen.frame].camera
        of = object_of_point[seen.point_index]
        pixels = np.clip(np.rint(seen.uv), 0, (camera.width - 1, camera.height - 1))[of >= 0]
        shown, row, count = np.unique(of[of >= 0], return_inverse=True, return_counts=True)
        low, high = np.full((len(shown), 2), np.inf), np.full((len(shown), 2), -np.inf)
        np.minimum.at(low, row, pixels)
        np.maximum.at(high, row, pixels)
        for ordinal, (x0, y0), (x1, y1), visible in zip(
            shown.tolist(), low.tolist(), high.tolist(), count.tolist(), strict=True
        ):
            sightings.setdefault(ordinal, []).append(RegionView(seen.frame, (x0, y0, x1, y1), visible))
    return {
        ordinal: tuple(sorted(views, key=lambda view: -view.visible_points)[:top])
        for ordinal, views in sightings.items()
    }
