"""The tree of things holds what its leaves hold, and is the merging that makes objects, carried on."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.features import EmbeddingSpace, PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.core.things import ThingTree
from ovstore.core.vectors import unit_rows
from ovstore.ingest.regions import tree as tree_of
from ovstore.ingest.regions.boxes import boxes
from ovstore.ingest.regions.objects import ObjectOptions, objects, superpoint_graph
from ovstore.ingest.regions.sums import sum_directions
from ovstore.ingest.regions.tree import firm_contacts, thing_tree
from ovstore.store.postgres.thing_trees import from_bytes, to_bytes
from ovstore.store.search.things.shape import shape_of

SPACE = EmbeddingSpace("test", 32, "")
OPTIONS = ObjectOptions(absorb_points=0)


class Field:
    """A ground of squares, superpoints of six kinds; one in seventeen was seen by nobody."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        xyz = rng.uniform(0, 4, (3000, 3)) * (1, 1, 0.1)
        square = (xyz[:, 0] * 4).astype(int) * 16 + (xyz[:, 1] * 4).astype(int)
        self.superpoint = np.unique(square, return_inverse=True)[1].astype(np.int32)
        count = int(self.superpoint.max()) + 1
        kinds = 0.4 * rng.normal(size=(count, 32)) + 1.5 * rng.normal(size=32)
        kinds += 2 * rng.normal(size=(6, 32))[np.arange(count) // 30 % 6]
        seen = np.flatnonzero(self.superpoint % 17 != 0).astype(np.int32)
        rows = kinds[self.superpoint[seen]] + rng.normal(size=(len(seen), 32))
        self.features = PointFeatures(SPACE, seen, unit_rows(rows).astype(np.float16), np.ones(len(seen), np.int32))
        self.points = PointCloud(xyz, rgb=rng.integers(0, 255, (3000, 3), dtype=np.uint8))

    def shuffled(self, order: NDArray[np.int64]) -> "Field":
        """The same field, its points in another order."""
        other = object.__new__(Field)
        place = np.argsort(order)[self.features.point_index]
        ascending = np.argsort(place)
        other.superpoint = self.superpoint[order]
        other.points = PointCloud(self.points.xyz[order], rgb=self.points.rgb[order])
        other.features = replace(
            self.features,
            point_index=place[ascending].astype(np.int32),
            vectors=self.features.vectors[ascending],
            view_count=self.features.view_count[ascending],
        )
        return other

    def tree(self, mask_object: NDArray[np.int32] | None = None) -> ThingTree:
        graph = superpoint_graph(self.superpoint, self.points, self.features, OPTIONS)
        found = thing_tree(self.points, self.superpoint, graph, [], [], "z", OPTIONS, mask_object)
        assert found is not None
        return found


@pytest.fixture(params=range(2))
def field(request: pytest.FixtureRequest) -> Field:
    return Field(request.param)


def test_the_vector_of_a_node_is_the_pooled_vector_of_its_leaves_and_that_of_the_root_the_scene_mean(
    field: Field,
) -> None:
    tree = field.tree()
    of_point = field.superpoint[field.features.point_index]
    sums, seen = sum_directions(field.features.vectors, of_point, int(field.superpoint.max()) + 1)
    for node in range(len(tree.parent)):
        below = tree.superpoint[tree.leaves_of(node)]
        pooled = unit_rows(sums[below].astype(np.float64).sum(axis=0))
        np.testing.assert_allclose(tree.vectors[node].astype(np.float64), pooled, atol=1e-3)
        assert tree.seen_count[node] == seen[below].sum()
    mean = unit_rows(unit_rows(field.features.vectors.astype(np.float64)).sum(axis=0))
    np.testing.assert_allclose(tree.vectors[tree.root].astype(np.float64), mean, atol=1e-3)


def test_the_leaves_are_the_superpoints_with_a_vector(field: Field) -> None:
    ordinals = np.unique(field.superpoint[field.features.point_index])
    np.testing.assert_array_equal(field.tree().superpoint, ordinals)


def test_the_same_scene_gives_the_same_bytes_which_read_back_equal(field: Field) -> None:
    tree = field.tree()
    assert to_bytes(field.tree()) == to_bytes(tree)
    assert from_bytes(to_bytes(tree)) == tree


def test_the_order_of_the_points_has_no_influence(field: Field) -> None:
    order = np.random.default_rng(7).permutation(len(field.superpoint))
    tree, other = field.tree(), field.shuffled(order).tree()
    np.testing.assert_array_equal(other.parent, tree.parent)
    np.testing.assert_array_equal(other.contact_edges, tree.contact_edges)
    np.testing.assert_allclose(other.vectors.astype(float), tree.vectors.astype(float), atol=1e-3)


def test_cut_at_the_doubt_of_objects_the_tree_gives_the_objects_where_no_contact_is_weak(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_of, "WEAK", 0.0)
    tree = field.tree()
    merged = tree.doubt[tree.leaf_count :]
    first_not = tree.leaf_count + int(np.argmax(merged > OPTIONS.doubt))  # a later, surer merging stands on this one
    part = np.arange(len(tree.parent))
    for node in range(first_not - 1, -1, -1):
        above = tree.parent[node]
        part[node] = part[above] if above < first_not else node
    cut = part[: tree.leaf_count]
    held = objects(field.superpoint, field.points, field.features, OPTIONS)[tree.superpoint]
    assert len(np.unique(held)) > 3
    assert len(np.unique(np.stack([cut, held]), axis=1).T) == len(np.unique(cut)) == len(np.unique(held))


def test_the_box_of_a_union_is_that_of_its_points(field: Field) -> None:
    tree = field.tree()
    for node in range(tree.leaf_count, len(tree.parent)):
        leaves = tree.leaves_of(node)
        xyz = field.points.xyz[np.isin(field.superpoint, tree.superpoint[leaves])]
        around, shape = boxes(xyz, np.zeros(len(xyz), np.int32), 1), shape_of(tree, leaves)
        [box] = around.oriented
        assert shape.point_count == len(xyz) == tree.point_count[node]
        np.testing.assert_allclose(shape.centre, xyz.mean(axis=0))
        np.testing.assert_array_equal([shape.box_min, shape.box_max], [around.box_min[0], around.box_max[0]])
        np.testing.assert_allclose(shape.oriented_box.size, box.size, atol=1e-9)
        np.testing.assert_allclose(shape.oriented_box.centre, box.centre, atol=1e-9)


def test_a_contact_of_fewer_than_two_percent_of_the_smaller_border_joins_nothing(field: Field) -> None:
    graph = superpoint_graph(field.superpoint, field.points, field.features, OPTIONS)
    pair = int(np.argmax(graph.contact))
    for share, firm in ((0.015, False), (0.025, True)):
        contact = graph.contact.astype(np.float64)
        contact[pair] = 0
        others = np.bincount(graph.pair.ravel(), np.repeat(contact, 2))[graph.pair[pair]].min()
        contact[pair] = share / (1 - share) * others  # that share of the smaller border, itself among it
        assert firm_contacts(replace(graph, contact=contact))[pair] == firm


def test_all_of_a_mask_object_is_one_node_before_two_meet_touching_or_not(field: Field) -> None:
    masks = np.full(int(field.superpoint.max()) + 1, -1, np.int32)
    masks[::3] = np.arange(len(masks[::3])) % 5
    tree = field.tree(masks)
    held = [set(tree.mask_object[tree.leaves_of(node)].tolist()) - {-1} for node in range(len(tree.parent))]
    first_mixed = next(node for node, things in enumerate(held) if len(things) > 1)
    for thing in range(5):
        whole = np.flatnonzero(tree.mask_object == thing)
        [node] = [node for node in range(first_mixed) if np.array_equal(tree.leaves_of(node), whole)]
        assert held[node] == {thing}
