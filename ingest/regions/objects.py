"""Objects: neighbouring superpoints whose vectors agree, merged from the most to the least alike.

How alike the vectors of different things are depends on the encoder: cosines of CLIP's dense features rarely fall
below 0.7, those of others reach 0. So likeness is measured by what the scene itself shows,

    doubt = (same - cosine) / (same - usual)      0: as parts of one thing are alike; 1: as any two superpoints are

where `same` is a high quantile of the cosines between superpoints that touch, and `usual` a low one of those between
all. The vectors of a small thing carry much of what surrounds it, so that a little doubt may be all there is between
an apple and its table. Colours decide then: doubt counts 1 + color_weight * difference of the mean colours. Where
vectors agree fully, colours do not count, so that a chair keeps its cushion.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import PointFeatures
from ...core.scene import PointCloud
from ...core.vectors import unit_rows
from .neighbours import nearest_edges, number_by_first_point, point_edges
from .sums import sum_directions

_CHUNK = 4096  # pairs compared at a time
_LEAST_RANGE = 0.02  # of cosines; a scene of one thing has no unusual ones, only noise


# What says of superpoints that they are one object; "given": other tools, and features for what they leave out.
MergedBy = Literal["features", "masks", "both", "given"]


@dataclass(frozen=True)
class ObjectOptions:
    """When two neighbours are one object."""

    doubt: float = 0.5  # most doubt at which two are merged; smaller gives more, smaller objects
    same: float = 0.9  # quantile of the cosines of superpoints that touch that leaves no doubt
    usual: float = 0.1  # quantile of the cosines of all pairs of superpoints at which doubt is 1
    color_weight: float = 30.0  # how many times more doubt counts between black and white; 0: colour-blind
    neighbours: int = 8  # points looked at around each to find what touches what
    max_gap: float = 4.0  # widest gap that still touches, times the median distance to the last neighbour
    absorb_points: int = 50  # unseen superpoints of fewer points join what they touch most

    def __post_init__(self) -> None:
        if not np.isfinite(self.doubt):
            raise BadInput(f"doubt is {self.doubt}; a number was expected (0: alike, 1: no more than usual).")
        if not (0 <= self.same <= 1 and 0 <= self.usual <= 1):
            raise BadInput(f"same is {self.same} and usual {self.usual}; quantiles, 0 to 1, were expected.")
        if not 0 <= self.color_weight < np.inf or self.absorb_points < 0:
            raise BadInput(
                f"color_weight is {self.color_weight} and absorb_points {self.absorb_points}; 0 or more was expected."
            )
        if self.neighbours < 1 or not 0 < self.max_gap < np.inf:
            raise BadInput(
                f"neighbours is {self.neighbours} and max_gap {self.max_gap}; more than 0 was expected of both."
            )


@dataclass(frozen=True, eq=False)
class SuperpointGraph:
    """The superpoints of a scene with what their merging goes by; S of them."""

    sums: NDArray[np.float32]  # (S, C) of the unit vectors of their points
    seen: NDArray[np.int64]  # (S,) points with a vector
    size: NDArray[np.int64]  # (S,) points
    color: NDArray[np.float64]  # (S, 3) mean, 0..1
    pair: NDArray[np.int64]  # (P, 2) superpoints that touch, lower first
    contact: NDArray[np.int64]  # (P,) edges that join their points

    @property
    def both_seen(self) -> NDArray[np.bool_]:
        """(P,) the pairs of which both have a vector."""
        return np.asarray((self.seen[self.pair] > 0).all(axis=1))


def superpoint_graph(
    superpoint: NDArray[np.int32], points: PointCloud, features: PointFeatures, options: ObjectOptions
) -> SuperpointGraph:
    """What `objects` and the tree of things are made from."""
    count = int(superpoint.max()) + 1
    sums, seen = sum_directions(features.vectors, superpoint[features.point_index], count)
    size = np.bincount(superpoint, minlength=count)
    return SuperpointGraph(sums, seen, size, _mean_colors(superpoint, points), *contacts(superpoint, points, options))


def objects(
    superpoint: NDArray[np.int32],
    points: PointCloud,
    features: PointFeatures,
    options: ObjectOptions | None = None,
    mask_object: NDArray[np.int32] | None = None,
    merged_by: MergedBy = "both",
) -> NDArray[np.int32]:
    """(S,) the object of each superpoint, 0..O-1 in the order of their first superpoints.

    A superpoint without a vector is an object of its own; one of fewer than absorb_points points joins the neighbour
    with which it shares most edges. (S,) `mask_object` is what 2D masks call one thing, -1 for none: such superpoints
    are one object whatever their vectors, and never one with those of another; merged by "given", with no others.
    """
    options = options or ObjectOptions()
    return objects_of(superpoint_graph(superpoint, points, features, options), options, mask_object, merged_by)


def objects_of(
    graph: SuperpointGraph,
    options: ObjectOptions,
    mask_object: NDArray[np.int32] | None = None,
    merged_by: MergedBy = "both",
) -> NDArray[np.int32]:
    """`objects` of a graph that is there."""
    if mask_object is None or merged_by == "features":
        mask_object = np.full(len(graph.seen), -1, np.int32)
    joinable = graph.both_seen
    if merged_by == "given":
        joinable &= (mask_object[graph.pair] < 0).all(axis=1)
    else:
        mask_object = np.where(graph.seen > 0, mask_object, -1)
    parts = Parts(graph, options)
    owner = merge(parts, graph.pair[joinable], -np.inf if merged_by == "masks" else options.doubt, mask_object)
    small = (mask_object < 0) & (graph.seen == 0) & (graph.size < options.absorb_points)
    _absorb(owner, small, graph.pair, graph.contact)
    return number_by_first_point(owner)


def contacts(
    superpoint: NDArray[np.int32], points: PointCloud, options: ObjectOptions
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
    return round(float(np.quantile(cosine, quantile)), 4)  # the last bits of a product depend on the number of threads


class Parts:
    """Superpoints as they grow together: what each holds, and how doubtful it is that two are one."""

    def __init__(self, graph: SuperpointGraph, options: ObjectOptions) -> None:
        self.sums, self.color, self.color_weight = graph.sums.copy(), graph.color.copy(), options.color_weight
        self.weight = np.maximum(graph.seen, 1).astype(np.float64)
        self.direction = unit_rows(self.sums)
        pair = graph.pair[graph.both_seen]
        touching = self._cosine(pair[:, 0], pair[:, 1])
        self.same = float(np.quantile(touching, options.same)) if len(pair) else 1.0
        self.range = max(self.same - usual_cosine(self.direction[graph.seen > 0], options.usual), _LEAST_RANGE)

    def doubt(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """(P,) that the parts a and b are one object, pair by pair."""
        doubt = (self.same - self._cosine(a, b)) / self.range
        difference = np.linalg.norm(self.color[a] - self.color[b], axis=1) / np.sqrt(3)
        return np.where(doubt > 0, doubt * (1 + self.color_weight * difference), doubt)

    def _cosine(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        cosine = np.empty(len(a))
        for start in range(0, len(a), _CHUNK):
            some = slice(start, start + _CHUNK)
            cosine[some] = np.einsum("ij,ij->i", self.direction[a[some]], self.direction[b[some]])
        return cosine

    def join(self, a: int, b: int) -> None:
        """Make b a part of a."""
        self.sums[a] += self.sums[b]
        self.direction[a] = self.sums[a] / max(float(np.linalg.norm(self.sums[a])), 1e-12)
        total = self.weight[a] + self.weight[b]
        self.color[a] = (self.weight[a] * self.color[a] + self.weight[b] * self.color[b]) / total
        self.weight[a] = total


def merge(
    parts: Parts,
    pair: NDArray[np.int64],
    most_doubt: float,
    mask_object: NDArray[np.int32],
    joined: list[tuple[int, int, float]] | None = None,
) -> NDArray[np.int64]:
    """(S,) the lowest superpoint of each one's object; (P, 2) `pair` lists the seen superpoints that touch.

    Those of one object of `mask_object` (S,) are joined first, and those of two never. With a list `joined` they are,
    after all others, and it takes every joining in its order: the lower superpoint, the other, and how doubtful it was.

    A part's queue holds its neighbours, least doubtful last, as they were when it last grew; the heap holds the head
    of each queue. A pair is out of date when one of the two has grown since; the newer queue of that one has it too.
    """
    count = len(parts.sums)
    owner = np.arange(count)
    beside: list[set[int]] = [set() for _ in range(count)]
    for a, b in pair.tolist():
        beside[a].add(b)
        beside[b].add(a)
    now = 0
    grown = [0.0] * count  # when; never again for what is part of another
    queues: list[list[tuple[float, int]]] = [[] for _ in range(count)]
    heap: list[tuple[float, int, int, int, int]] = []
    thing = mask_object.astype(np.int64)

    def join(low: int, high: int, doubt: float) -> None:
        if joined is not None:
            joined.append((low, high, doubt))
        parts.join(low, high)
        owner[high] = low
        thing[low] = max(thing[low], thing[high])
        for other in beside[high]:
            beside[other].discard(high)
            beside[other].add(low)
        beside[low] = (beside[low] | beside[high]) - {low, high}
        beside[high] = set()

    def offer(a: int, made: int) -> None:
        """Put the head of a's queue into the heap."""
        while queues[a]:
            doubt, other = queues[a].pop()
            if grown[other] <= made:
                heapq.heappush(heap, (doubt, min(a, other), max(a, other), a, made))
                return

    def line_up(a: int, others: NDArray[np.int64]) -> None:
        if phase == "within":
            others = others[thing[others] == thing[a]] if thing[a] >= 0 else others[:0]
        elif phase == "apart" and thing[a] >= 0:
            others = others[thing[others] < 0]
        doubt = parts.doubt(np.full_like(others, a), others)
        order = np.lexsort((others, doubt))[::-1]
        order = order[doubt[order] <= most_doubt]
        queues[a] = list(zip(doubt[order].tolist(), others[order].tolist(), strict=True))
        offer(a, now)

    def unite() -> None:
        """Join what is left apart of each object of the masks."""
        first_of: dict[int, int] = {}
        for a in np.flatnonzero((thing >= 0) & (owner == np.arange(count))).tolist():
            if (low := first_of.setdefault(int(thing[a]), a)) != a:
                join(low, a, float(parts.doubt(np.array([low]), np.array([a]))[0]))

    to_the_end = joined is not None and bool((thing >= 0).any())
    for phase in ("within", "apart", "across") if to_the_end else ("apart",):
        if phase == "apart":
            unite()
        for a in range(count):
            if later := sorted(other for other in beside[a] if other > a):
                line_up(a, np.array(later))
        while heap:
            doubt, low, high, a, made = heapq.heappop(heap)
            if grown[a] > made:
                continue
            if max(grown[low], grown[high]) > made:
                offer(a, made)
                continue
            join(low, high, doubt)
            now += 1
            grown[low], grown[high] = now, np.inf
            line_up(low, np.array(sorted(beside[low]), np.int64))
    for s in range(count):  # an owner is never a later superpoint
        owner[s] = owner[owner[s]]
    return owner


def _absorb(
    owner: NDArray[np.int64], small: NDArray[np.bool_], pair: NDArray[np.int64], contact: NDArray[np.int64]
) -> None:
    """Give small superpoints to the others that they touch most; ties to the lowest."""
    ends, edges = np.concatenate([pair, pair[:, ::-1]]), np.concatenate([contact, contact])
    outward = small[ends[:, 0]] & ~small[ends[:, 1]]
    ends, edges = ends[outward], edges[outward]
    order = np.lexsort((ends[:, 1], -edges, ends[:, 0]))
    taken, first = np.unique(ends[order, 0], return_index=True)
    owner[taken] = owner[ends[order[first], 1]]


def _mean_colors(superpoint: NDArray[np.int32], points: PointCloud) -> NDArray[np.float64]:
    """(S, 3) mean colours 0..1; all alike where the cloud has none."""
    size = np.bincount(superpoint)
    if points.rgb is None:
        return np.zeros((len(size), 3))
    return np.stack([np.bincount(superpoint, points.rgb[:, c] / 255.0) for c in range(3)], axis=1) / size[:, None]
