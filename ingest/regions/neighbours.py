"""Which points lie beside which: edges of the mesh, or of the nearest-neighbour graph where there is none."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ...core.scene import PointCloud

_BLOCK = 1 << 16  # points or edges


def nearest(xyz: NDArray[np.float64], k: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Each point's k nearest others: rows and metres, both (N, k'), nearest first; k' < k in a smaller cloud.

    A point may name itself where several share its place.
    """
    others = min(k, len(xyz) - 1)
    rows, distances = np.empty((len(xyz), others), np.int32), np.empty((len(xyz), others))
    for block, row, distance in nearest_blocks(xyz, k):
        rows[block], distances[block] = row, distance
    return rows, distances


def nearest_blocks(xyz: NDArray[np.float64], k: int) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float64]]]:
    """The same, some points at a time: what is made of all neighbours at once takes a kilobyte a point."""
    k = min(k + 1, len(xyz))
    tree = KDTree(xyz, balanced_tree=False, compact_nodes=True)
    for block in blocks(len(xyz)):
        distance, row = tree.query(xyz[block], k=range(1, k + 1))
        yield block, row[:, 1:], distance[:, 1:]


def blocks(count: int) -> Iterator[slice]:
    """Slices that cover so many rows."""
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


def mesh_edges(faces: NDArray[np.int32], point_count: int) -> NDArray[np.int32]:
    """(E, 2) the edges of a mesh, each once, lower row first, ascending."""
    corners = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return _unique_edges(corners[:, 0], corners[:, 1], point_count)


def nearest_edges(xyz: NDArray[np.float64], k: int, max_gap: float) -> NDArray[np.int32]:
    """(E, 2) edges to the k nearest points; none is longer than max_gap times the median distance to the k-th."""
    row, distance = nearest(xyz, k)
    if row.shape[1] == 0:
        return np.empty((0, 2), np.int32)
    last = distance[:, -1]
    near = distance <= max_gap * np.median(last[last > 0]) if last.any() else np.ones(distance.shape, bool)
    start = np.broadcast_to(np.arange(len(xyz), dtype=np.int32)[:, None], row.shape)
    return _unique_edges(start[near], row[near], len(xyz))


def point_edges(points: PointCloud, k: int, max_gap: float) -> NDArray[np.int32]:
    """(E, 2) the graph of a cloud: its mesh, with nearest-neighbour edges for the points that no face uses."""
    if points.faces is None or len(points.faces) == 0:
        return nearest_edges(points.xyz, k, max_gap)
    edges = mesh_edges(points.faces, len(points))
    loose = np.ones(len(points), bool)
    loose[points.faces] = False
    if not loose.any():
        return edges
    extra = nearest_edges(points.xyz, k, max_gap)
    extra = extra[loose[extra].any(axis=1)]
    both = np.concatenate([edges, extra])
    return _unique_edges(both[:, 0], both[:, 1], len(points))


def components(edges: NDArray[np.int32], point_count: int) -> NDArray[np.int32]:
    """(N,) the connected component of each point, numbered in the order of their first points."""
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(point_count, point_count))
    return number_by_first_point(connected_components(graph, directed=False)[1])


def number_by_first_point(label: NDArray[np.integer]) -> NDArray[np.int32]:
    """(N,) the same parts, numbered 0, 1, ... in the order of their first points."""
    _, first, part = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return number[part.reshape(-1)]


def _unique_edges(start: NDArray[np.integer], stop: NDArray[np.integer], point_count: int) -> NDArray[np.int32]:
    key = np.minimum(start, stop).astype(np.int64)
    key *= point_count
    key += np.maximum(start, stop)
    key = key[start != stop]
    key.sort()
    key = key[np.concatenate([[True], key[1:] != key[:-1]])] if len(key) else key
    edges = np.empty((len(key), 2), np.int32)
    for block in blocks(len(key)):
        edges[block, 0], edges[block, 1] = np.divmod(key[block], point_count)
    return edges
