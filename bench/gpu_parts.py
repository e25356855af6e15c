"""The parts of the GPU check, in the order in which they run.

To add one, write a function in a gpu_*.py of this folder and name it here:

    def depth(setting: Setting) -> Iterator[Row]:
        twin = quickest(lambda: depth_of(picture, "cpu"), setting)
        yield compared("maps", twin, lambda: depth_of(picture, setting.device), setting, partial(close, most=1e-3))

    "depth": Part("gpu_depth", seconds=40)

It runs in a process of its own, in an empty folder, without a network. Rows count as soon as they are yielded. What it
raises is one row that failed; `Unavailable` is one that was skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
TORCH_ALONE = {"OVSTORE_SPCONV_TRITON": "off"}


class Unavailable(Exception):
    """Something that this machine lacks, and that the part can do nothing without."""


@dataclass(frozen=True)
class Setting:
    """What a part is told."""

    device: str  # "cuda"; or "cpu", where both sides run on the CPU
    small: bool  # sizes of seconds on one core, and not the real ones
    folder: Path  # empty, and thrown away

    @property
    def half(self) -> str:
        """The encoders' precision on CUDA; on a CPU, where float16 is as slow as can be, the other."""
        return "float16" if self.device == "cuda" else "bfloat16"

    def size(self, real: T, small: T) -> T:
        """Of the two sizes, the one to take."""
        return small if self.small else real


@dataclass(frozen=True)
class Part:
    """Where a part's function is: in `module`, under the part's own name."""

    module: str
    seconds: float  # it is stopped after this long
    environment: Mapping[str, str] = field(default_factory=dict)


PARTS = {
    "convolutions": Part("gpu_voxels", 60, TORCH_ALONE),
    "student": Part("gpu_voxels", 100, TORCH_ALONE),
    "student_triton": Part("gpu_voxels", 100),
    "training": Part("gpu_voxels", 90, TORCH_ALONE),
    "lseg": Part("gpu_encoders", 150),
    "openclip": Part("gpu_encoders", 60),
    "siglip2": Part("gpu_encoders", 60),
    "dino": Part("gpu_encoders", 60),
    "dino3": Part("gpu_encoders", 60),
    "tiny": Part("gpu_encoders", 40),
    "clip_pyramid": Part("gpu_encoders", 90),
    "fusion": Part("gpu_fusion", 60),
    "faiss_index": Part("gpu_faiss", 90),
}
