"""SemanticKITTI's labels of points: what a raw number means, and which points are one object."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.whole import read_bytes
from ..lidar_points import MAX_SWEEP_BYTES

# semantic-kitti.yaml; its 0, "unlabeled", is no label here
LABELS = {
    1: "outlier", 10: "car", 11: "bicycle", 13: "bus", 15: "motorcycle", 16: "on-rails", 18: "truck",
    20: "other-vehicle", 30: "person", 31: "bicyclist", 32: "motorcyclist", 40: "road", 44: "parking", 48: "sidewalk",
    49: "other-ground", 50: "building", 51: "fence", 52: "other-structure", 60: "lane-marking", 70: "vegetation",
    71: "trunk", 72: "terrain", 80: "pole", 81: "traffic-sign", 99: "other-object", 252: "moving-car",
    253: "moving-bicyclist", 254: "moving-person", 255: "moving-motorcyclist", 256: "moving-on-rails",
    257: "moving-bus", 258: "moving-truck", 259: "moving-other-vehicle",
}  # fmt: skip
_AT_REST = {252: 10, 253: 31, 254: 30, 255: 32, 256: 16, 257: 13, 258: 18, 259: 20}


def read_labels(path: Path, points: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(points,) raw labels, -1 unlabelled, and (points,) instances, -1 none.

    An instance is its class and its number in one, as numbers may be counted class by class. What moves and what rests
    are one class there, so that a car that stops stays the same object.
    """
    data = read_bytes(path, MAX_SWEEP_BYTES)
    if len(data) != 4 * points:
        raise BadScene(f"{path}: {len(data):,} bytes; its scan has {points:,} points, four bytes each were expected")
    packed = np.frombuffer(data, "<u4")
    label, number = (packed & 0xFFFF).astype(np.int32), (packed >> 16).astype(np.int32)
    if strange := [kind for kind in np.unique(label).tolist() if kind and kind not in LABELS]:
        raise BadScene(
            f"{path}: {', '.join(map(str, strange[:8]))} are none of SemanticKITTI's raw labels; those of training "
            "(0 to 19) are mapped back by learning_map_inv of semantic-kitti.yaml"
        )
    resting = np.arange(1 << 16, dtype=np.int32)
    resting[list(_AT_REST)] = list(_AT_REST.values())
    kind = np.minimum(resting[label], (1 << 15) - 1)  # no class is as large; int32 holds no more
    return np.where(label > 0, label, -1), np.where(number > 0, (kind << 16) | number, -1)
