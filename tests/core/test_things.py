"""The tree of a scene: what hangs below what, and which trees are none."""

from dataclasses import replace

import numpy as np
import pytest
from ovstore.core.errors import BadInput
from ovstore.core.things import Sightings, ThingTree


def _tree() -> ThingTree:
    """Five leaves; 1 and 3 merge, then 4 joins them; 0, 2 and what they make hang under the root."""
    nodes = 8
    return ThingTree(
        superpoint=np.array([0, 2, 3, 7, 9], np.int32),
        parent=np.array([7, 5, 7, 5, 6, 6, 7, -1], np.int32),
        doubt=np.array([-np.inf] * 5 + [0.1, 0.3, np.inf]),
        point_count=np.ones(nodes, np.int32),
        seen_count=np.ones(nodes, np.int32),
        vectors=np.ones((nodes, 4), np.float16),
        color=np.zeros((nodes, 3), np.float32),
        contact=np.array([[1, 3], [3, 4]], np.int32),
        contact_edges=np.array([7, 5], np.int32),
        same=0.9,
        range=0.3,
        mask_object=np.full(5, -1, np.int32),
        centre_sum=np.zeros((5, 3)),
        box_min=np.zeros((5, 3)),
        box_max=np.zeros((5, 3)),
        up_axis="z",
        hull_start=np.arange(6, dtype=np.int32),
        hull_xy=np.zeros((5, 2)),
        sightings=Sightings(*(np.empty(0, kind) for kind in "iiiff"), np.empty((0, 4), np.int32)),
        eyes=np.empty((0, 3)),
    )


def test_a_node_has_its_children_its_sibling_and_all_leaves_below_it() -> None:
    tree = _tree()
    assert [tree.children(node).tolist() for node in (0, 5, 6, 7)] == [[], [1, 3], [4, 5], [0, 2, 6]]
    assert [tree.sibling(node).tolist() for node in (1, 5, 6, 7)] == [[3], [4], [0, 2], []]
    assert [tree.leaves_of(node).tolist() for node in (2, 5, 6, 7)] == [[2], [1, 3], [1, 3, 4], [0, 1, 2, 3, 4]]
    assert tree.root == 7


def test_a_leaf_knows_what_it_touches_and_is_found_by_its_superpoint() -> None:
    tree = _tree()
    assert [tree.neighbours(leaf).tolist() for leaf in range(5)] == [[], [3], [], [1, 4], [3]]
    assert [tree.leaf_of(ordinal) for ordinal in (0, 1, 7, 9, 10)] == [0, None, 3, 4, None]


def test_trees_are_equal_by_value() -> None:
    assert _tree() == _tree()
    assert _tree() != replace(_tree(), same=0.8)


@pytest.mark.parametrize(
    "wrong",
    [
        {"parent": np.array([7, 5, 7, 5, 6, 6, -1, -1], np.int32)},
        {"parent": np.array([7, 5, 7, 5, 6, 5, 7, -1], np.int32)},
        {"parent": np.array([7, 5, 7, 6, 6, 6, 7, -1], np.int32)},
        {"parent": np.array([7, 5, 7, 5, 6, 6, 8, -1], np.int32)},
        {"superpoint": np.array([0, 3, 2, 7, 9], np.int32)},
        {"contact": np.array([[3, 1], [3, 4]], np.int32)},
        {"contact": np.array([[1, 5], [3, 4]], np.int32)},
        {"contact_edges": np.array([7], np.int32)},
        {"hull_start": np.array([0, 1, 1, 3, 4, 5], np.int32)},
        {"vectors": np.ones((7, 4), np.float16)},
        {"range": 0.0},
    ],
)
def test_what_is_no_tree_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        replace(_tree(), **wrong)
