"""Objects to vectors: every frame is decoded once, and the crops of all objects go through the network together.

No decoder here gives a part of a JPEG or PNG for less than the whole, so that a frame is decoded with all its crops.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ...core.features import CropVectors, EmbeddingSpace, RegionView
from ...core.scene import Frame
from ...core.vectors import unit_rows
from ..extraction.extract import AHEAD, DECODERS, Picture, decode
from ..report import Report, quiet
from .cut import crop_boxes, cut
from .encoder import PooledImages
from .options import CropOptions

_CROPS = 64  # that go to the network at once
_PIXELS = 32_000_000  # or fewer crops of so many pixels: 96 MB


def encode_crops(
    views: Mapping[int, Sequence[RegionView]],
    frames: Sequence[Frame],
    encoder: PooledImages,
    space: EmbeddingSpace,
    options: CropOptions,
    report: Report = quiet,
) -> CropVectors:
    """The mean of the unit vectors of each object's crops, at unit length; objects without a view have none."""
    ordinals = np.array(sorted(ordinal for ordinal, shown in views.items() if shown), np.int32)
    row_of = {ordinal: row for row, ordinal in enumerate(ordinals.tolist())}
    sums, count = np.zeros((len(ordinals), space.dim), np.float64), np.zeros(len(ordinals), np.int32)
    wanted: dict[int, list[tuple[int, RegionView]]] = {}
    for ordinal in ordinals.tolist():
        for view in views[ordinal]:
            wanted.setdefault(view.frame, []).append((row_of[ordinal], view))

    for rows, crops in _batches(_crops(wanted, frames, options, report)):
        vectors = unit_rows(encoder(crops))
        np.add.at(sums, rows, vectors)
        np.add.at(count, rows, 1)
    kept = sums.any(axis=1)
    return CropVectors(space, ordinals[kept], count[kept], unit_rows(sums[kept]).astype(np.float16))


def _crops(
    wanted: Mapping[int, Sequence[tuple[int, RegionView]]],
    frames: Sequence[Frame],
    options: CropOptions,
    report: Report,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(row, crop) of all views, frame by frame, decoded ahead."""
    order = sorted(wanted)
    with ThreadPoolExecutor(DECODERS) as pool:
        waiting: deque[Future[NDArray[np.uint8]]] = deque()
        for done, position in enumerate(order):
            for upcoming in order[done + len(waiting) : done + AHEAD]:
                frame = frames[upcoming]
                waiting.append(pool.submit(decode, Picture(upcoming, frame, frame.camera)))
            image = waiting.popleft().result()
            height, width = image.shape[:2]
            for row, view in wanted[position]:
                for box in crop_boxes(view.box_xyxy, width, height, options):
                    yield row, cut(image, box, options)
            report("crops", done + 1, len(order))


def _batches(
    crops: Iterator[tuple[int, NDArray[np.uint8]]],
) -> Iterator[tuple[list[int], list[NDArray[np.uint8]]]]:
    rows: list[int] = []
    images: list[NDArray[np.uint8]] = []
    pixels = 0
    for row, image in crops:
        rows.append(row)
        images.append(image)
        pixels += image.shape[0] * image.shape[1]
        if len(rows) == _CROPS or pixels >= _PIXELS:
            yield rows, images
            rows, images, pixels = [], [], 0
    if rows:
        yield rows, images
