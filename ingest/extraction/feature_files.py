"""Feature maps in files, one a picture.

    .npy      (h, w, C) float16, at the network's own resolution
    .pt       (C, H, W) half, a bare tensor at the picture's own size, as OpenScene's LSeg extraction writes it
    .parquet  one row per cell of the network's own resolution: u, v of its centre in pixels, vector (float16)

Each appears whole or not at all.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...core.arrays import map_npy
from ...core.errors import BadInput
from ...core.features import FeatureMap
from ...core.files import replacing
from ...store.files.columns import slices, to_numpy, write_columns

FORMATS = ("npy", "pt", "parquet")
_GROUP_ROWS = 16_384  # 16 MB at C = 512


def write_features(path: Path, found: FeatureMap, height: int, width: int) -> None:
    """The map of a picture of that size, in the format of the suffix."""
    if path.suffix == ".npy":
        _write_npy(path, np.ascontiguousarray(found.values))
    elif path.suffix == ".pt":
        from .feature_tensor import write_tensor

        write_tensor(path, found, height, width)
    else:
        _write_cells(path, found, height, width)


def read_features(path: Path, at_most: int) -> NDArray[np.float16]:
    """(h, w, C) what was written, thinned out to at most that many cells along either side."""
    if path.suffix == ".npy":
        values = map_npy(path)
    elif path.suffix == ".pt":
        from .feature_tensor import map_tensor

        values = map_tensor(path)
    else:
        values = _read_cells(path)
    if values.ndim != 3 or values.dtype != np.float16 or 0 in values.shape:
        raise BadInput(
            f"{path}: {values.dtype} of shape {values.shape} are not features; extract them again with --again"
        )
    step = -(-max(values.shape[:2]) // at_most)
    return np.ascontiguousarray(values[::step, ::step])


def _write_npy(path: Path, values: NDArray[np.float16]) -> None:
    """As np.save, which does not say that a disk is full."""
    with replacing(path) as part, part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
        file.write(values.data)


def _write_cells(path: Path, found: FeatureMap, height: int, width: int) -> None:
    rows, columns, channels = found.values.shape
    u = (np.arange(columns) + 0.5) * (width / columns) - 0.5
    v = (np.arange(rows) + 0.5) * (height / rows) - 0.5
    cells = {
        "u": np.tile(u.astype(np.float32), rows),
        "v": np.repeat(v.astype(np.float32), columns),
        "vector": found.values.reshape(-1, channels),
    }
    about = {"cells": [columns, rows], "picture": [width, height], "space": found.space.name}
    write_columns(path, "picture_features", slices(cells, _GROUP_ROWS), about)


def _read_cells(path: Path) -> NDArray[Any]:
    try:
        columns = to_numpy(pq.read_table(path, columns=["v", "vector"]))
        return columns["vector"].reshape(len(np.unique(columns["v"])), -1, columns["vector"].shape[1])
    except (pa.ArrowException, OSError, KeyError, IndexError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as features; extract them again with --again") from error
