"""When masks of different frames are one object; the numbers are those of MaskClustering (CVPR 2024)."""

from dataclasses import dataclass
from typing import Literal

from ....core.errors import BadInput

_SHARES = ("visible", "contained", "split", "consensus", "kept", "overlap")


@dataclass(frozen=True)
class MaskOptions:
    """How masks become objects. Frames vote: each says of two masks whether one of its own holds both."""

    overlaps: Literal["nested", "border"] = "nested"  # points in two masks of one frame: in both, or left out of rates
    least_points: int = 10  # of a mask; smaller ones are dropped
    visible: float = 0.3  # share of a mask's points that must lie in masks of a frame for the frame to see it
    visible_points: int = 500  # or so many of them
    contained: float = 0.8  # more than this share of them in one mask of the frame: contained in it
    split: float = 0.3  # a mask split by more than this share of the frames that see it is set aside
    consensus: float = 0.9  # least share of the frames seeing two clusters that hold both in one mask
    least_masks: int = 1  # of an object; one that others do not support has what they leave
    gap: float = 0.1  # metres; parts of a cluster farther apart are different objects
    neighbours: int = 4  # points within `gap` that make a point more than noise, itself included
    kept: float = 0.5  # a point stays that lies in its cluster's masks in more than this share of the frames
    overlap: float = 0.8  # an object goes of which a larger one holds more than this share
    noise: bool = False  # what is too thin to be a part of a cluster counts as one more part

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name)}; a share, 0 to 1, was expected.")
        if not self.gap > 0 or min(self.neighbours, self.least_points, self.least_masks, self.visible_points) < 1:
            raise BadInput(
                f"gap is {self.gap}, neighbours {self.neighbours}, least_points {self.least_points}, least_masks "
                f"{self.least_masks} and visible_points {self.visible_points}; more than 0 was expected of each."
            )


MASKCLUSTERING = MaskOptions(overlaps="border", least_points=1, least_masks=2, noise=True)  # its rules from points on
