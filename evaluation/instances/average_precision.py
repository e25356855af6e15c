"""Average precision of instances, by the rules of ScanNet's 3D semantic instance benchmark.

Facts are those of its evaluate_semantic_instance.py (github.com/ScanNet/ScanNet, BenchmarkScripts/3d_evaluation):

    - A mask can be right about instances of its own class that it overlaps (IoU) by more than the threshold. Each
      instance is given to the surest of those masks; the others are false positives.
    - Instances and masks of fewer than `min_points` points are left out.
    - A mask that overlaps no instance of its class by as much is a false positive too, unless more than the threshold's
      share of its points is void or in left out instances of its class. One that overlaps such an instance is none.
    - Masks of all scenes are ranked by confidence; masks of equal confidence enter together. The area under precision
      over recall is that of trapezoids, beginning at recall 0 with precision 1.
    - AP is the mean over the thresholds 0.5, 0.55 ... 0.9: the benchmark's page says 0.95, its script stops before.

At 0.25 a mask can reach for two instances. It takes the one that it overlaps most, the surest mask first, equally sure
ones by overlap; the script goes by the order of object ids and files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .instances import Overlap

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
LOW_THRESHOLD = 0.25
Figures = tuple[float, float, float]  # AP, AP50, AP25
NAMES = ("AP", "AP50", "AP25")


@dataclass(frozen=True)
class AveragePrecision:
    """Shares from 0 to 1; nan for classes without an instance that counts."""

    ap: NDArray[np.float64]  # (C,) the mean over THRESHOLDS
    ap50: NDArray[np.float64]  # (C,)
    ap25: NDArray[np.float64]  # (C,)
    instances: NDArray[np.int64]  # (C,) that count
    masks: NDArray[np.int64]  # (C,) that count

    def means(self, of: NDArray[np.bool_]) -> Figures:
        """AP, AP50, AP25 over the classes of the mask `of` (C,) that have an instance; nan when there is none."""
        present = of & (self.instances > 0)
        if not present.any():
            return float("nan"), float("nan"), float("nan")
        return float(self.ap[present].mean()), float(self.ap50[present].mean()), float(self.ap25[present].mean())


def average_precision(scenes: Sequence[Overlap], classes: int, min_points: int) -> AveragePrecision:
    """All scenes pooled; their order makes no difference."""
    instances, masks = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    for scene in scenes:
        instances += np.bincount(scene.truth_index[scene.truth_size >= min_points], minlength=classes)
        masks += np.bincount(scene.claims.index[_large(scene, min_points)], minlength=classes)
    areas = np.array([_areas(scenes, instances, threshold, min_points) for threshold in (*THRESHOLDS, LOW_THRESHOLD)])
    return AveragePrecision(areas[:-1].mean(axis=0), areas[0], areas[-1], instances, masks)


def found(scenes: Sequence[Overlap], threshold: float, min_points: int) -> int:
    """How many instances that count are given to a mask."""
    return sum(int(_matched(scene, threshold, min_points)[0].sum()) for scene in scenes)


def area(confidence: NDArray[np.float64], right: NDArray[np.bool_], instances: int) -> float:
    """Under precision over recall of (P,) masks; nan without instances."""
    if not instances:
        return float("nan")
    order = np.argsort(-confidence)
    last = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]  # of the masks of one confidence
    hits = np.cumsum(right[order])[last]
    precision = np.append(1.0, hits / (np.flatnonzero(last) + 1))
    recall = np.append(0.0, hits / instances)
    return float(np.sum(np.diff(recall) * (precision[1:] + precision[:-1]) / 2))


def _areas(
    scenes: Sequence[Overlap], instances: NDArray[np.int64], threshold: float, min_points: int
) -> NDArray[np.float64]:
    """(C,) at one threshold."""
    index, confidence, right = [], [], []
    for scene in scenes:
        hit, wrong = _matched(scene, threshold, min_points)
        counted = hit | wrong
        index.append(scene.claims.index[counted])
        confidence.append(scene.claims.confidence[counted])
        right.append(hit[counted])
    of_class, ranked, hits = np.concatenate(index), np.concatenate(confidence), np.concatenate(right)
    order = np.argsort(of_class)
    edges = np.searchsorted(of_class[order], np.arange(len(instances) + 1))
    rows = [order[start:stop] for start, stop in pairwise(edges)]
    return np.array([area(ranked[own], hits[own], int(count)) for own, count in zip(rows, instances, strict=True)])


def _matched(scene: Overlap, threshold: float, min_points: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(P,) masks that are right, and (P,) that are false positives; the others do not count."""
    claims, mask, truth = scene.claims, scene.mask, scene.truth
    large = scene.truth_size >= min_points
    own = claims.index[mask] == scene.truth_index[truth]
    iou = scene.iou
    close = own & (iou > threshold)
    right, given = np.zeros(len(claims.index), bool), np.zeros(len(large), bool)
    candidates = np.flatnonzero(close & large[truth] & (scene.mask_size[mask] >= min_points))
    order = np.lexsort((-iou[candidates], -claims.confidence[mask[candidates]]))
    for pair in candidates[order].tolist():
        if not (right[mask[pair]] or given[truth[pair]]):
            right[mask[pair]] = given[truth[pair]] = True

    void = scene.mask_size - _sum(scene.shared, mask, len(right))
    of_small = _sum(scene.shared * (own & ~large[truth]), mask, len(right))
    ignored = (void + of_small) / np.maximum(scene.mask_size, 1) > threshold
    reaches, reaches_large = np.zeros_like(right), np.zeros_like(right)
    reaches[mask[close]] = True
    reaches_large[mask[candidates]] = True
    wrong = np.where(reaches, reaches_large & ~right, ~ignored)
    return right, wrong & _large(scene, min_points)


def _large(scene: Overlap, min_points: int) -> NDArray[np.bool_]:
    """(P,) masks of a class, with enough points."""
    return (scene.claims.index >= 0) & (scene.mask_size >= min_points)


def _sum(values: NDArray[np.int64], rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.bincount(rows, values, minlength=count).astype(np.int64)
