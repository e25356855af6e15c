"""Superpoints: small patches of one surface and colour, each point in exactly one.

A dataset's own over-segmentation is used as it is. Otherwise the graph of the cloud is cut as Felzenszwalb and
Huttenlocher do (Efficient Graph-Based Image Segmentation, IJCV 2004), as ScanNet's segmentator does on its meshes:
edges from the most to the least alike, two patches grow together where the edge between them differs no more than
what is found inside either, plus threshold / size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.scene import PointCloud
from ..compiled import compiled
from .neighbours import blocks, components, number_by_first_point, point_edges
from .normals import Normals, surface_normals


@dataclass(frozen=True)
class SuperpointOptions:
    """How the cloud is cut where the dataset brings no segments of its own."""

    threshold: float = 0.01  # larger gives larger superpoints (kThresh of ScanNet's segmentator)
    min_points: int = 20  # smaller patches join the neighbour most like them
    color_weight: float = 3.0  # of squared colour differences, 0 to 3, beside 1 - cosine of normals; 0: colour-blind
    neighbours: int = 8  # edges from each point, where there is no mesh
    normal_neighbours: int = 16  # points a plane is fitted to, where there are no normals
    max_gap: float = 4.0  # longest edge, times the median distance to the last neighbour; more bridges wider gaps

    def __post_init__(self) -> None:
        for name in ("threshold", "min_points", "color_weight"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadInput(f"{name} is {getattr(self, name)}; 0 or more was expected.")
        for name in ("neighbours", "normal_neighbours", "max_gap"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadInput(f"{name} is {getattr(self, name)}; more than 0 was expected.")


def superpoints(points: PointCloud, options: SuperpointOptions | None = None) -> NDArray[np.int32]:
    """(N,) the superpoint of each point, numbered 0..S-1 in the order of their first points.

    Points that the dataset's segments leave out (< 0) form superpoints by connected component.
    """
    options = options or SuperpointOptions()
    if points.segments is not None and (points.segments >= 0).any():
        return _given(points, options)
    edges = point_edges(points, options.neighbours, options.max_gap)
    weight = edge_weights(points, edges, options)
    order = np.argsort(weight, kind="stable")
    label = grow(edges[order], weight[order], len(points), options.threshold, options.min_points)
    return number_by_first_point(label)


def edge_weights(points: PointCloud, edges: NDArray[np.int32], options: SuperpointOptions) -> NDArray[np.float64]:
    """(E,) how much the two ends of each edge differ: 1 - cosine of normals, plus the squared colour difference.

    Where normals are oriented, a bend outwards counts squared: the faces of a thing bend outwards, two things meet
    in a bend inwards.
    """
    normals = surface_normals(points, options.normal_neighbours)
    weight = np.empty(len(edges))
    for block in blocks(len(edges)):
        weight[block] = _weights(points, edges[block], normals, options)
    return weight


def _weights(
    points: PointCloud, edges: NDArray[np.int32], normals: Normals, options: SuperpointOptions
) -> NDArray[np.float64]:
    a, b = edges[:, 0], edges[:, 1]
    ends = normals.vectors[a].astype(np.float64), normals.vectors[b].astype(np.float64)
    cosine = np.einsum("ij,ij->i", *ends)
    weight = np.clip(1 - (cosine if normals.oriented else np.abs(cosine)), 0, None)
    if normals.oriented:
        outwards = np.einsum("ij,ij->i", ends[1] - ends[0], points.xyz[b] - points.xyz[a]) > 0
        weight = np.where(outwards, weight**2, weight)
    if points.rgb is not None and options.color_weight > 0:
        rgb_a, rgb_b = points.rgb[a].astype(np.float64) / 255, points.rgb[b].astype(np.float64) / 255
        weight += options.color_weight * ((rgb_a - rgb_b) ** 2).sum(axis=1)
    return weight


def _given(points: PointCloud, options: SuperpointOptions) -> NDArray[np.int32]:
    assert points.segments is not None
    segment = points.segments.astype(np.int64)
    left_out = segment < 0
    if left_out.any():
        edges = point_edges(points, options.neighbours, options.max_gap)
        part = components(edges[left_out[edges].all(axis=1)], len(points))
        segment = np.where(left_out, segment.max() + 1 + part, segment)
    return number_by_first_point(segment)


@compiled
def grow(edges, weight, point_count, threshold, min_points):  # type: ignore[no-untyped-def]
    """(N,) a representative point for each: edges (E, 2) and weight (E,) ascending."""
    parent = np.arange(point_count)
    size = np.ones(point_count, np.int64)
    limit = np.full(point_count, threshold)
    for sweep in range(2):  # first by likeness, then what stayed small
        for e in range(len(edges)):
            a, b = edges[e, 0], edges[e, 1]
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if a == b:
                continue
            if sweep == 0:
                joined = weight[e] <= limit[a] and weight[e] <= limit[b]
            else:
                joined = size[a] < min_points or size[b] < min_points
            if joined:
                low, high = min(a, b), max(a, b)
                parent[high] = low
                size[low] += size[high]
                limit[low] = weight[e] + threshold / size[low]
    for i in range(point_count):  # a parent is never a later point
        parent[i] = parent[parent[i]]
    return parent
