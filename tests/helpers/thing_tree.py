"""Trees of things from a few numbers: points on a line, vectors in a plane. Shared by tests."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from ovstore.core.sightings import Sightings
from ovstore.core.things import ThingTree


def tree(
    vectors: NDArray[np.floating],  # (S, C) of the leaves
    merges: Sequence[tuple[int, ...]],  # children of each inner node, in order
    contact: Sequence[tuple[int, int]],
    points: Sequence[int] | None = None,
    color: NDArray[np.floating] | None = None,
    mask_object: Sequence[int] | None = None,
    same: float = 0.95,
    range: float = 0.5,
) -> ThingTree:
    """Leaf i is a cube of a metre at x = i, seen by no frame; inner nodes are weighted means."""
    leaves = len(vectors)
    count = list(points or [100] * leaves)
    colors = list(np.zeros((leaves, 3)) if color is None else np.asarray(color, float))
    sums = [np.asarray(row, float) * number for row, number in zip(vectors, count, strict=True)]
    parent = [-1] * (leaves + len(merges))
    for number, children in enumerate(merges, start=leaves):
        total = sum(count[child] for child in children)
        sums.append(sum(sums[child] for child in children))
        colors.append(sum(count[child] * colors[child] for child in children) / total)
        count.append(total)
        for child in children:
            parent[child] = number
    rows = np.array(sums)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    inner = np.full(len(merges), 0.1)
    low = np.stack([np.arange(leaves), np.zeros(leaves), np.zeros(leaves)], axis=1).astype(float)
    nothing = np.empty(0, np.int32)
    ends = np.array(sorted(contact), np.int32).reshape(-1, 2)
    return ThingTree(
        superpoint=np.arange(leaves, dtype=np.int32) * 2,  # every other one was seen by nobody
        parent=np.array(parent, np.int32),
        doubt=np.concatenate([np.full(leaves, -np.inf), inner]),
        point_count=np.array(count, np.int32),
        seen_count=np.array(count, np.int32),
        vectors=unit.astype(np.float16),
        color=np.array(colors, np.float32),
        contact=ends,
        contact_edges=np.full(len(ends), 10, np.int32),
        same=same,
        range=range,
        mask_object=np.full(leaves, -1, np.int32) if mask_object is None else np.array(mask_object, np.int32),
        centre_sum=(low + 0.5) * np.array(count[:leaves])[:, None],
        box_min=low,
        box_max=low + 1,
        up_axis="z",
        hull_start=np.arange(leaves + 1, dtype=np.int32) * 4,
        hull_xy=np.concatenate([corner + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) for corner in low[:, :2]]),
        sightings=Sightings(
            nothing, nothing, nothing, nothing.astype(np.float32), nothing.astype(np.float32),
            np.empty((0, 4), np.int32),
        ),
        eyes=np.empty((0, 3)),
    )  # fmt: skip


def directions(*degrees: float) -> NDArray[np.float32]:
    """(n, 2) unit vectors; the question is (1, 0), so that a score is the cosine of the angle."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
