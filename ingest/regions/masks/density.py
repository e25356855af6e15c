"""Clusters of points by density (DBSCAN), cell by cell: how many points lie in one cell costs nothing."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from ..neighbours import number_by_first_point

_REACH = np.array(
    [(x, y, z) for x in range(-2, 3) for y in range(-2, 3) for z in range(-2, 3) if (x, y, z) > (0, 0, 0)]
)


def density_clusters(xyz: NDArray[np.float64], gap: float, neighbours: int) -> NDArray[np.int32]:
    """(N,) the cluster of each point, in the order of their first points; -1 for noise.

    A point with `neighbours` points within `gap`, itself included, is a core; cores within `gap` of each other are one
    cluster, and other points belong to that of the nearest core within `gap`.
    """
    label = np.full(len(xyz), -1, np.int64)
    if len(xyz) < neighbours:
        return label.astype(np.int32)
    tree = KDTree(xyz, balanced_tree=False, compact_nodes=True)
    core = np.isfinite(tree.query(xyz, k=[neighbours], distance_upper_bound=np.nextafter(gap, np.inf))[0][:, 0])
    if not core.any():
        return label.astype(np.int32)
    label[core] = _linked(xyz[core], gap)
    rest = np.flatnonzero(~core)
    if len(rest):
        distance, nearest = KDTree(xyz[core]).query(xyz[rest], distance_upper_bound=np.nextafter(gap, np.inf))
        near = np.isfinite(distance)
        label[rest[near]] = label[core][nearest[near]]
    clustered = label >= 0
    label[clustered] = number_by_first_point(label[clustered])
    return label.astype(np.int32)


def _linked(xyz: NDArray[np.float64], gap: float) -> NDArray[np.int64]:
    """(N,) components of the points that are joined where they are within `gap` of each other.

    Points of one cell of `gap` / sqrt(3) are. Of two cells, those that are joined anyway need no look at all points.
    """
    cell = np.floor((xyz - xyz.min(axis=0)) / (gap / np.sqrt(3) * (1 - 1e-9))).astype(np.int64)
    width = cell.max(axis=0) + 5
    key = ((cell[:, 0] + 2) * width[1] + cell[:, 1] + 2) * width[2] + cell[:, 2] + 2
    order = np.argsort(key, kind="stable")
    cells, first = np.unique(key[order], return_index=True)
    step = (_REACH[:, 0] * width[1] + _REACH[:, 1]) * width[2] + _REACH[:, 2]
    place = np.searchsorted(cells, cells[:, None] + step)
    there = cells[np.minimum(place, len(cells) - 1)] == cells[:, None] + step
    a, b = np.nonzero(there)[0], place[there]
    sample = xyz[order[first]]
    close = np.linalg.norm(sample[a] - sample[b], axis=1) <= gap
    links = coo_matrix((np.ones(int(close.sum()), np.int8), (a[close], b[close])), (len(cells), len(cells)))
    component = connected_components(links, directed=False)[1]
    members = np.split(order, first[1:])
    owner = np.arange(component.max() + 1)

    def root(part: int) -> int:
        while owner[part] != part:
            part = owner[part]
        return part

    apart = ~close & (component[a] != component[b])
    for one, other in zip(a[apart].tolist(), b[apart].tolist(), strict=True):
        low, high = sorted((root(component[one]), root(component[other])))
        if low != high and cdist(xyz[members[one]], xyz[members[other]]).min() <= gap:
            owner[high] = low
    of_cell = np.array([root(part) for part in range(len(owner))])[component]
    linked = np.empty(len(xyz), np.int64)
    linked[order] = np.repeat(of_cell, np.diff(np.append(first, len(xyz))))
    return linked
