"""A tree of things as questions walk it, with what all of them need worked out once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....core.things import ThingTree
from ....core.vectors import unit_rows

OBJECT_DOUBT = 0.5  # most doubt within what is an object whatever is asked, as in ingest/regions/objects.py
_NONE, _SEVERAL = -1, -2
_OF_NODE = 44  # bytes: 5 columns of int64 and one of int32
_OF_LEAF = 88  # bytes: 2 columns of int64, one of int32, a list
_OF_CONTACT = 88  # bytes: at either end an int32, and an int in a list


@dataclass(frozen=True, eq=False)
class Branches:
    """A tree, and what is derived from it."""

    tree: ThingTree

    @property
    def nbytes(self) -> int:
        """Bytes of the tree and of everything derived from it here and there, whether or not it was asked for yet."""
        nodes, leaves, contacts = len(self.tree.parent), self.tree.leaf_count, len(self.tree.contact)
        derived = nodes * _OF_NODE + leaves * _OF_LEAF + contacts * _OF_CONTACT
        return self.tree.nbytes + 4 * self.tree.vectors.size + derived

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """(M, C) the nodes' vectors."""
        return unit_rows(self.tree.vectors.astype(np.float32))

    @cached_property
    def sibling(self) -> NDArray[np.int64]:
        """(M,) the one other part that a node is merged with; -1 where there is none, or several."""
        parent, nodes = self.tree.parent[:-1], len(self.tree.parent)
        children = np.bincount(parent, minlength=nodes)
        total = np.zeros(nodes, np.int64)
        np.add.at(total, parent, np.arange(nodes - 1))
        sibling = np.full(nodes, -1, np.int64)
        paired = np.flatnonzero(children[parent] == 2)
        sibling[paired] = total[parent[paired]] - paired
        return sibling

    @cached_property
    def beside(self) -> list[list[int]]:
        """The leaves that each leaf touches."""
        return [self.tree.neighbours(leaf).tolist() for leaf in range(self.tree.leaf_count)]

    @cached_property
    def mask_of_node(self) -> NDArray[np.int64]:
        """(M,) the object from 2D masks that a node's leaves belong to: -1 none, -2 several."""
        held = [*self.tree.mask_object.tolist(), *[_NONE] * (len(self.tree.parent) - self.tree.leaf_count)]
        for node, above in enumerate(self.tree.parent[:-1].tolist()):  # a parent comes after its children
            if held[above] == _NONE:
                held[above] = held[node]
            elif held[node] not in (_NONE, held[above]):
                held[above] = _SEVERAL
        return np.array(held)

    def joins_masks(self, node: int) -> bool:
        """Whether two objects from masks meet in the node."""
        return bool(self.mask_of_node[node] == _SEVERAL)

    @cached_property
    def usual(self) -> NDArray[np.int64]:
        """(S,) the node that is each leaf's object whatever is asked: the highest that is reached with little doubt."""
        owner = np.arange(len(self.tree.parent))
        for node in range(self.tree.root - 1, -1, -1):
            above = int(self.tree.parent[node])
            if self.tree.doubt[above] <= OBJECT_DOUBT and not self.joins_masks(above):
                owner[node] = owner[above]
        return owner[: self.tree.leaf_count]

    def doubt(self, cosine: float, color_distance: float, color_weight: float) -> float:
        """How doubtful it is that two parts are one, as where the tree was made; colours 0..1."""
        doubt = (self.tree.same - cosine) / self.tree.range
        return doubt * (1 + color_weight * color_distance / 3**0.5) if doubt > 0 else doubt
