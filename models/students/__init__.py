"""Networks over voxels that learn what fusion found; one file each, its name is what people type.

A student file defines what `Student` says. A student knows no points, files or losses. The same weights and voxels give
the same numbers, but for rounding, in any order of the rows. Voxels of points are made by models/voxels.py; published
weights are read by models/minkunet/checkpoint.py.
"""

from typing import TYPE_CHECKING, Any, Protocol

from ...core.contracts import Contract

if TYPE_CHECKING:
    from torch import nn


class Student(Protocol):
    """What every student file defines."""

    # A frozen dataclass, every field with a default and metadata={"help": "..."}: what decides the network beside its
    # widths at both ends. It goes into the recipe as JSON.
    Options: type[Any]

    def build(self, options: Any, in_channels: int, out_channels: int) -> "nn.Module":
        """In training mode, float32 on the CPU, weights drawn from torch's own generator (seed it first).

        Its forward takes a SparseTensor (models/sparse/layers.py) of in_channels and gives one of out_channels, of the
        same voxels in the same order; they may belong to several scenes, which never touch. Voxels come with stride 1.
        """


CONTRACT = Contract("student", Student)
