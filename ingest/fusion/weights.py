"""How much one view of a point counts beside its others: near, frontal and central views show more of it."""

import numpy as np
from numpy.typing import NDArray

from ...core.features import Correspondence
from ...core.scene import Camera

REACH = 3.0  # metres; at this distance a view counts half as much as one from nearby
GRAZING = 0.1  # the least that a view along the surface counts, beside 1 for one that faces it
RIM = 0.1  # share of the image's short side over which views fade towards its edge


def view_weights(
    seen: Correspondence,
    camera: Camera,
    normals: NDArray[np.float32] | None = None,
    camera_to_world: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """(K,) in (0, 1] for each point that the frame sees.

    1 / (1 + (depth / 3 m)^2), as a point's share of a cell shrinks with the square of its distance; the cosine between
    ray and surface, where normals (N, 3) of the cloud and the pose are known (either side of a surface is its front);
    and a ramp over the outer tenth of the image, where networks see half the context and lenses are at their worst.
    """
    weight = 1 / (1 + (seen.depth.astype(np.float64) / REACH) ** 2)
    u, v = seen.uv[:, 0].astype(np.float64), seen.uv[:, 1].astype(np.float64)
    inset = np.minimum(np.minimum(u, camera.width - 1 - u), np.minimum(v, camera.height - 1 - v)) + 1
    weight *= np.clip(inset / (RIM * min(camera.width, camera.height)), GRAZING, 1)
    if normals is not None and camera_to_world is not None:
        ray = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(len(u))], axis=1)
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        facing = np.abs(np.einsum("ij,ij->i", ray @ camera_to_world[:3, :3].T, normals[seen.point_index]))
        weight *= np.where(np.isfinite(facing), np.clip(facing, GRAZING, 1), 1)
    return weight.astype(np.float32)
