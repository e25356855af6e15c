"""The tree of things: the merging that makes objects, carried on until the whole scene is one node."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.features import Correspondence
from ...core.scene import Frame, PointCloud
from ...core.things import ThingTree
from ...core.vectors import unit_rows
from .boxes import bounds, footprints
from .objects import ObjectOptions, Parts, SuperpointGraph, merge
from .views import eyes, sightings

WEAK = 0.02  # share of the edges that leave the smaller superpoint; a contact of fewer joins no things


def thing_tree(
    points: PointCloud,
    superpoint: NDArray[np.int32],
    graph: SuperpointGraph,
    correspondences: Sequence[Correspondence],
    frames: Sequence[Frame],
    up_axis: str,
    options: ObjectOptions,
    mask_object: NDArray[np.int32] | None = None,
) -> ThingTree | None:
    """The tree of (N,) superpoints with `graph`; None where none of them has a vector.

    (S,) `mask_object` is what 2D masks call one thing, -1 for none: everything within one merges before two do.
    """
    leaves = np.flatnonzero(graph.seen > 0)
    if not len(leaves):
        return None
    leaf = np.full(len(graph.seen), -1, np.int32)
    leaf[leaves] = np.arange(len(leaves))
    firm = graph.both_seen & firm_contacts(graph)
    parts = Parts(graph, options)
    held = np.full(len(graph.seen), -1, np.int32) if mask_object is None else mask_object
    joined: list[tuple[int, int, float]] = []
    merge(parts, graph.pair[firm], np.inf, np.where(graph.seen > 0, held, -1), joined)
    parent, doubt = _nodes(leaf, joined)

    def summed(values: NDArray[np.floating | np.integer]) -> NDArray[np.float64]:
        """(S, ...) of superpoints to (M, ...) of nodes; a parent comes after its children."""
        total = np.zeros((len(parent), *values.shape[1:]))
        total[: len(leaves)] = values[leaves]
        for node, above in enumerate(parent[:-1].tolist()):
            total[above] += total[node]
        return total

    seen = summed(graph.seen)
    mine = leaf[superpoint]
    xyz, of_leaf = points.xyz[mine >= 0], mine[mine >= 0]
    low, high = bounds(xyz, of_leaf, len(leaves))
    hull_start, hull_xy = footprints(xyz, of_leaf, len(leaves), up_axis)
    return ThingTree(
        superpoint=leaves.astype(np.int32),
        parent=parent,
        doubt=doubt,
        point_count=summed(graph.size).astype(np.int32),
        seen_count=seen.astype(np.int32),
        vectors=unit_rows(summed(graph.sums)).astype(np.float16),
        color=(summed(graph.color * graph.seen[:, None]) / seen[:, None]).astype(np.float32),
        contact=leaf[graph.pair[firm]],
        contact_edges=graph.contact[firm].astype(np.int32),
        same=parts.same,
        range=parts.range,
        mask_object=held[leaves].astype(np.int32),
        centre_sum=np.stack([np.bincount(of_leaf, axis, len(leaves)) for axis in xyz.T], axis=1),
        box_min=low,
        box_max=high,
        up_axis=up_axis,
        hull_start=hull_start,
        hull_xy=hull_xy,
        sightings=sightings(mine, len(leaves), correspondences, frames),
        eyes=eyes(frames),
    )


def firm_contacts(graph: SuperpointGraph) -> NDArray[np.bool_]:
    """(P,) the pairs that share at least WEAK of the edges that leave the one of them with fewer."""
    leaving = np.bincount(graph.pair.ravel(), np.repeat(graph.contact, 2), minlength=len(graph.seen))
    return np.asarray(graph.contact >= WEAK * leaving[graph.pair].min(axis=1))


def _nodes(
    leaf: NDArray[np.int32], joined: Sequence[tuple[int, int, float]]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """(M,) parent and (M,) doubt of the nodes: the leaves, then what was joined, then a root over what is apart."""
    count = int(leaf.max()) + 1
    node = leaf.tolist()  # of the part that a superpoint leads
    parent, doubt = [-1] * count, [-np.inf] * count
    for low, high, doubtful in joined:
        parent[node[low]] = parent[node[high]] = len(parent)
        node[low] = len(parent)
        parent.append(-1)
        doubt.append(doubtful)
    apart = [at for at, above in enumerate(parent) if above < 0]
    if len(apart) > 1:
        for at in apart:
            parent[at] = len(parent)
        parent.append(-1)
        doubt.append(np.inf)
    return np.array(parent, np.int32), np.array(doubt)
