"""Pictures of any size as the square network of OpenSeg sees them, and its features as one grid over the picture.

The network here is a function from an encoded picture to (h, w, dim) halves: features of each pixel of the picture as
it was shrunk or enlarged to 640 pixels along its longer side.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import BadInput
from ..openclip.images import windows

Network = Callable[[bytes], NDArray[np.float16]]

JPEG_QUALITY = 75  # Pillow's and imageio's default, chroma at half size


def tiled(
    image: NDArray[np.uint8], network: Network, tile: int, overlap: float, cell: int, unit: bool
) -> NDArray[np.float16]:
    """(h, w, dim): overlapping tiles, one at a time, each fading into its neighbours; `tile` 0 is the whole picture.

    A cell is the mean of about `cell` x `cell` of the network's pixels. Where tiles overlap it is a weighted mean of
    theirs, of unit vectors if `unit`.
    """
    height, width = image.shape[:2]
    tiles = windows((height, width), tile or max(height, width), overlap)
    tops, lefts = (sorted(set(starts)) for starts in zip(*((t.top, t.left) for t in tiles), strict=True))
    total: NDArray[np.float16] | None = None
    for t in tiles:
        found = network(_png(image[t.top : t.top + t.height, t.left : t.left + t.width]))
        if total is None:
            scale = max(found.shape[:2]) / max(t.height, t.width)  # of every tile, as all have one size
            rows, columns = (max(1, round(side * scale / cell)) for side in (height, width))
            row_shares = shares(tops, t.height, rows, height)
            column_shares = shares(lefts, t.width, columns, width)
            total = np.zeros((rows, columns, found.shape[2]), np.float16)
        row_share, column_share = row_shares[tops.index(t.top)], column_shares[lefts.index(t.left)]
        inside, across = np.flatnonzero(row_share), np.flatnonzero(column_share)
        row_edges = _edges(inside, rows, height, t.top, t.height, found.shape[0])
        column_edges = _edges(across, columns, width, t.left, t.width, found.shape[1])
        for row, start, stop in zip(inside, row_edges, row_edges[1:], strict=False):
            values = _means(found[start : max(stop, start + 1)], column_edges)
            values = unit_rows(values) if unit else values
            weight = row_share[row] * column_share[across, None]
            total[row, across] += (values * weight).astype(np.float16)
    assert total is not None, "an image has at least one tile"
    return unit_in_place(total) if unit and len(tiles) > 1 else total


def of_picture_size(image: NDArray[np.uint8], network: Network) -> NDArray[np.float16]:
    """(H, W, dim) as OpenScene does it: the picture whole, each of its pixels picking one of the network's.

    OpenScene's target sizes (240x320 for ScanNet, 450x800 for nuScenes) are those of its pictures, and where it has
    none (Matterport3D 512x640, Replica 360x640) the network's scale is 1.
    """
    return _picked(network(_png(image)), *image.shape[:2])


def of_separate_tiles(image: NDArray[np.uint8], network: Network, tile: int) -> NDArray[np.float16]:
    """(H, W, dim) as OpenScene's recipe for 1920x1280 does it: tiles side by side, each one a JPEG of its own.

    What is left over to the right and below has zeros.
    """
    height, width = image.shape[:2]
    if min(height, width) < tile:
        raise BadInput(f"An image of {width}x{height} pixels has no tile of {tile}x{tile}; use another --mode.")
    total: NDArray[np.float16] | None = None
    for top in range(0, height - tile + 1, tile):
        for left in range(0, width - tile + 1, tile):
            found = _picked(network(_jpeg(image[top : top + tile, left : left + tile])), tile, tile)
            if total is None:
                total = np.zeros((height, width, found.shape[2]), np.float16)
            total[top : top + tile, left : left + tile] = found
    assert total is not None, "there is a tile"
    return total


def picks(size: int, wanted: int) -> NDArray[np.int64]:
    """(wanted,) which of `size` pixels each takes, as TensorFlow 1 resizes to the nearest with align_corners=True.

    Float32 as there; halves round up.
    """
    scale = np.float32(size - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
    place = np.floor(np.arange(wanted, dtype=np.float32) * scale + np.float32(0.5))
    return np.minimum(place.astype(np.int64), size - 1)


def shares(starts: list[int], size: int, cells: int, length: int) -> NDArray[np.float32]:
    """(tiles, cells) what each tile contributes to each cell along an axis of `length` pixels; 1 in all.

    A tile counts less towards its border, and only for cells whose centre it has.
    """
    centre = (np.arange(cells) + 0.5) * (length / cells)
    start = np.array(starts)[:, None]
    inset = np.minimum(centre - start, start + size - centre)
    weight = np.where((centre >= start) & (centre < start + size), inset + 0.5, 0)
    return (weight / weight.sum(axis=0)).astype(np.float32)


def unit_rows(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., dim) at unit length; what has no direction (OpenSeg has pixels of all zeros) is zeros."""
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    usable = (length > 0) & np.isfinite(length)
    return np.divide(values, length, out=np.zeros_like(values), where=usable)


def unit_in_place(values: NDArray[np.float16]) -> NDArray[np.float16]:
    """`unit_rows` of a map, a row of the grid at a time."""
    for row in values:
        row[:] = unit_rows(row.astype(np.float32))
    return values


def _edges(cells: NDArray[np.int64], count: int, length: int, start: int, size: int, found: int) -> NDArray[np.int64]:
    """(n + 1,) where n consecutive `cells` of `count` begin and end among the `found` pixels of one tile."""
    edges = np.append(cells, cells[-1] + 1) * (length / count)
    place = np.rint((edges - start) * (found / size)).astype(np.int64)
    return np.append(np.clip(place[:-1], 0, found - 1), np.clip(place[-1], 1, found))


def _means(rows: NDArray[np.float16], edges: NDArray[np.int64]) -> NDArray[np.float32]:
    """(h, w, dim) to (n, dim) means over all rows and from edge to edge; a cell has at least one pixel."""
    band = rows[:, edges[0] : max(edges[-1], edges[-2] + 1)].astype(np.float32).mean(axis=0)
    counts = np.maximum(np.diff(edges), 1).astype(np.float32)
    sums: NDArray[np.float32] = np.add.reduceat(band, edges[:-1] - edges[0], axis=0)
    return sums / counts[:, None]


def _picked(values: NDArray[np.float16], height: int, width: int) -> NDArray[np.float16]:
    if values.shape[:2] == (height, width):
        return values
    rows, columns = picks(values.shape[0], height), picks(values.shape[1], width)
    return values[rows[:, None], columns]


def _png(image: NDArray[np.uint8]) -> bytes:
    return _encoded(image, "PNG", compress_level=1)


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    return _encoded(image, "JPEG", quality=JPEG_QUALITY)


def _encoded(image: NDArray[np.uint8], form: str, **how: int) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(image).save(file, form, **how)
        return file.getvalue()
