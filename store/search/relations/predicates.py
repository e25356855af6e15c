"""Predicates over shapes, each graded 0 to 1: from one half on, it holds.

`a` is the thing of which something is said, `b` (and `c`) the landmark. Lengths are metres, heights along the up axis
of the scene. docs/relations.md draws the definitions.
"""

import numpy as np
from numpy.typing import NDArray

from .shapes import Shape, box_gap, distance, gap, ground_gap, overlap, sideways

HOLDS = 0.5
NEAR = 0.5  # metres of `near` and `beside`
TOUCH = 0.10  # metres by which contacts of found things are off; 0.05 does for true ones
SIDEWAYS = 0.25  # metres by which `below` and `above` may be off: what hangs on a wall has hardly a footprint
_MARGIN = 0.02  # metres by which footprints and boxes grow, as points are spaced
_SUPPORT = 95  # percentile of the heights of a support: its top, but for outliers


def near(a: Shape, b: Shape, within: float = NEAR) -> float:
    """The closest points are no more than `within` apart; 0 from twice of that on."""
    return _falling(distance(a, b, 2 * within), within)


def on(a: Shape, b: Shape, touch: float = TOUCH) -> float:
    """`a` stands on `b`: where `a` is, `b` is as high as the bottom of `a`.

    Half of the footprint of `a` or more lies on that of `b`, which is no smaller; the height of the support is the 95 %
    quantile of those points of `b` under `a` that are no higher than the bottom of `a` and `touch`.
    """
    if not b.bottom - 2 * touch < a.bottom < b.top + 2 * touch:
        return 0.0
    if (shared := overlap(a, b)) == 0:
        return 0.0
    share, larger = shared / a.area, b.area / a.area
    if share <= 0.25 or larger <= 0.5:
        return 0.0
    height = support_height(a, b, touch)
    if height is None:
        return 0.0
    return min(_falling(abs(a.bottom - height), touch), _rising(share, 0.25, 0.75), _rising(larger, 0.5, 1.5))


def support_height(a: Shape, b: Shape, touch: float = TOUCH) -> float | None:
    """The height of `b` under `a`; None where nothing of it is there."""
    low = b.xyz[b.xyz[:, 2] <= a.bottom + touch]
    heights = low[a.above_footprint(low, _MARGIN), 2]
    return float(np.percentile(heights, _SUPPORT)) if len(heights) else None


def under(a: Shape, b: Shape, touch: float = TOUCH) -> float:
    """Something of `b` is over `a`, which does not stand on `b`; the less room between them, the better.

    The footprints share 30 % of the smaller one or more. The height of `b` is the 5 % quantile of those of its points
    over `a` that are no lower than the top of `a` less `touch`: a basket is under a desk whose feet are on the floor.
    """
    if b.top <= a.top - 2 * touch or (shared := overlap(a, b)) == 0:
        return 0.0
    share = shared / min(a.area, b.area)
    if share <= 0.15:
        return 0.0
    high = b.xyz[b.xyz[:, 2] >= a.top - 2 * touch]
    over = high[a.above_footprint(high, _MARGIN), 2]
    height = float(np.percentile(over, 100 - _SUPPORT)) if len(over) else b.bottom
    grade = min(_higher(height - a.top, touch), _rising(share, 0.15, 0.45))
    return min(grade, 1 - on(a, b, touch)) if grade else 0.0


def below(a: Shape, b: Shape, touch: float = TOUCH) -> float:
    """All of `a` is lower than all of `b`, sideways no more than 0.25 from it; the less room between, the better."""
    upwards = _higher(b.bottom - a.top, touch) if ground_gap(a, b) < 2 * SIDEWAYS else 0.0
    return min(upwards, _falling(sideways(a, b), SIDEWAYS)) if upwards else 0.0


def above(a: Shape, b: Shape, touch: float = TOUCH) -> float:
    """`b` is below `a`."""
    return below(b, a, touch)


def inside(a: Shape, b: Shape) -> float:
    """80 % or more of the points of `a` lie in the box of `b`, grown by 2 cm."""
    if gap(a, b) > 2 * _MARGIN or box_gap(a, b) > 2 * _MARGIN:
        return 0.0
    return _rising(float(b.inside_box(a.xyz, _MARGIN).mean()), 0.6, 1.0)


def beside(a: Shape, b: Shape, within: float = NEAR, touch: float = TOUCH) -> float:
    """Near, at a common height, and neither on nor under the other."""
    shared = min(a.top, b.top) - max(a.bottom, b.bottom)
    if shared < 0:
        return 0.0
    grade = min(near(a, b, within), min(1.0, 0.5 + shared / 0.2))
    for first, second in ((a, b), (b, a)):
        if grade:
            grade = min(grade, 1 - on(first, second, touch), 1 - under(first, second, touch))
    return grade


def between(a: Shape, b: Shape, c: Shape) -> float:
    """The centre of `a` lies beside the line from the centre of `b` to that of `c`, but for a tenth at either end.

    It is off the line by no more than half of the longest edge of `b` and `c`.
    """
    line, offset = c.centre - b.centre, a.centre - b.centre
    length = float(line @ line)
    if length == 0:
        return 0.0
    share = float(offset @ line) / length
    off = float(np.linalg.norm(offset - share * line))
    allowed = max(b.box.size.max(), c.box.size.max()) / 2
    return min(_rising(min(share, 1 - share), 0.0, 0.2), _falling(off, float(allowed)))


def left_of(a: Shape, b: Shape, viewer: NDArray[np.float64]) -> float:
    """Seen from (3,) `viewer`, `a` lies to the left of `b`: within 45 degrees of that direction, seen from above."""
    return _towards(a, b, viewer, (-1.0, 0.0))


def right_of(a: Shape, b: Shape, viewer: NDArray[np.float64]) -> float:
    """Seen from (3,) `viewer`, `a` lies to the right of `b`."""
    return _towards(a, b, viewer, (1.0, 0.0))


def in_front_of(a: Shape, b: Shape, viewer: NDArray[np.float64]) -> float:
    """Seen from (3,) `viewer`, `a` lies on the near side of `b`."""
    return _towards(a, b, viewer, (0.0, -1.0))


def behind(a: Shape, b: Shape, viewer: NDArray[np.float64]) -> float:
    """Seen from (3,) `viewer`, `a` lies on the far side of `b`."""
    return _towards(a, b, viewer, (0.0, 1.0))


def _towards(a: Shape, b: Shape, viewer: NDArray[np.float64], direction: tuple[float, float]) -> float:
    """How well (right, away) `direction` leads from `b` to `a` for somebody who looks at `b`: 1 less angle / 90."""
    away, step = (b.centre - viewer)[:2], (a.centre - b.centre)[:2]
    lengths = float(np.linalg.norm(away) * np.linalg.norm(step))
    if lengths == 0:
        return 0.0
    right = np.array([away[1], -away[0]])
    cosine = float(direction[0] * (right @ step) + direction[1] * (away @ step)) / lengths
    return max(0.0, 1 - float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) / 90)


def _falling(value: float, threshold: float) -> float:
    """1 at 0, one half at the threshold, 0 at twice of it."""
    return max(0.0, 1 - value / (2 * threshold)) if threshold > 0 else float(value <= 0)


def _rising(value: float, low: float, high: float) -> float:
    """0 at `low`, one half in the middle, 1 at `high`."""
    return float(np.clip((value - low) / (high - low), 0, 1))


def _higher(room: float, touch: float) -> float:
    """For things over one another: one half where they reach into each other by `touch`, best without room between."""
    return max(0.0, 1 + room / (2 * touch)) if room < 0 else 0.5 + 0.5 / (1 + room)
