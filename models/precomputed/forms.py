"""From what segmenters leave behind to vectors of a text space: arrays in, (h, w, D) halves out.

Dense vectors stay what they are. Scores of classes weigh the vectors of the classes' names, masks weigh their own
embeddings, segments take one vector each. Cells that nothing speaks of are zero, which says nothing in fusion. Work
goes by rows of the picture, so that single precision never exists for all of a map.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.vectors import unit_rows

MOST_BYTES = 6 << 30  # of one map in halves
_CELLS_AT_ONCE = 1 << 13
_SMALLEST = float(np.finfo(np.float16).smallest_normal)
_MASK_THRESHOLD = 0.5  # a cell belongs to a mask from here on, as in panoptic inference


def planes_last(values: NDArray[Any], depth: int, what: str, layout: str = "auto") -> NDArray[Any]:
    """(..., h, w, depth) of an array whose last three axes are (depth, h, w) or (h, w, depth), nothing copied.

    `layout` is "chw", "hwc", or "auto": whichever axis has the length; leading axes of length 1 are taken off.
    """
    shape = values.shape
    while values.ndim > 3 and values.shape[0] == 1:
        values = values[0]
    fits = {
        "chw": values.ndim >= 3 and values.shape[-3] == depth,
        "hwc": values.ndim >= 3 and values.shape[-1] == depth,
    }
    if layout == "auto" and all(fits.values()):
        raise BadInput(f"an array of shape {shape} has {depth} {what} first and last; choose one with --layout.")
    chosen = layout if layout != "auto" else "chw" if fits["chw"] else "hwc"
    if values.ndim not in (3, 4) or not fits[chosen]:
        axes = {"chw": f"({depth}, h, w)", "hwc": f"(h, w, {depth})"}
        wanted = axes.get(layout) or " or ".join(axes.values())
        raise BadInput(f"an array of shape {shape}; {wanted} was expected, with {depth} {what}.")
    return np.moveaxis(values, -3, -1) if chosen == "chw" else values


def spread(values: NDArray[Any], long_side: int) -> NDArray[Any]:
    """(h, w, ...) at no more than `long_side` cells along the longer side, by taking the nearest; 0 keeps all."""
    longer = max(values.shape[:2])
    if not long_side or longer <= long_side:
        return values
    rows, columns = (_nearest(length, max(1, round(length * long_side / longer))) for length in values.shape[:2])
    return values[rows][:, columns]


def _nearest(length: int, cells: int) -> NDArray[np.intp]:
    return ((np.arange(cells) + 0.5) * length / cells).astype(np.intp)


def from_vectors(maps: Sequence[NDArray[Any]], unit: bool) -> NDArray[np.float16]:
    """The one (h, w, D) map, of unit length or as it is; the mean direction of several of one size."""

    def rows(part: slice) -> NDArray[np.float32]:
        found = [one[part].astype(np.float32) for one in maps]
        if len(found) == 1 and not unit:
            return found[0]
        mean = np.mean([unit_rows(one) for one in found], axis=0)
        return unit_rows(mean) if unit else mean

    return _by_rows(maps[0].shape[:2], maps[0].shape[2], rows)


def from_scores(scores: NDArray[Any], words: NDArray[np.float32], logits: bool) -> NDArray[np.float16]:
    """(h, w, T) scores and (T, D) vectors of the classes' names: the names' vectors weighed by their probabilities.

    Probabilities are the scores, or their softmax where they are logits.
    """

    def rows(part: slice) -> NDArray[np.float32]:
        shares = scores[part].astype(np.float32)
        if logits:
            shares = np.exp(shares - shares.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
        return shares @ words

    return _by_rows(scores.shape[:2], words.shape[1], rows)


def from_masks(masks: NDArray[Any], embeddings: NDArray[Any]) -> NDArray[np.float16]:
    """(h, w, Q) masks and (Q, D) embeddings: E = sum over q of share of q times e_q, of unit length (SAN's rule)."""
    vectors = embeddings.astype(np.float32)
    return _by_rows(masks.shape[:2], vectors.shape[1], lambda part: unit_rows(_shares(masks[part]) @ vectors))


def from_winners(masks: NDArray[Any], embeddings: NDArray[Any]) -> NDArray[np.float16]:
    """(h, w, Q) masks and (Q, D) embeddings: a cell takes its strongest mask's, of unit length (FC-CLIP's rule)."""
    vectors = unit_rows(embeddings.astype(np.float32))

    def rows(part: slice) -> NDArray[np.float32]:
        shares = _shares(masks[part])
        return vectors[shares.argmax(axis=-1)] * (shares.max(axis=-1, keepdims=True) >= _MASK_THRESHOLD)

    return _by_rows(masks.shape[:2], vectors.shape[1], rows)


def segment_rows(masks: NDArray[Any], embeddings: NDArray[Any], segments: NDArray[np.integer]) -> NDArray[np.float32]:
    """(S + 1, D) the vectors of segments 0 to S: normalise(sum over q of e_q times q's share of the segment's cells).

    Row 0, for cells in no segment, is zero. The dense sum of `from_masks` need not exist for it.
    """
    count = int(segments.max()) + 1
    area = np.zeros((count, masks.shape[2]), np.float32)
    for part in _parts(*segments.shape):
        flat = segments[part].ravel()
        shares = _shares(masks[part]).reshape(len(flat), -1)
        order = np.argsort(flat, kind="stable")
        present, first = np.unique(flat[order], return_index=True)
        area[present] += np.add.reduceat(shares[order], first, axis=0)
    found = unit_rows(area @ embeddings.astype(np.float32))
    found[0] = 0
    return found


def from_segments(segments: NDArray[np.integer], rows: NDArray[Any]) -> NDArray[np.float16]:
    """(h, w) ids and (S + 1, D) rows: a cell takes its segment's, of unit length; 0 is no segment whatever row 0."""
    if int(segments.max()) >= len(rows):
        raise BadInput(f"segments up to {int(segments.max())}, but only rows 0 to {len(rows) - 1}.")
    table = unit_rows(rows.astype(np.float32))
    table[0] = 0
    return _by_rows(segments.shape, table.shape[1], lambda part: table[segments[part]])


def _shares(masks: NDArray[Any]) -> NDArray[np.float32]:
    """Booleans and whole numbers as they are, floats as logits by the sigmoid."""
    values = masks.astype(np.float32)
    if masks.dtype.kind == "f":
        values = np.reciprocal(1 + np.exp(-np.clip(values, -80, 80)))
    return values


def _by_rows(size: tuple[int, ...], dim: int, rows: Callable[[slice], NDArray[np.float32]]) -> NDArray[np.float16]:
    """(h, w, dim) halves, made a few rows at a time; what halves cannot hold is refused."""
    height, width = size
    if height * width * dim * 2 > MOST_BYTES:
        raise BadInput(
            f"a map of {height}x{width}x{dim} takes {height * width * dim * 2:,} bytes, and at most {MOST_BYTES:,} "
            "are allowed; make it coarser (--long-side, if it is made from masks, segments or scores)."
        )
    found = np.empty((height, width, dim), np.float16)
    for part in _parts(height, width):
        with np.errstate(over="ignore", invalid="ignore"):
            found[part] = values = rows(part)
        if lost := _underflown(values, found[part]):
            raise BadInput(
                f"rows {part.start} to {part.stop - 1} of the map: {lost} cells have no number above "
                f"{_SMALLEST:.2g} and are too small for half precision; give --unit."
            )
        if not np.isfinite(found[part]).all():
            broken = ~np.isfinite(values).all(axis=-1)
            what = f"{int(broken.sum())} cells are not finite" if broken.any() else "numbers beyond 65504; give --unit"
            raise BadInput(f"rows {part.start} to {part.stop - 1} of the map: {what}.")
    return found


def _underflown(values: NDArray[np.float32], halves: NDArray[np.float16]) -> int:
    """How many cells lose their direction in half precision: all their numbers are below its normal ones."""
    largest = np.abs(values).max(axis=-1)
    small = (largest > 0) & (largest < _SMALLEST)
    return int((values[small] != halves[small]).any(axis=-1).sum()) if small.any() else 0


def _parts(height: int, width: int) -> Iterator[slice]:
    step = max(1, _CELLS_AT_ONCE // width)
    return (slice(start, min(start + step, height)) for start in range(0, height, step))
