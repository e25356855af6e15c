"""The classes that OpenScene's processed labels count, by kind of dataset (openscene.md, appendices A and C).

Those of Matterport's sets of 40, 80 and 160 are named by a .json beside the points, where there is one.
"""

from ..scannet.nyu40 import NYU40

_NYU40_OF_SCANNET = (*range(1, 13), 14, 16, 24, 28, 33, 34, 36, 39)
_SCANNET = tuple(NYU40[number] for number in _NYU40_OF_SCANNET)

CLASSES: dict[str, tuple[str, ...]] = {
    "scannet": _SCANNET,
    "matterport": (*_SCANNET[:-1], "other", "ceiling"),
    "nuscenes": (
        "barrier", "bicycle", "bus", "car", "construction vehicle", "motorcycle", "person", "traffic cone", "trailer",
        "truck", "drivable surface", "other flat", "sidewalk", "terrain", "manmade", "vegetation",
    ),
}  # fmt: skip
