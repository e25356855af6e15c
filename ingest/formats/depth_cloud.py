"""Points for a scan that brings none: made from its frames' depth, once the frames are seen to fit together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.errors import BadScene
from ...core.scene import Frame, PointCloud
from ..checks.checks import check_frames
from .depth_points import points_from_depth
from .frame_options import FrameOptions


@dataclass(frozen=True)
class DepthCloudOptions(FrameOptions):
    """Of formats whose scans may come without points."""

    voxel_size: float = field(
        default=0.02,
        metadata={
            "help": "Metres between points made from depth, if the scan has no points; half makes four times as many."
        },
    )
    min_pixels: int = field(
        default=2, metadata={"help": "Readings that a point made from depth needs; more removes more noise."}
    )
    max_depth: float | None = field(
        default=None, metadata={"help": "Metres beyond which readings are not used for points; no limit by default."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("voxel_size", "max_depth")
        self._require_counts("min_pixels")


def depth_cloud(name: str, frames: Sequence[Frame], options: DepthCloudOptions) -> tuple[PointCloud, str]:
    """Points one a voxel from all frames that have depth, and a finding."""
    with_depth = [frame for frame in frames if frame.depth_path is not None]
    if not with_depth:
        raise BadScene(no_points(name))
    try:
        proper, _ = check_frames(with_depth, options)
        points = points_from_depth(proper, options.voxel_size, options.min_pixels, options.max_depth)
    except BadScene as error:
        raise BadScene(f"{name}: {error}") from error
    return points, f"points: fused from depth, one per voxel of {options.voxel_size:g} m"


def no_points(name: str) -> str:
    """That a scan has nothing that points could come from."""
    return f"{name}: neither a .ply with points nor depth to make them from"
