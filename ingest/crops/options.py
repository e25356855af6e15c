"""Which crops describe an object."""

from dataclasses import dataclass, field
from typing import Literal

from ...core.errors import BadInput


@dataclass(frozen=True)
class CropOptions:
    """The defaults are OpenMask3D's (Takmaz et al., NeurIPS 2023, section 3.3), but for the choice of frames."""

    views: Literal["best", "most-visible"] = field(
        default="best",
        metadata={
            "help": "which frames of an object: those that search shows, from several sides, or those that see most of "
            "its points"
        },
    )
    top: int = field(default=5, metadata={"help": "frames per object"})
    levels: int = field(default=3, metadata={"help": "crops per frame, each larger than the one before"})
    growth: float = field(
        default=0.1, metadata={"help": "share of the box's width and height that each level adds on each side"}
    )
    padding: Literal["none", "white"] = field(
        default="none", metadata={"help": "what makes a crop square before the encoder sees it"}
    )

    def __post_init__(self) -> None:
        if self.top < 1 or self.levels < 1:
            raise BadInput(f"top is {self.top} and levels is {self.levels}; at least 1 of each was expected.")
        if not 0 <= self.growth <= 10:
            raise BadInput(f"growth is {self.growth}; a share from 0 to 10 was expected.")


OPENMASK3D = CropOptions(views="most-visible")
