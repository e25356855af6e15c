"""The GPU check's part for fusion: maps of frames to vectors of points, as a sparse product on the device."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from gpu_parts import Setting
from gpu_rows import Row
from gpu_twins import close, compared, quickest
from numpy.typing import NDArray
from ovstore.ingest.fusion import fuse_torch
from ovstore.ingest.fusion.fuse_rows import Rows
from ovstore.ingest.fusion.point_views import Sights
from ovstore.ingest.fusion.sampling_weights import Grid, Taps
from ovstore.ingest.fusion.scratch import Scratch
from ovstore.ingest.fusion.visibility import VisibilityOptions, correspond
from ovstore.ingest.order import morton_order
from room import CAMERA, make_room

TOKENS = (30, 40)
MOST = 2e-3  # halves, of unit length


class OnDevice:
    """fuse_torch's product, with the table on a device."""

    parallel = False
    inverse_norms = staticmethod(fuse_torch.inverse_norms)
    block_taps = staticmethod(fuse_torch.block_taps)

    def __init__(self, device: str) -> None:
        self._device = device
        self._table: torch.Tensor | None = None

    def fuse_block(
        self, taps: Taps, table: NDArray[np.float16], unit_length: bool, vectors: NDArray[np.float16]
    ) -> NDArray[np.bool_]:
        if self._table is None:
            self._table = torch.from_numpy(table).to(self._device)
        sums = fuse_torch.weighted_sums(taps, self._table).cpu().numpy()
        return fuse_torch.scale(sums, taps.total, unit_length, vectors)


def fusion(setting: Setting) -> Iterator[Row]:
    """Token maps of 50 frames to a room's points. `ovstore ingest` fuses on the CPU, wherever its encoder runs."""
    points, frames, channels = setting.size((300_000, 50, 768), (3_000, 4, 16))
    room = make_room(points, frames)
    xyz = room.xyz[morton_order(room.xyz)]
    depth = [each / np.float32(1000) for each in room.depth]
    seen = [correspond(xyz, frame, i, depth[i], VisibilityOptions()) for i, frame in enumerate(room.frames)]
    sights = Sights(seen, len(xyz), lambda one: np.ones(len(one), np.float32), 1 << 17)
    drawn = np.random.default_rng(0)
    maps = [drawn.standard_normal((*TOKENS, channels), np.float32).astype(np.float16) for _ in sights.of_frame]
    twin = quickest(partial(_fused, "cpu", sights, maps), setting)
    run = partial(_fused, setting.device, sights, maps)
    yield compared("embedding_bag, float16", twin, run, setting, partial(close, most=MOST))


def _fused(device: str, sights: Sights, maps: list[NDArray[np.float16]]) -> NDArray[np.float16]:
    grid, dim = Grid(*TOKENS, CAMERA.height, CAMERA.width, bilinear=True), maps[0].shape[2]
    rows = Rows(OnDevice(device), sights, dim, len(maps) * TOKENS[0] * TOKENS[1], Scratch(1 << 32, None))
    for frame, values in zip(sights.of_frame, maps, strict=True):
        rows.add(frame, values, grid, normalise=True)
    vectors, present, _ = rows.finish(unit_length=True, threads=1)
    return vectors.array[present]
