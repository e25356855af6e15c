"""Sightings: which frames show which parts of a scene, and which of them show a part best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from .by_value import ByValue
from .features import RegionView
from .shapes import check_shapes

_NEAR = 2.0  # metres at which a part's picture counts half of one at no distance
_OTHER_SIDE = np.radians(30)  # views this far apart, as seen from the part, are of different sides
_REPEATED = 0.3  # what one more view of the same side is worth
_LEAST = 0.1  # of the best view's worth; what shows less is no evidence

_SHAPES = {**dict.fromkeys(("part", "frame", "visible", "off_centre", "depth"), ("R",)), "box_xyxy": ("R", 4)}


@dataclass(frozen=True, eq=False)
class Sightings(ByValue):
    """All pairs of a part and a frame that shows at least one of its points, by part, then frame; R of them."""

    part: NDArray[np.integer]  # (R,) ascending
    frame: NDArray[np.integer]  # (R,) positions in Scene.frames
    visible: NDArray[np.integer]  # (R,) points of the part that the frame shows, >= 1
    off_centre: NDArray[np.floating]  # (R,) mean over them: 0 in the middle of the image, 1 in its corners
    depth: NDArray[np.floating]  # (R,) mean over them, metres along the camera's z axis
    box_xyxy: NDArray[np.integer]  # (R, 4) their pixels, inclusive, without isolated outliers

    def __post_init__(self) -> None:
        check_shapes(self, _SHAPES, {"R": len(self.part)})

    def __len__(self) -> int:
        return len(self.part)

    @property
    def worth(self) -> NDArray[np.float64]:
        """(R,) visible points, half as many where they lie in the image's corners, and where they are 2 m away."""
        return worth(self.visible, self.off_centre, self.depth)

    def of_union(self, parts: NDArray[np.integer]) -> "Sightings":
        """Those of some parts taken together, as part 0; a box is the least around the boxes of the parts."""
        start, stop = np.searchsorted(self.part, parts), np.searchsorted(self.part, parts, side="right")
        rows = np.concatenate([np.arange(a, b) for a, b in zip(start, stop, strict=True)], dtype=np.int64)
        rows = rows[np.argsort(self.frame[rows], kind="stable")]
        frame, first = np.unique(self.frame[rows], return_index=True)
        if not len(rows):
            return Sightings(*(getattr(self, name)[:0] for name in self.__dataclass_fields__))
        visible = np.asarray(self.visible[rows], np.int64)
        total = np.add.reduceat(visible, first)
        box = self.box_xyxy[rows]
        return Sightings(
            np.zeros(len(frame), self.part.dtype),
            frame,
            total,
            np.add.reduceat(visible * np.asarray(self.off_centre[rows], np.float64), first) / total,
            np.add.reduceat(visible * np.asarray(self.depth[rows], np.float64), first) / total,
            np.concatenate([np.minimum.reduceat(box[:, :2], first), np.maximum.reduceat(box[:, 2:], first)], axis=1),
        )

    def best_views(
        self, centres: NDArray[np.float64], eyes: NDArray[np.float64], top: int
    ) -> list[tuple[RegionView, ...]]:
        """Up to `top` views of each of the parts 0..len(centres)-1, best first; (F, 3) `eyes`: where frames stand."""
        rows = best_rows(self.part, self.frame, self.worth, centres, eyes, top)
        views: list[list[RegionView]] = [[] for _ in centres]
        for row, (x0, y0, x1, y1) in zip(rows.tolist(), np.asarray(self.box_xyxy[rows], float).tolist(), strict=True):
            views[self.part[row]].append(RegionView(int(self.frame[row]), (x0, y0, x1, y1), int(self.visible[row])))
        return [tuple(found) for found in views]


def seen_together(unions: Sequence[Sightings], top: int) -> list[tuple[RegionView, ...]]:
    """Up to `top` views of each union, in the frames that show all of them, best first.

    A frame is as good as its view of that union which it shows worst, in shares of the union's best view.
    """
    frames = reduce(np.intersect1d, [union.frame for union in unions])
    rows = [np.searchsorted(union.frame, frames) for union in unions]
    share = np.ones(len(frames))
    for union, own in zip(unions, rows, strict=True):
        share = np.minimum(share, union.worth[own] / union.worth.max(initial=1e-12))
    best = np.argsort(-share, kind="stable")[:top]
    best = best[share[best] >= _LEAST]
    return [
        tuple(
            RegionView(frame, (x0, y0, x1, y1), visible)
            for frame, (x0, y0, x1, y1), visible in zip(
                union.frame[own[best]].tolist(),
                np.asarray(union.box_xyxy[own[best]], float).tolist(),
                union.visible[own[best]].tolist(),
                strict=True,
            )
        )
        for union, own in zip(unions, rows, strict=True)
    ]


def worth(
    visible: NDArray[np.integer], off_centre: NDArray[np.floating], depth: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(R,) of sightings, see `Sightings.worth`."""
    centred = 1 - 0.5 * np.clip(np.asarray(off_centre, np.float64), 0, 1)
    return np.asarray(visible * centred * _NEAR / (_NEAR + np.asarray(depth, np.float64)))


def best_rows(
    part: NDArray[np.integer],  # (R,) ascending
    frame: NDArray[np.integer],  # (R,)
    value_of: NDArray[np.float64],  # (R,) worth
    centres: NDArray[np.float64],  # (P, 3) metres
    eyes: NDArray[np.float64],  # (F, 3) metres, where each frame was taken
    top: int,
) -> NDArray[np.int64]:
    """Rows of sightings, the best of each part first, ties to the lowest frame; a round chooses for all parts.

    After the first, views from the same side as one already chosen count less.
    """
    if len(part) == 0 or top == 0:
        return np.empty(0, np.int64)
    towards = eyes[frame] - centres[part]
    towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
    start = np.flatnonzero(np.diff(part, prepend=-1))
    place = np.cumsum(np.diff(part, prepend=-1) > 0) - 1
    enough = value_of >= _LEAST * np.maximum.reduceat(value_of, start)[place]
    value, nearest = np.where(enough, value_of, 0), np.full(len(part), -1.0)
    rounds = []
    for _ in range(top):
        best = np.maximum.reduceat(value, start)
        hits = np.flatnonzero((value == best[place]) & (value > 0))
        hits = hits[np.diff(place[hits], prepend=-1) > 0]
        if len(hits) == 0:
            break
        rounds.append(hits)
        pick = np.full(len(start), -1)
        pick[place[hits]] = hits
        cosine = np.where(pick[place] >= 0, (towards * towards[pick[place]]).sum(axis=1), -1)
        nearest = np.maximum(nearest, cosine)
        novelty = np.minimum(np.arccos(np.clip(nearest, -1, 1)) / _OTHER_SIDE, 1)
        value = np.where(value > 0, value_of * (_REPEATED + (1 - _REPEATED) * novelty), 0)
        value[hits] = 0
    return np.concatenate(rounds)
