"""Things: how the superpoints of a scene merge into one another, up to the whole scene."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .by_value import ByValue
from .errors import BadInput
from .shapes import bytes_of_arrays, check_shapes
from .sightings import Sightings

_SHAPES = {
    **dict.fromkeys(("superpoint", "mask_object"), ("S",)),
    **dict.fromkeys(("parent", "doubt", "point_count", "seen_count"), ("M",)),
    "vectors": ("M", "C"),
    "color": ("M", 3),
    "contact": ("P", 2),
    "contact_edges": ("P",),
    **dict.fromkeys(("centre_sum", "box_min", "box_max"), ("S", 3)),
    "hull_start": ("S + 1",),
    "hull_xy": ("H", 2),
    "eyes": ("F", 3),
}


@dataclass(frozen=True, eq=False)
class ThingTree(ByValue):
    """How the superpoints of one feature set merge, the least doubtful first, until the whole scene is one node.

    Nodes 0..S-1 are the leaves: superpoints that have a vector. Then come the inner nodes in the order of merging, two
    children each; the last node is the root, the whole scene. What touches nothing hangs under the root, which may
    therefore have more than two children. A scene of one superpoint has one node. A thing is any union of leaves.

    doubt(a, b) = (same - cosine(a, b)) / range: 0 as parts of one thing are alike, 1 as any two superpoints are; where
    it is positive it counts 1 + weight * |difference of the colours| / sqrt(3), weight 30 when the tree was made.
    """

    superpoint: NDArray[np.int32]  # (S,) ordinals of the leaves, ascending
    parent: NDArray[np.int32]  # (M,) S <= M < 2 S; greater than the node itself; -1 at the root
    doubt: NDArray[np.float64]  # (M,) at which the children were merged; -inf at leaves, inf at a root of loose parts
    point_count: NDArray[np.int32]  # (M,) points, seen or not
    seen_count: NDArray[np.int32]  # (M,) points with a vector
    vectors: NDArray[np.float16]  # (M, C) unit length, mean of the points' unit vectors; the root has the scene's
    color: NDArray[np.float32]  # (M, 3) mean colour, red, green, blue, 0..1; 0 where the cloud has none
    contact: NDArray[np.int32]  # (P, 2) leaves that touch, the lower first, ascending; without weak contacts
    contact_edges: NDArray[np.int32]  # (P,) edges between the points of the two
    same: float  # cosine that leaves no doubt
    range: float  # of cosines, from no doubt to 1
    mask_object: NDArray[np.int32]  # (S,) the object from 2D masks that the leaf belongs to; -1: none
    centre_sum: NDArray[np.float64]  # (S, 3) metres, sum over the leaf's points
    box_min: NDArray[np.float64]  # (S, 3) metres
    box_max: NDArray[np.float64]  # (S, 3) metres
    up_axis: str  # "x", "y" or "z", with a sign or without
    hull_start: NDArray[np.int32]  # (S + 1,) rows of hull_xy: leaf i has hull_start[i]:hull_start[i + 1]
    hull_xy: NDArray[np.float64]  # (H, 2) metres, vertices of the convex hull of the leaf's footprint on the ground:
    # the two axes after up_axis in cyclic order (x y for z, y z for x, z x for y)
    sightings: Sightings  # by leaf
    eyes: NDArray[np.float64]  # (F, 3) metres, where each frame was taken

    def __post_init__(self) -> None:
        leaves, nodes = len(self.superpoint), len(self.parent)
        sizes = {"S": leaves, "M": nodes, "P": len(self.contact), "H": len(self.hull_xy), "S + 1": leaves + 1}
        check_shapes(self, _SHAPES, sizes)
        if leaves == 0 or not leaves <= nodes < 2 * leaves:
            raise BadInput(f"A tree of {leaves} leaves and {nodes} nodes; S and less than 2 S were expected.")
        own = np.arange(nodes)
        if self.parent[-1] != -1 or not (self.parent[:-1] > np.maximum(own[:-1], leaves - 1)).all():
            raise BadInput("A node's parent is a later inner node, and only the last node has none.")
        if self.parent.max(initial=-1) >= nodes or (np.bincount(self.parent[:-1], minlength=nodes)[leaves:] < 2).any():
            raise BadInput("An inner node of a tree has at least two children.")
        if (np.diff(self.superpoint) <= 0).any() or self.superpoint[0] < 0:
            raise BadInput("The superpoints of a tree are not ascending.")
        if len(self.contact) and not (
            self.contact.min() >= 0 and self.contact.max() < leaves and (self.contact[:, 0] < self.contact[:, 1]).all()
        ):
            raise BadInput(f"A contact joins two of the {leaves} leaves, the lower first.")
        if self.hull_start[0] != 0 or self.hull_start[-1] != len(self.hull_xy) or (np.diff(self.hull_start) < 1).any():
            raise BadInput("Each leaf has a hull of at least one vertex.")
        part = self.sightings.part
        if len(part) and not (part[0] >= 0 and part[-1] < leaves and (np.diff(part) >= 0).all()):
            raise BadInput(f"Sightings are those of the {leaves} leaves, in ascending order.")
        if not (np.isfinite(self.same) and self.range > 0):
            raise BadInput(f"same is {self.same} and range {self.range}; a cosine and more than 0 were expected.")

    @property
    def leaf_count(self) -> int:
        """S."""
        return len(self.superpoint)

    @property
    def root(self) -> int:
        """The node of the whole scene."""
        return len(self.parent) - 1

    def children(self, node: int) -> NDArray[np.int32]:
        """The nodes right below, ascending; none of a leaf."""
        start, by_parent = self._children
        return by_parent[start[node] : start[node + 1]]

    def sibling(self, node: int) -> NDArray[np.int32]:
        """The other children of the node's parent, ascending; none of the root."""
        if node == self.root:
            return np.empty(0, np.int32)
        beside: NDArray[np.int32] = self.children(int(self.parent[node]))
        others: NDArray[np.int32] = beside[beside != node]
        return others

    def leaves_of(self, node: int) -> NDArray[np.int32]:
        """The leaves below a node, ascending; a leaf is its own."""
        start, stop, order = self._leaves
        below: NDArray[np.int32] = np.sort(order[start[node] : stop[node]])
        return below

    def neighbours(self, leaf: int) -> NDArray[np.int32]:
        """The leaves that touch a leaf, ascending."""
        start, beside = self._neighbours
        return beside[start[leaf] : start[leaf + 1]]

    def leaf_of(self, superpoint: int) -> int | None:
        """The leaf of a superpoint's ordinal; None where it has no vector."""
        at = int(np.searchsorted(self.superpoint, superpoint))
        return at if at < self.leaf_count and self.superpoint[at] == superpoint else None

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays."""
        return bytes_of_arrays(self) + bytes_of_arrays(self.sightings)

    @cached_property
    def _children(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        below = np.argsort(self.parent[:-1], kind="stable").astype(np.int32)
        return np.searchsorted(self.parent[below], np.arange(len(self.parent) + 1)), below

    @cached_property
    def _neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        ends = np.concatenate([self.contact, self.contact[:, ::-1]])
        ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
        return np.searchsorted(ends[:, 0], np.arange(self.leaf_count + 1)), np.ascontiguousarray(ends[:, 1])

    @cached_property
    def _leaves(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """An order of the leaves in which those of each node lie side by side, from start to stop."""
        leaves, parent = self.leaf_count, self.parent.tolist()
        count = [1] * leaves + [0] * (len(parent) - leaves)
        for node, above in enumerate(parent[:-1]):  # a parent comes after its children
            count[above] += count[node]
        start = [0] * len(parent)
        taken = [0] * len(parent)
        for node in range(len(parent) - 2, -1, -1):
            above = parent[node]
            start[node] = start[above] + taken[above]
            taken[above] += count[node]
        first = np.array(start)
        order = np.empty(leaves, np.int32)
        order[first[:leaves]] = np.arange(leaves)
        return first, first + np.array(count), order
