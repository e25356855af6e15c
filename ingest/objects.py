"""Objects: neighbouring superpoints whose vectors agree, merged from the most to the least alike.

How alike two superpoints of different things are depends on the encoder: cosines of CLIP's dense features rarely fall
below 0.7. So likeness is counted from what is usual in the scene,

    agreement = 1 - (1 - cosine) / (1 - usual)       1: the same direction; 0: like any two superpoints of this scene

with `usual` a low quantile of the cosines between all seen superpoints. Colour has a say beside the vectors, because
those of a small thing carry much of what surrounds it.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.errors import BadInput
from ..store.features import PointFeatures
from ..store.scene import PointCloud
from .neighbours import nearest_edges, number_by_first_point, point_edges
from .region_sums import sum_directions

_CHUNK = 4096  # pairs compared at a time


@dataclass(frozen=True)
class Options:
    """When two neighbours are one object."""

    agreement: float = 0.5  # least agreement of what is merged; larger gives more, smaller objects
    usual: float = 0.25  # quantile of the cosines of all pairs of superpoints that counts as no agreement
    color_weight: float = 0.5  # agreement lost between black and white; 0: colour-blind
    neighbours: int = 8  # points looked at around each to find what touches what
    max_gap: float = 4.0  # widest gap that still touches, times the median distance to the last neighbour
    absorb_points: int = 50  # unseen superpoints of fewer points join what they touch most

    def __post_init__(self) -> None:
        if not -np.inf < self.agreement < np.inf:
            raise BadInput(f"agreement is {self.agreement}; a number was expected (1: alike, 0: no more than usual).")
        if not 0 <= self.usual <= 1:
            raise BadInput(f"usual is {self.usual}; a quantile, 0 to 1, was expected.")
        if not 0 <= self.color_weight < np.inf or self.absorb_points < 0:
            raise BadInput(
                f"color_weight {self.color_weight} and absorb_points {self.absorb_points} must be 0 or more."
            )
        if self.neighbours < 1 or not 0 < self.max_gap < np.inf:
            raise BadInput(f"neighbours {self.neighbours} and max_gap {self.max_gap} must be more than 0.")


def objects(
    superpoint: NDArray[np.int32], points: PointCloud, features: PointFeatures, options: Options | None = None
) -> NDArray[np.int32]:
    """(S,) the object of each superpoint, 0..O-1 in the order of their first superpoints.

    A superpoint without a vector is an object of its own; one of fewer than absorb_points points joins the neighbour
    with which it shares most edges.
    """
    options = options or Options()
    superpoint_count = int(superpoint.max()) + 1
    sums, seen = sum_directions(features.vectors, superpoint[features.point_index], superpoint_count)
    pair, contact = contacts(superpoint, points, options)
    both_seen = (seen[pair] > 0).all(axis=1)
    parts = _Parts(sums, seen, _mean_colors(superpoint, points), options)
    owner = _merge(parts, pair[both_seen], options.agreement)
    size = np.bincount(superpoint, minlength=superpoint_count)
    _absorb(owner, (seen == 0) & (size < options.absorb_points), pair, contact)
    return number_by_first_point(owner)


def contacts(
    superpoint: NDArray[np.int32], points: PointCloud, options: Options
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(P, 2) superpoints that touch, lower first, and (P,) how many edges join their points.

    Beside the mesh, near points touch: what a scan tore apart is together again.
    """
    edges = nearest_edges(points.xyz, options.neighbours, options.max_gap)
    if points.faces is not None and len(points.faces):
        edges = np.concatenate([edges, point_edges(points, options.neighbours, options.max_gap)])
    ends = np.sort(superpoint[edges].astype(np.int64), axis=1)
    ends = ends[ends[:, 0] != ends[:, 1]]
    count = int(superpoint.max()) + 1
    key, contact = np.unique(ends[:, 0] * count + ends[:, 1], return_counts=True)
    return np.stack([key // count, key % count], axis=1), contact


def usual_cosine(directions: NDArray[np.float32], quantile: float) -> float:
    """The quantile of the cosines between all pairs of (S, C) unit rows (of 2000 of them, where there are more)."""
    rows = directions[np.linspace(0, len(directions) - 1, min(len(directions), 2000)).astype(np.int64)]
    if len(rows) < 2:
        return 0.0
    cosine = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    return float(np.quantile(cosine, quantile))


class _Parts:
    """Superpoints as they grow together: what each holds, and how alike two are."""

    def __init__(
        self, sums: NDArray[np.float32], seen: NDArray[np.int64], color: NDArray[np.float64], options: Options
    ):
        self.sums = sums  # (S, C) of unit vectors
        self.weight = np.maximum(seen, 1).astype(np.float64)  # (S,) seen points
        self.color = color.copy()  # (S, 3) 0..1
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        self.direction = np.divide(sums, length, out=np.zeros_like(sums), where=length > 0)
        self.unusual = max(1 - usual_cosine(self.direction[seen > 0], options.usual), 1e-6)
        self.color_weight = options.color_weight

    def agreement(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """(P,) of the parts a and b, pair by pair; either may be a single one."""
        cosine = np.einsum("ij,ij->i", *np.broadcast_arrays(self.direction[a], self.direction[b])).astype(np.float64)
        apart = np.linalg.norm(self.color[a] - self.color[b], axis=1) / np.sqrt(3)
        return 1 - (1 - cosine) / self.unusual - self.color_weight * apart

    def join(self, a: int, b: int) -> None:
        """Make b a part of a."""
        self.sums[a] += self.sums[b]
        self.direction[a] = self.sums[a] / max(float(np.linalg.norm(self.sums[a])), 1e-12)
        total = self.weight[a] + self.weight[b]
        self.color[a] = (self.weight[a] * self.color[a] + self.weight[b] * self.color[b]) / total
        self.weight[a] = total


def _merge(parts: _Parts, pair: NDArray[np.int64], least: float) -> NDArray[np.int64]:
    """(S,) the lowest superpoint of each one's object; (P, 2) `pair` lists the seen superpoints that touch."""
    count = len(parts.sums)
    owner = np.arange(count)
    version = [0] * count
    beside: list[set[int]] = [set() for _ in range(count)]
    for a, b in pair.tolist():
        beside[a].add(b)
        beside[b].add(a)
    heap: list[tuple[float, int, int, int, int]] = []

    def consider(pairs: NDArray[np.int64]) -> None:
        agreement = parts.agreement(pairs[:, 0], pairs[:, 1])
        good = agreement >= least
        for value, (a, b) in zip(agreement[good].tolist(), pairs[good].tolist(), strict=True):
            heapq.heappush(heap, (-value, a, b, version[a], version[b]))

    for start in range(0, len(pair), _CHUNK):
        consider(pair[start : start + _CHUNK])
    while heap:
        _, a, b, version_a, version_b = heapq.heappop(heap)
        if (version[a], version[b]) != (version_a, version_b):
            continue  # one of them has grown since, or is gone
        parts.join(a, b)
        owner[b] = a
        version[a] += 1
        version[b] = -1
        for other in beside[b]:
            beside[other].discard(b)
            beside[other].add(a)
        beside[a] = (beside[a] | beside[b]) - {a, b}
        around = np.array(sorted(beside[a]), np.int64).reshape(-1, 1)
        consider(np.sort(np.concatenate([around, np.full_like(around, a)], axis=1), axis=1))
    for s in range(count):  # an owner is never a later superpoint
        owner[s] = owner[owner[s]]
    return owner


def _absorb(
    owner: NDArray[np.int64], small: NDArray[np.bool_], pair: NDArray[np.int64], contact: NDArray[np.int64]
) -> None:
    """Give small superpoints to the others that they touch most; ties to the lowest."""
    ends = np.concatenate([pair, pair[:, ::-1]])
    ends, edges = (
        ends[small[ends[:, 0]] & ~small[ends[:, 1]]],
        np.concatenate([contact, contact])[small[ends[:, 0]] & ~small[ends[:, 1]]],
    )
    order = np.lexsort((ends[:, 1], -edges, ends[:, 0]))
    taken, first = np.unique(ends[order, 0], return_index=True)
    owner[taken] = owner[ends[order[first], 1]]


def _mean_colors(superpoint: NDArray[np.int32], points: PointCloud) -> NDArray[np.float64]:
    """(S, 3) mean colours 0..1; all alike where the cloud has none."""
    size = np.bincount(superpoint)
    if points.rgb is None:
        return np.zeros((len(size), 3))
    return np.stack([np.bincount(superpoint, points.rgb[:, c] / 255.0) for c in range(3)], axis=1) / size[:, None]
