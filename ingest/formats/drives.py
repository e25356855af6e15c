"""The options of recordings made from a vehicle with a lidar: what one scene is, and which points it has."""

from dataclasses import dataclass, field

import numpy as np

from ...core.errors import BadInput
from .frame_options import FrameOptions


@dataclass(frozen=True)
class DriveOptions(FrameOptions):
    """A dataset adds `unit`, what becomes one scene, with the words of its own."""

    voxel_size: float | None = field(
        default=None,
        metadata={
            "help": "Metres: one point is kept in each such cube; larger keeps fewer, 0 all. The default depends "
            "on --unit."
        },
    )
    ego_radius: float = field(
        default=1.0,
        metadata={"help": "Metres: points nearer to the lidar in both x and y belong to the vehicle; 0 keeps them."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_zero_or_more("voxel_size", "ego_radius")

    def _require_zero_or_more(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0):
                raise BadInput(f"--{name.replace('_', '-')} must be 0 or a positive number, not {value}.")
