"""Point clouds drawn as pictures: a z-buffer of splats, for looking at answers without a viewer."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..core.scene import PointCloud

BACKGROUND = np.array([250, 250, 250], np.uint8)

# Anchors of a dark-to-bright map that keeps its order in grey and for colour-blind eyes (after matplotlib's inferno).
_HEAT = np.array(
    [[20, 11, 53], [58, 9, 99], [96, 19, 110], [133, 33, 107], [169, 46, 94], [203, 65, 73],
     [230, 93, 47], [247, 131, 17], [252, 173, 18], [245, 219, 76], [252, 255, 164]], np.float64,
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """A pinhole view of a scene: where the camera stands, how large the picture is."""

    camera_to_world: NDArray[np.float64]  # (4, 4), OpenCV axes
    width: int
    height: int
    focal: float  # pixels


def heat_colours(value: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(N, 3) colours for values in [0, 1]."""
    position = np.clip(value, 0, 1) * (len(_HEAT) - 1)
    low = np.minimum(position.astype(int), len(_HEAT) - 2)
    share = (position - low)[:, None]
    return (_HEAT[low] * (1 - share) + _HEAT[low + 1] * share).round().astype(np.uint8)


def upright(points: PointCloud, up_axis: str) -> PointCloud:
    """The cloud turned so that `up_axis` ("x", "y", "z", with a minus where it points down) becomes z."""
    axis = "xyz".index(up_axis[-1])
    turn = np.roll(np.eye(3), 2 - axis, axis=0)  # right-handed: axes are exchanged in a ring
    if up_axis.startswith("-"):
        turn = np.diag([1.0, -1.0, -1.0]) @ turn
    normals = None if points.normals is None else (points.normals @ turn.T).astype(np.float32)
    return replace(points, xyz=points.xyz @ turn.T, normals=normals)


def overview(points: PointCloud, width: int = 960, height: int = 720) -> View:
    """From above one corner, looking down at the middle of the scene, all of it in the picture; z is up."""
    low, high = np.percentile(points.xyz, [0.5, 99.5], axis=0)
    middle = (low + high) / 2
    direction = np.array([-0.62, -0.62, 0.95])
    eye = middle + direction / np.linalg.norm(direction) * max(1.6 * float(np.linalg.norm(high - low)), 0.1)
    pose = looking_at(eye, middle)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    local = (corners - eye) @ pose[:3, :3]
    reach = np.abs(local[:, :2] / local[:, 2:]).max(axis=0) + 1e-6
    return View(pose, width, height, float(0.54 * min(width / reach[0], height / reach[1])))


def looking_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) camera_to_world of an upright camera at `eye` that looks at `target`."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    length = np.linalg.norm(right)
    right = right / length if length > 1e-9 else np.array([1.0, 0.0, 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def render(points: PointCloud, colours: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """(height, width, 3) picture of the points; surfaces that face away are left out, so one looks into a room."""
    normals = _normals(points)
    keep = np.ones(len(points), bool)
    if normals is not None:
        keep = ((points.xyz - view.camera_to_world[:3, 3]) * normals).sum(axis=1) < 0
    elif view.camera_to_world[2, 3] > points.xyz[:, 2].max():
        low, high = np.percentile(points.xyz[:, 2], [1, 99])
        keep = points.xyz[:, 2] < low + 0.85 * (high - low)  # without normals: take the ceiling off
    world_to_camera = np.linalg.inv(view.camera_to_world)
    local = points.xyz[keep] @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    visible = local[:, 2] > 1e-3
    local, colour, spacing = local[visible], colours[keep][visible], _spacing(points)[keep][visible]
    u = view.focal * local[:, 0] / local[:, 2] + (view.width - 1) / 2
    v = view.focal * local[:, 1] / local[:, 2] + (view.height - 1) / 2
    radius = np.clip(np.ceil(0.5 * spacing * view.focal / local[:, 2]), 0, 6).astype(int)
    return _splat(u, v, local[:, 2], radius, colour, view)


def _splat(
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    depth: NDArray[np.float64],
    radius: NDArray[np.int_],
    colour: NDArray[np.uint8],
    view: View,
) -> NDArray[np.uint8]:
    """Squares of 2 * radius + 1 pixels, the nearest on top: painted far to near."""
    picture = np.tile(BACKGROUND, (view.height, view.width, 1))
    order = np.argsort(-depth, kind="stable")
    columns, rows, radius, colour = (
        np.rint(u[order]).astype(int),
        np.rint(v[order]).astype(int),
        radius[order],
        colour[order],
    )
    # Offsets are painted inside the far-to-near order, in slices short enough that depth order holds between them.
    for part in np.array_split(np.arange(len(order)), max(1, len(order) // 2000)):
        largest = int(radius[part].max()) if len(part) else 0
        for dy in range(-largest, largest + 1):
            for dx in range(-largest, largest + 1):
                chosen = part[radius[part] >= max(abs(dx), abs(dy))]
                x, y = columns[chosen] + dx, rows[chosen] + dy
                inside = (x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)
                picture[y[inside], x[inside]] = colour[chosen[inside]]
    return picture


def _spacing(points: PointCloud) -> NDArray[np.float64]:
    """(N,) metres from each point to its fourth neighbour: how large a splat has to be to leave no hole."""
    neighbours = min(5, len(points))
    distance, _ = cKDTree(points.xyz).query(points.xyz, k=[neighbours])
    return np.minimum(distance[:, 0], 4 * np.median(distance) + 1e-3)


def _normals(points: PointCloud) -> NDArray[np.floating] | None:
    """Vertex normals: the cloud's own, else from its faces."""
    if points.normals is not None or points.faces is None:
        return points.normals
    corners = points.xyz[points.faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points.xyz)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(points.faces[:, corner], face_normals[:, axis], len(points))
    return normals
