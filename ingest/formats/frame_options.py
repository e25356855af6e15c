"""The options that every format has: which frames are taken, and whether links may leave a scan's folder."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...core.errors import BadInput

UpAxis = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]  # auto: poses.up_axis_of
UP_AXIS_HELP = "The world's up axis; auto uses the axis that is nearest to up in the images."
UNKNOWN_SCALE = "the world's scale is not known: its unit is taken for a metre; --world-scale sets units per metre"


@dataclass(frozen=True)
class FrameOptions:
    """A dataset's Options add what its format does not say of itself."""

    frame_stride: int = field(
        default=1, metadata={"help": "Take every n-th frame; a larger n is faster and covers less."}
    )
    frame_limit: int | None = field(
        default=None,
        metadata={"help": "At most this many frames per scene, spread evenly over the recording; no limit by default."},
    )
    follow_links: bool = field(
        default=False,
        metadata={"help": "Also follow links inside a scene's folder that lead out of it.", "recipe": False},
    )

    def __post_init__(self) -> None:
        self._require_counts("frame_stride", "frame_limit")

    def _require_counts(self, *names: str, least: int = 1) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and value < least:
                raise BadInput(f"--{name.replace('_', '-')} must be at least {least}, not {value}.")

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise BadInput(f"--{name.replace('_', '-')} must be a positive number, not {value}.")
