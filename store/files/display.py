"""The points of a scene as browsers draw them: levels by tiles of 12 bytes a point; docs/web.md has the format.

A tile is a row group of the points file, compact in space because rows are in Morton order. Level k holds every
stride-th row of its tile that no coarser level holds, so that each prefix of the bytes is an even preview.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .columns import Columns, opened, stack, to_numpy
from .parquet import faces_path

VERSION = 1
TILE_POINTS = 65_536  # at most, so that a uint16 numbers a tile's superpoints
COARSEST_POINTS = 50_000  # of level 0, at most
POINT_BYTES = 12
PLANES = ("place", "paint")
_GREY = 150  # of a cloud without colours
_NEIGHBOUR = 4  # whose distance says how large a splat leaves no hole
_STEPS = 65_535


@dataclass(frozen=True)
class Tile:
    """Consecutive rows of a points file."""

    low: tuple[float, float, float]  # metres
    size: tuple[float, float, float]  # metres
    count: int
    superpoints: tuple[int, ...]  # ascending; points name them by their place in this list


@dataclass(frozen=True)
class Chunk:
    """The points of one tile at one level: `place` of all of them, then `paint`."""

    level: int
    tile: int
    offset: int  # bytes
    count: int


@dataclass(frozen=True)
class Layout:
    """What is where in the bytes of a scene."""

    strides: tuple[int, ...]
    tiles: tuple[Tile, ...]
    chunks: tuple[Chunk, ...]
    colours: bool

    @property
    def points(self) -> int:
        """How many there are."""
        return sum(tile.count for tile in self.tiles)


def build(points_path: Path) -> tuple[Layout, bytes]:
    """The layout of a points file, and its bytes."""
    tiles: list[Tile] = []
    packed: list[NDArray[np.uint8]] = []
    colours = True
    for columns in _tiles(points_path):
        tile, planes = _tile(columns)
        colours = "r" in columns
        tiles.append(tile)
        packed.append(planes)
    counts = [tile.count for tile in tiles]
    strides = strides_of(sum(counts), len(counts))
    chunks, parts, offset = [], [], 0
    for level, number, rows in _chunk_rows(counts, strides):
        chunks.append(Chunk(level, number, offset, len(rows)))
        own = packed[number][rows]
        parts += [own[:, :8].tobytes(), own[:, 8:].tobytes()]
        offset += POINT_BYTES * len(rows)
    return Layout(strides, tuple(tiles), tuple(chunks), colours), b"".join(parts)


def strides_of(points: int, tiles: int) -> tuple[int, ...]:
    """Powers of 4 down to 1, coarsest first; at least 64, 16, 4, 1."""
    stride = 64
    while points // stride + tiles > COARSEST_POINTS and stride < TILE_POINTS:
        stride *= 4
    strides = [stride]
    while strides[-1] > 1:
        strides.append(strides[-1] // 4)
    return tuple(strides)


def drawn_rows(layout: Layout) -> NDArray[np.int64]:
    """(N,) the row in the points file of each point in the order of the bytes."""
    counts = [tile.count for tile in layout.tiles]
    first = np.cumsum([0, *counts])
    rows = [first[tile] + rows for _, tile, rows in _chunk_rows(counts, layout.strides)]
    return np.concatenate(rows) if rows else np.empty(0, np.int64)


def mesh(points_path: Path) -> bytes:
    """Vertices in the scene's own box, and the faces between them; `geometry/mesh` of docs/web.md."""
    with opened(faces_path(points_path), "faces") as (file, _):
        faces = stack(to_numpy(file.read()), ("a", "b", "c"))
    assert faces is not None
    with opened(points_path, "points") as (file, _):
        held = set(file.schema_arrow.names)
        columns = to_numpy(file.read(columns=[name for name in (*"xyzrgb", "superpoint") if name in held]))
    xyz = stack(columns, ("x", "y", "z"))
    assert xyz is not None
    low, size = _box(xyz)
    superpoint = columns["superpoint"].astype(np.uint32)
    place = np.empty((len(xyz), 4), "<u2")
    place[:, :3] = _quantised(xyz, low, size)
    place[:, 3] = superpoint & 0xFFFF
    paint = np.empty((len(xyz), 4), np.uint8)
    paint[:, :3] = _rgb(columns, len(xyz))
    paint[:, 3] = superpoint >> 16
    head = np.array([len(xyz), len(faces)], "<u4").tobytes() + np.concatenate([low, size]).astype("<f4").tobytes()
    return head + place.tobytes() + paint.tobytes() + np.ascontiguousarray(faces, "<u4").tobytes()


def _tiles(path: Path) -> Iterator[Columns]:
    with opened(path, "points") as (file, _):
        held = set(file.schema_arrow.names)
        wanted = [name for name in ("x", "y", "z", "r", "g", "b", "superpoint") if name in held]
        for group in range(file.metadata.num_row_groups):
            columns = to_numpy(file.read_row_group(group, columns=wanted))
            for start in range(0, len(columns["superpoint"]), TILE_POINTS):
                yield {name: values[start : start + TILE_POINTS] for name, values in columns.items()}


def _tile(columns: Columns) -> tuple[Tile, NDArray[np.uint8]]:
    """What is said of a tile, and (n, 12) the bytes of each of its points."""
    xyz = stack(columns, ("x", "y", "z"))
    assert xyz is not None
    low, size = _box(xyz)
    superpoints, local = np.unique(columns["superpoint"], return_inverse=True)
    place = np.empty((len(xyz), 4), "<u2")
    place[:, :3] = _quantised(xyz, low, size)
    place[:, 3] = local
    paint = np.empty((len(xyz), 4), np.uint8)
    paint[:, :3] = _rgb(columns, len(xyz))
    paint[:, 3] = _splat_sizes(xyz)
    tile = Tile(
        (float(low[0]), float(low[1]), float(low[2])),
        (float(size[0]), float(size[1]), float(size[2])),
        len(xyz),
        tuple(superpoints.tolist()),
    )
    return tile, np.concatenate([place.view(np.uint8), paint], axis=1)


def _box(xyz: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = xyz.min(axis=0)
    return low, xyz.max(axis=0) - low


def _quantised(xyz: NDArray[np.float64], low: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.uint16]:
    share = (xyz - low) / np.where(size > 0, size, 1)
    return np.rint(share * _STEPS).astype(np.uint16)


def _rgb(columns: Columns, count: int) -> NDArray[np.uint8]:
    rgb = stack(columns, ("r", "g", "b"))
    return np.full((count, 3), _GREY, np.uint8) if rgb is None else rgb


def _splat_sizes(xyz: NDArray[np.float64]) -> NDArray[np.uint8]:
    """255 * log2(metres / 1 mm) / 16 of the distance to the fourth neighbour in the tile."""
    if len(xyz) < 2:
        return np.full(len(xyz), 159, np.uint8)  # a metre
    distance, _ = cKDTree(xyz).query(xyz, k=[min(_NEIGHBOUR + 1, len(xyz))])
    spacing = np.minimum(distance[:, 0], 4 * np.median(distance) + 1e-3)
    return np.clip(np.rint(255 * np.log2(np.maximum(spacing, 1e-3) / 1e-3) / 16), 0, 255).astype(np.uint8)


def _chunk_rows(counts: Sequence[int], strides: Sequence[int]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Level, tile and the rows within the tile of each chunk, in the order of the bytes."""
    for level, stride in enumerate(strides):
        for tile, count in enumerate(counts):
            rows = np.arange(0, count, stride)
            if level:
                rows = rows[rows % strides[level - 1] != 0]
            if len(rows):
                yield level, tile, rows
