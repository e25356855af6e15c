"""Which superpoints are one thing for a question: climb the tree (H), then grow over what touches (F).

With u the score of the scene as a whole and s that of the best superpoint not yet used, a score "answers a" where it is
at least u + a * (s - u). H climbs from that superpoint while the larger part answers `parent` and what it adds answers
`sibling`. F then adds superpoints that touch, best first, where they answer `grow` and look like the thing so far. Two
objects from masks are never one thing. A superpoint is used once.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....core.thing_options import ThingOptions
from ....core.vectors import unit_rows
from .branches import Branches


@dataclass(frozen=True, eq=False)
class Grown:
    """One thing of one scene, by the rows of its tree."""

    branches: Branches
    leaves: NDArray[np.integer]  # ascending
    seed: int  # the leaf it grew from
    node: int  # where the climb ended
    vector: NDArray[np.float16]  # (C,) unit length, of all its seen points
    lift: float  # what the seed's score exceeds the scene's by
    point_count: int

    def touches(self, other: "Grown") -> bool:
        """Whether a contact joins the two; both are of one scene."""
        return not self._beside.isdisjoint(other._own)

    @cached_property
    def _own(self) -> frozenset[int]:
        return frozenset(self.leaves.tolist())

    @cached_property
    def _beside(self) -> frozenset[int]:
        """The leaves that touch one of its own."""
        return frozenset().union(*(self.branches.beside[leaf] for leaf in self._own))


@dataclass
class Grouping:
    """The superpoints of one scene become things for one question, those with the best superpoint first."""

    branches: Branches
    score: NDArray[np.float32]  # (M,) of the tree's nodes
    options: ThingOptions = field(default_factory=ThingOptions)

    def __post_init__(self) -> None:
        leaf_scores = self.score[: self.branches.tree.leaf_count]
        self._order = np.argsort(-leaf_scores, kind="stable").tolist()
        self._used = np.zeros(len(leaf_scores), bool)
        self._next = 0

    @property
    def next_score(self) -> float:
        """The score of the superpoint that the next thing grows from; -inf after the last."""
        return float(self.score[self._order[self._next]]) if self._next < len(self._order) else -np.inf

    def grow(self) -> Grown:
        """The next thing."""
        seed = self._order[self._next]
        whole = float(self.score[self.branches.tree.root])
        lift = float(self.score[seed]) - whole
        node = self._climb(seed, whole, lift) if lift > 0 else int(self.branches.usual[seed])
        below = self.branches.tree.leaves_of(node)
        leaves: NDArray[np.integer] = below[~self._used[below]]
        mean = _Mean(self.branches, node) if len(leaves) == len(below) else _Mean.of(self.branches, leaves)
        if lift > 0:
            leaves = self._spread(leaves, mean, whole + self.options.grow * lift)
        self._used[leaves] = True
        while self._next < len(self._order) and self._used[self._order[self._next]]:
            self._next += 1
        points = int(self.branches.tree.point_count[leaves].sum())
        return Grown(self.branches, leaves, seed, node, mean.direction.astype(np.float16), lift, points)

    def _climb(self, seed: int, whole: float, lift: float) -> int:
        """The highest node that still answers."""
        branches, options = self.branches, self.options
        points = branches.tree.point_count
        node = seed
        while (sibling := int(branches.sibling[node])) >= 0:
            above = int(branches.tree.parent[node])
            tiny = points[sibling] < options.small_sibling * points[node]
            if (
                self.score[above] < whole + options.parent * lift
                or not (tiny or self.score[sibling] >= whole + options.sibling * lift)
                or branches.joins_masks(above)
            ):
                break
            node = above
        return node

    def _spread(self, leaves: NDArray[np.integer], mean: "_Mean", least: float) -> NDArray[np.integer]:
        """The leaves with those around them that answer and are alike; `mean` grows with them."""
        branches = self.branches
        mine = set(leaves.tolist())
        waiting: list[tuple[float, int]] = []
        known = set(mine)

        def look_around(whose: Iterable[int]) -> None:
            for leaf in whose:
                for other in branches.beside[leaf]:
                    if other not in known and not self._used[other] and self.score[other] >= least:
                        known.add(other)
                        heapq.heappush(waiting, (-float(self.score[other]), other))

        look_around(leaves.tolist())
        while waiting:
            _, leaf = heapq.heappop(waiting)
            if mean.takes(leaf, self.options):
                mean.add(leaf)
                mine.add(leaf)
                look_around([leaf])
        return np.array(sorted(mine), np.int64)


class _Mean:
    """Direction, colour and mask object of a thing as it grows."""

    def __init__(self, branches: Branches, node: int) -> None:
        tree = branches.tree
        self.branches = branches
        self.direction = branches.unit[node]
        self.color = tree.color[node].astype(np.float64)
        self.weight = float(max(tree.seen_count[node], 1))
        self.mask = int(branches.mask_of_node[node])

    @classmethod
    def of(cls, branches: Branches, leaves: NDArray[np.integer]) -> "_Mean":
        """Of some leaves that no node stands for."""
        tree, mean = branches.tree, cls(branches, int(leaves[0]))
        weight = np.maximum(tree.seen_count[leaves], 1).astype(np.float32)
        mean.weight = float(weight.sum())
        mean.direction = unit_rows((weight @ branches.unit[leaves])[None])[0]
        mean.color = weight @ tree.color[leaves] / mean.weight
        mean.mask = int(branches.mask_of_node[leaves].max())
        return mean

    def takes(self, leaf: int, options: ThingOptions) -> bool:
        """Whether little doubt is left that the leaf is of this thing."""
        branches = self.branches
        mask = int(branches.mask_of_node[leaf])
        if mask >= 0 and self.mask not in (-1, mask):
            return False
        cosine = float(branches.unit[leaf] @ self.direction)
        away = float(np.linalg.norm(branches.tree.color[leaf] - self.color))
        return branches.doubt(cosine, away, options.grow_color_weight) <= options.grow_doubt

    def add(self, leaf: int) -> None:
        """Points count alike, however well their vectors agree within a superpoint."""
        tree = self.branches.tree
        more = float(max(tree.seen_count[leaf], 1))
        total = self.weight + more
        self.direction = unit_rows((self.weight * self.direction + more * self.branches.unit[leaf])[None])[0]
        self.color = (self.weight * self.color + more * tree.color[leaf]) / total
        self.weight = total
        self.mask = max(self.mask, int(self.branches.mask_of_node[leaf]))
