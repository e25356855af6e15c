"""Wavefront .obj meshes with a texture: triangles, and the colour of each vertex."""

from codecs import BOM_UTF8
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from .whole import read_bytes

MAX_BYTES = 1 << 29
MAX_LINES = 8_000_000  # a refined mesh of 3RScan has a million
_Lines = list[bytes]


@dataclass(frozen=True)
class Obj:
    """What a file has of its vertices."""

    xyz: NDArray[np.float64]  # (N, 3)
    texture_uv: NDArray[np.float64] | None  # (N, 2) from the picture's lower left, 0 to 1; nan: no face has the vertex
    faces: NDArray[np.int32]  # (F, 3) vertex rows


def read_obj(path: Path) -> Obj:
    """Vertices, texture coordinates and triangles of a file; normals, groups and materials are passed over.

    A vertex on a seam of the texture has several coordinates: it gets those of the first face.
    """
    content = read_bytes(path, MAX_BYTES).removeprefix(BOM_UTF8)
    if (count := content.count(b"\n")) > MAX_LINES:
        raise BadScene(f"{path}: {count:,} lines; at most {MAX_LINES:,} are read")
    lines = content.splitlines()
    xyz = _table(path, [line[2:] for line in lines if line.startswith(b"v ")], 3)
    uv = _table(path, [line[3:] for line in lines if line.startswith(b"vt ")], 2)
    corners = [line.split()[1:] for line in lines if line.startswith(b"f ")]
    if len(xyz) == 0:
        raise BadScene(f"{path}: no vertices ('v 1.0 2.0 3.0') in it")
    if any(len(corner) != 3 for corner in corners):
        raise BadScene(f"{path}: a face with other than three corners; triangles were expected")
    flat = [corner.split(b"/") for triangle in corners for corner in triangle]
    vertex = _rows(path, [words[0] for words in flat], len(xyz))
    texture_uv = None
    if len(uv) and flat and all(len(words) > 1 and words[1] for words in flat):
        texture_uv = np.full((len(xyz), 2), np.nan)
        texture_uv[vertex[::-1]] = uv[_rows(path, [words[1] for words in flat], len(uv))[::-1]]
    return Obj(xyz, texture_uv, vertex.reshape(-1, 3).astype(np.int32))


def sampled(texture: NDArray[np.uint8], uv: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) the pixel of a texture (H, W, 3) at each place; grey where there is none."""
    height, width = texture.shape[:2]
    known = np.isfinite(uv).all(axis=1)
    rgb = np.full((len(uv), 3), 128, np.uint8)
    u, v = np.clip(uv[known], 0, 1).T
    column = np.minimum((u * width).astype(np.int64), width - 1)
    row = np.minimum(((1 - v) * height).astype(np.int64), height - 1)
    rgb[known] = texture[row, column]
    return rgb


def _table(path: Path, lines: _Lines, columns: int) -> NDArray[np.float64]:
    """(N, columns) the first numbers of each line."""
    try:
        return np.array([line.split()[:columns] for line in lines], np.float64).reshape(len(lines), columns)
    except ValueError as error:
        raise BadScene(f"{path}: a vertex without its {columns} numbers") from error


def _rows(path: Path, words: _Lines, count: int) -> NDArray[np.int64]:
    """0-based rows of 1-based numbers."""
    try:
        rows = np.array(words, dtype=np.bytes_).astype(np.int64) - 1 if words else np.empty(0, np.int64)
    except (ValueError, OverflowError) as error:
        raise BadScene(f"{path}: a face that does not refer to vertices by number") from error
    if len(rows) and not (rows.min() >= 0 and rows.max() < count):
        wrong = rows.min() if rows.min() < 0 else rows.max()
        raise BadScene(f"{path}: a face refers to number {wrong + 1}; only 1 to {count:,} exist")
    return rows
