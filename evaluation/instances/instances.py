"""A scan's own instances, and how far masks overlap them.

An instance is the points of one object id that have one class, as in the files that ScanNet's benchmark is judged by
(class id * 1000 + object id). Points that belong to no instance of a thing are void: walls, floors, what nobody
labelled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Instances:
    """What masks are held against."""

    of_point: NDArray[np.int32]  # (N,) the instance of each point, -1 where it is void
    index: NDArray[np.int32]  # (G,) classes

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """(G,) points."""
        return np.bincount(self.of_point[self.of_point >= 0], minlength=len(self.index))


@dataclass(frozen=True)
class Claims:
    """What masks say of themselves; the masks are elsewhere."""

    index: NDArray[np.int32]  # (P,) classes, -1 for none of the label set
    confidence: NDArray[np.float64]  # (P,) larger is surer; compared with those of all scenes


@dataclass(frozen=True)
class Overlap:
    """All that average precision asks of one scene, however many its points."""

    truth_index: NDArray[np.int32]  # (G,) classes of the instances
    truth_size: NDArray[np.int64]  # (G,) points
    claims: Claims
    mask_size: NDArray[np.int64]  # (P,) points
    mask: NDArray[np.int64]  # (K,) rows of the masks, and
    truth: NDArray[np.int64]  # (K,) of the instances, that share a point
    shared: NDArray[np.int64]  # (K,) points of both, >= 1

    @property
    def iou(self) -> NDArray[np.float64]:
        """(K,) shared points by points of either."""
        return self.shared / (self.mask_size[self.mask] + self.truth_size[self.truth] - self.shared)

    def as_one_class(self) -> "Overlap":
        """The same without classes: each mask and each instance is of class 0."""
        claims = replace(self.claims, index=np.zeros_like(self.claims.index))
        return replace(self, truth_index=np.zeros_like(self.truth_index), claims=claims)


def instances_of(classes: NDArray[np.int32], objects: NDArray[np.integer], things: NDArray[np.bool_]) -> Instances:
    """`classes` (N,) and `objects` (N,) are of points, negative for none; `things` (C,) says which classes count."""
    counted = (classes >= 0) & (objects >= 0)
    counted[counted] = things[classes[counted]]
    stride = int(objects.max(initial=0)) + 1
    found, place = np.unique(classes[counted].astype(np.int64) * stride + objects[counted], return_inverse=True)
    of_point = np.full(len(classes), -1, np.int32)
    of_point[counted] = place
    return Instances(of_point, (found // stride).astype(np.int32))


def shared_points(
    first: NDArray[np.integer], second: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of two partitions of (N,) points (-1: in no part): the (K,) pairs of parts that share points, and how many."""
    both = (first >= 0) & (second >= 0)
    width = int(second.max(initial=0)) + 1
    cell, points = np.unique(first[both].astype(np.int64) * width + second[both], return_counts=True)
    return cell // width, cell % width, points


def overlap_of_regions(instances: Instances, of_point: NDArray[np.integer], claims: Claims) -> Overlap:
    """Masks that share no points: `of_point` (N,) is the row of each point's mask, -1 for none."""
    size = np.bincount(of_point[of_point >= 0], minlength=len(claims.index))
    return Overlap(instances.index, instances.size, claims, size, *shared_points(of_point, instances.of_point))


def overlap_of_masks(instances: Instances, masks: Iterable[NDArray[np.bool_]], claims: Claims) -> Overlap:
    """Any masks (N,), in the order of their claims; one at a time is in memory."""
    none = np.empty(0, np.int64)
    size, mask, truth, points = [], [none], [none], [none]
    for row, inside in enumerate(masks):
        counts = np.bincount(instances.of_point[inside] + 1, minlength=len(instances.index) + 1)  # void comes first
        [found] = np.nonzero(counts[1:])
        size.append(int(counts.sum()))
        mask.append(np.full(len(found), row))
        truth.append(found)
        points.append(counts[1 + found])
    pairs = (np.concatenate(parts) for parts in (mask, truth, points))
    return Overlap(instances.index, instances.size, claims, np.array(size, np.int64), *pairs)
