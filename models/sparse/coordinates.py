"""Sets of voxels, and which voxel meets which at each offset of a kernel.

Offsets are those of MinkowskiEngine 0.5.4: axis 0 (x) fastest, odd kernels centred, even ones 0 .. size-1, in cells of
the input's stride.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ...core.errors import BadInput

MARGIN = 8  # empty cells numbered around a set's box, so that what a kernel reaches for outside has a key of its own
SEARCHES = 1 << 20  # neighbours looked for at a time: 8 MB for each array on the way
CELLS_PER_VOXEL = 128  # with a larger box for each voxel, half a kilobyte, rows are searched for instead of looked up


def kernel_offsets(size: int) -> list[tuple[int, int, int]]:
    """(dx, dy, dz) of the size**3 places of a kernel, in the order of its rows."""
    first = -(size // 2) if size % 2 else 0
    steps = range(first, first + size)
    return [(x, y, z) for z in steps for y in steps for x in steps]


@dataclass(frozen=True)
class KernelMap:
    """The pairs of rows that meet at each offset; within an offset a row occurs at most once on either side."""

    inputs: Tensor  # (P,) int64 rows, offset after offset
    outputs: Tensor  # (P,) int64 rows
    counts: tuple[int, ...]  # pairs of each offset; they sum to P
    input_rows: int
    output_rows: int
    identity: int | None = None  # the offset at which each row meets itself, if there is one

    def transposed(self) -> "KernelMap":
        """The same pairs the other way."""
        return replace(
            self,
            inputs=self.outputs,
            outputs=self.inputs,
            input_rows=self.output_rows,
            output_rows=self.input_rows,
        )

    def chunks(self, rows: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(offset, inputs, outputs), at most `rows` pairs at a time; without the identity, which needs no rows."""
        parts = [(k, min(rows, n - first)) for k, n in enumerate(self.counts) for first in range(0, n, rows)]
        sizes = [size for _, size in parts]
        pairs = zip(parts, self.inputs.split(sizes), self.outputs.split(sizes), strict=True)
        return ((k, inputs, outputs) for (k, _), inputs, outputs in pairs if k != self.identity)


class Voxels:
    """Distinct cells of one or more scenes. Kernel maps and coarser sets are made once and kept for all layers."""

    def __init__(self, coordinates: Tensor, stride: int = 1) -> None:
        """`coordinates` (V, 4) integers: scene in the batch, x, y, z; multiples of `stride`, negative ones too."""
        if coordinates.ndim != 2 or coordinates.shape[1] != 4 or coordinates.is_floating_point():
            found = f"{coordinates.dtype} {tuple(coordinates.shape)}"
            raise BadInput(f"Voxels are {found}; integers (V, 4) of scene, x, y, z were expected.")
        if not len(coordinates):
            raise BadInput("There are no voxels to convolve.")
        self.coordinates = coordinates.long()
        self.stride = stride
        self._maps: dict[tuple[int, int], KernelMap] = {}
        self._coarser: dict[int, Voxels] = {}

    def __len__(self) -> int:
        return len(self.coordinates)

    def coarser(self, factor: int) -> "Voxels":
        """The cells of `factor` times the stride that hold a voxel, ordered by scene, x, y, z."""
        if factor > MARGIN:
            raise BadInput(f"Cells {factor} times as large in one step; at most {MARGIN} times was expected.")
        if factor not in self._coarser:
            stride = self.stride * factor
            cells = self.coordinates.clone()
            cells[:, 1:] = cells[:, 1:].div(stride, rounding_mode="floor") * stride
            keys, order = self._table.keys_of(cells).sort()
            first = torch.ones_like(keys, dtype=torch.bool)
            first[1:] = keys[1:] != keys[:-1]
            self._coarser[factor] = Voxels(cells[order[first]], stride)
        return self._coarser[factor]

    def kernel_map(self, size: int, factor: int = 1) -> KernelMap:
        """From these voxels to themselves, or to the coarser ones: output u meets input u + offset."""
        if size + factor > MARGIN:
            raise BadInput(f"A kernel of {size} with stride {factor}; their sum may be at most {MARGIN}.")
        if (size, factor) not in self._maps:
            self._maps[size, factor] = self._search(size, factor)
        return self._maps[size, factor]

    def ordered(self) -> tuple["Voxels", Tensor]:
        """The same voxels by scene, x, y, z, and which row each was: neighbours then lie together in memory."""
        rows = self._table.rows
        return Voxels(self.coordinates[rows], self.stride), rows

    def _search(self, size: int, factor: int) -> KernelMap:
        """Half the offsets of a set with itself mirror the other half."""
        outputs = self if factor == 1 else self.coarser(factor)
        offsets = kernel_offsets(size)
        mirrored = factor == 1 and size % 2 == 1
        searched = offsets[: len(offsets) // 2] if mirrored else offsets
        here, there, counts = self._table.find(self._table.keys_of(outputs.coordinates), searched)
        if mirrored:
            every = torch.arange(len(self), device=here.device)
            others = zip(reversed(there.split(counts)), reversed(here.split(counts)), strict=True)
            here, there = (
                torch.cat([first, every, *rest])
                for first, rest in zip((here, there), zip(*others, strict=True), strict=True)
            )
            counts = [*counts, len(self), *reversed(counts)]
        return KernelMap(
            here,
            there,
            tuple(counts),
            input_rows=len(self),
            output_rows=len(outputs),
            identity=len(searched) if mirrored else None,
        )

    @cached_property
    def _table(self) -> "_Table":
        return _Table(self.coordinates, self.stride)


class _Table:
    """A set's cells as sorted 64-bit numbers: the place in the box around all scenes, which leaves no collisions."""

    def __init__(self, coordinates: Tensor, stride: int) -> None:
        (first, *low), (last, *high) = torch.stack(coordinates.aminmax(dim=0)).tolist()
        low = [a // stride - MARGIN for a in low]
        extent = [b // stride + MARGIN - a + 1 for a, b in zip(low, high, strict=True)]
        if first < 0:
            raise BadInput(f"A voxel belongs to scene {first} of the batch; 0 or more was expected.")
        self.size = (last + 1) * extent[0] * extent[1] * extent[2]
        if self.size >= 2**63:
            raise BadInput(
                f"The voxels span {extent[0]} x {extent[1]} x {extent[2]} cells, more than can be numbered; remove "
                "points that lie far off, or use larger voxels."
            )
        self.stride = stride
        self.steps = (extent[0] * extent[1] * extent[2], extent[1] * extent[2], extent[2], 1)  # scene, x, y, z
        self.low = low
        self.keys, self.rows = self.keys_of(coordinates).sort()
        if bool((self.keys[1:] == self.keys[:-1]).any()):
            raise BadInput("A voxel occurs twice; each cell of a scene may have only one row.")

    def keys_of(self, coordinates: Tensor) -> Tensor:
        """(n,) int64; cells up to MARGIN outside of the box may be asked for."""
        keys = coordinates[:, 0] * self.steps[0]
        for axis, (low, step) in enumerate(zip(self.low, self.steps[1:], strict=True), start=1):
            keys += (coordinates[:, axis] // self.stride - low) * step
        return keys

    def find(self, keys: Tensor, offsets: list[tuple[int, int, int]]) -> tuple[Tensor, Tensor, list[int]]:
        """Rows of this set at each offset from cells with such keys, these cells' positions, and pairs an offset."""
        steps = torch.tensor([sum(o * s for o, s in zip(each, self.steps[1:], strict=True)) for each in offsets])
        rows, positions, counts = [], [], []
        for some in steps.to(keys.device).split(max(1, SEARCHES // len(keys))):
            found = self._row_of((some[:, None] + keys).flatten())
            here = found >= 0
            pairs = here.nonzero()[:, 0]
            rows.append(found.index_select(0, pairs).long())
            positions.append(pairs % len(keys))
            counts += here.view(-1, len(keys)).sum(dim=1).tolist()
        return torch.cat(rows), torch.cat(positions), counts

    def _row_of(self, keys: Tensor) -> Tensor:
        """-1 for cells that hold no voxel."""
        if self._row_at is not None:
            return self._row_at.index_select(0, keys)
        place = torch.searchsorted(self.keys, keys).clamp_(max=len(self.keys) - 1)
        return torch.where(self.keys[place] == keys, self.rows[place], -1)

    @cached_property
    def _row_at(self) -> Tensor | None:
        """(cells of the box,) int32, unless the box is too large."""
        if self.size > CELLS_PER_VOXEL * len(self.rows):
            return None
        table = torch.full((self.size,), -1, dtype=torch.int32, device=self.rows.device)
        table[self.keys] = self.rows.int()
        return table
