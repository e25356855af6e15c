"""The objects of ARKitScenes: oriented boxes with names.

{"data": [{"label": "chair", "segments": {"obbAligned": {
    "centroid": [x, y, z], "axesLengths": [dx, dy, dz], "normalizedAxes": 9 numbers, an axis a row}}}]}
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.scene import PointCloud
from ...files.json_text import read_object


@dataclass(frozen=True)
class Box:
    """One object."""

    label: str
    centre: NDArray[np.float64]  # (3,) metres
    size: NDArray[np.float64]  # (3,) metres, along its axes
    axes: NDArray[np.float64]  # (3, 3) an axis a row

    def holds(self, xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) which points lie inside or on it."""
        return np.all(np.abs((xyz - self.centre) @ self.axes.T) <= self.size / 2, axis=1)


def read_boxes(path: Path) -> list[Box]:
    """The boxes of a <video>_3dod_annotation.json."""
    listed = read_object(path).get("data", [])
    if not isinstance(listed, list):
        raise BadScene(f"{path}: 'data' is not a list of boxes")
    return [_box(path, entry) for entry in listed]


def labelled(points: PointCloud, boxes: list[Box]) -> PointCloud:
    """The points with the label and number of the smallest box that holds them."""
    names = sorted({box.label for box in boxes})
    labels, instances = np.full(len(points), -1, np.int32), np.full(len(points), -1, np.int32)
    volumes = [float(np.prod(box.size)) for box in boxes]
    for number in sorted(range(len(boxes)), key=lambda k: (-volumes[k], -k)):
        held = boxes[number].holds(points.xyz)
        labels[held], instances[held] = names.index(boxes[number].label), number
    return replace(points, labels=labels, instances=instances, label_names=dict(enumerate(names)))


def _box(path: Path, entry: Any) -> Box:
    match entry:
        case {"label": str(label), "segments": {"obbAligned": dict(box)}}:
            centre, size = _numbers(box.get("centroid"), 3), _numbers(box.get("axesLengths"), 3)
            axes = _numbers(box.get("normalizedAxes"), 9)
            if centre is not None and size is not None and axes is not None:
                return Box(label, centre, size, axes.reshape(3, 3))
    raise BadScene(
        f"{path}: {str(entry)[:60]} is not a box with 'label' and 'segments': 'obbAligned': 'centroid', "
        "'axesLengths', 'normalizedAxes'"
    )


def _numbers(values: Any, count: int) -> NDArray[np.float64] | None:
    """(count,) or None for anything else."""
    try:
        numbers = np.array(values, np.float64).ravel()
    except (ValueError, TypeError, OverflowError):
        return None
    return numbers if len(numbers) == count and bool((np.abs(numbers) < 1e6).all()) else None
