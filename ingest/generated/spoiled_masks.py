"""2D masks as wrong as a segmenter's like SAM: things joined, cut, left out, shown in part, with wrong borders."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion


@dataclass(frozen=True)
class MaskFaults:
    """How often which, as shares of the things that a frame shows."""

    merged: float = 0.08  # become one mask with the thing beside them
    missing: float = 0.10  # have no mask
    split: float = 0.12  # of those that are large: two masks
    partial: float = 0.10  # of those that are large: only a part has a mask
    moved: float = 0.30  # their mask lies off
    resized: float = 0.40  # their mask is too narrow or too wide
    border: float = 0.005  # by how much of the image's width, standard deviation of both
    smallest: int = 25  # pixels; what shows less has no mask
    large: int = 400  # pixels; what shows less is not cut

    def times(self, factor: float) -> "MaskFaults":
        """As often, times the factor."""
        rates = ("merged", "missing", "split", "partial", "moved", "resized")
        return replace(self, **{name: min(1.0, factor * getattr(self, name)) for name in rates})


NO_FAULTS = MaskFaults().times(0)


@dataclass(frozen=True)
class MaskCounts:
    """What became of the things of a frame, or of several."""

    things: int = 0  # with enough pixels
    masks: int = 0
    merged: int = 0
    missing: int = 0
    large: int = 0
    split: int = 0
    partial: int = 0
    moved: int = 0
    resized: int = 0

    def __add__(self, other: "MaskCounts") -> "MaskCounts":
        return MaskCounts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def spoiled_masks(
    instance: NDArray[np.int32], faults: MaskFaults, rng: np.random.Generator
) -> tuple[NDArray[np.int32], MaskCounts]:
    """(H, W) masks from 1, 0 for none, of the thing that each pixel shows (-1: none); and what was done to them.

    Smaller masks lie over larger ones. What was merged can be cut, and what was cut has two borders.
    """
    number, size = np.unique(instance[instance >= 0], return_counts=True)
    shown = number[size >= faults.smallest]
    target, merged = _merged(instance, shown, faults.merged, rng)
    counts = {"things": len(shown), "merged": merged, "missing": 0, "large": 0, "split": 0, "partial": 0}
    found: list[NDArray[np.bool_]] = []
    for owner in np.unique(target):
        mask = np.isin(instance, shown[target == owner])
        fate = rng.random(3)
        large = mask.sum() >= faults.large
        counts["large"] += int(large)
        if fate[0] < faults.missing:
            counts["missing"] += 1
        elif large and fate[1] < faults.split:
            first = _side(mask, rng)
            found += [mask & first, mask & ~first]
            counts["split"] += 1
        elif large and fate[2] < faults.partial:
            found.append(mask & _side(mask, rng))
            counts["partial"] += 1
        else:
            found.append(mask)
    spread = faults.border * instance.shape[1]
    moved = rng.random(len(found)) < faults.moved
    resized = rng.random(len(found)) < faults.resized
    found = [_moved(mask, spread, rng) if off else mask for mask, off in zip(found, moved, strict=True)]
    found = [_resized(mask, spread, rng) if off else mask for mask, off in zip(found, resized, strict=True)]
    ids = np.zeros(instance.shape, np.int32)
    found = [mask for mask in found if mask.sum() >= faults.smallest]
    for place, mask in enumerate(sorted(found, key=lambda mask: -int(mask.sum())), start=1):
        ids[mask] = place
    ids = np.unique(np.append(ids, 0), return_inverse=True)[1][:-1].reshape(ids.shape).astype(np.int32)
    counts |= {"masks": int(ids.max(initial=0)), "moved": int(moved.sum()), "resized": int(resized.sum())}
    return ids, MaskCounts(**counts)


def _merged(
    instance: NDArray[np.int32], shown: NDArray[np.int32], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], int]:
    """(T,) which of the things `shown` each one's mask is of, and how many were joined to the longest neighbour."""
    row = np.full(int(instance.max(initial=0)) + 2, -1)  # the last answers -1
    row[shown] = np.arange(len(shown))
    place = row[instance]
    pairs = np.concatenate([
        np.stack([a.ravel(), b.ravel()], axis=1)
        for a, b in ((place[1:], place[:-1]), (place[:, 1:], place[:, :-1]))
    ])  # fmt: skip
    pairs = pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])]
    touching, length = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0, return_counts=True)
    target, joined = np.arange(len(shown)), 0
    for thing in np.flatnonzero(rng.random(len(shown)) < share):
        rows = np.flatnonzero(touching[:, 0] == thing)
        if len(rows):
            target[target == target[thing]] = target[touching[rows[length[rows].argmax()], 1]]
            joined += 1
    return target, joined


def _side(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(H, W) one side of a straight cut that leaves three to seven tenths of the mask on it."""
    rows, columns = np.nonzero(mask)
    angle = rng.random() * 2 * np.pi
    cut = np.quantile(rows * np.sin(angle) + columns * np.cos(angle), rng.uniform(0.3, 0.7))
    down, right = np.ogrid[: mask.shape[0], : mask.shape[1]]
    side: NDArray[np.bool_] = down * np.sin(angle) + right * np.cos(angle) <= cut
    return side


def _moved(mask: NDArray[np.bool_], spread: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The mask moved by some pixels; what leaves the image is gone."""
    down, right = np.rint(spread * rng.standard_normal(2)).astype(int)
    moved = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    rows, columns = rows + down, columns + right
    inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
    moved[rows[inside], columns[inside]] = True
    return moved


def _resized(mask: NDArray[np.bool_], spread: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """The mask narrower or wider by some pixels all around."""
    pixels = int(np.rint(spread * rng.standard_normal()))
    if pixels == 0:
        return mask
    change = binary_dilation if pixels > 0 else binary_erosion
    changed: NDArray[np.bool_] = change(mask, iterations=abs(pixels), border_value=int(pixels < 0))
    return changed
