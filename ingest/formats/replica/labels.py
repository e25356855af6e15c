"""What Replica's semantic mesh says of points: the object and class of each.

habitat/mesh_semantic.ply      each face has the `object_id` of what it belongs to
habitat/info_semantic.json     {"objects": [{"id": 7, "class_id": 20, "class_name": "chair", ...}, ...]}
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ....core.errors import BadScene
from ....core.scene import PointCloud
from ...files.clouds import read_cloud
from ...files.confined import Confined
from ...files.json_text import read_object
from ...files.ply import read_ply

MESH, INFO = "mesh_semantic.ply", "info_semantic.json"
REACH = 0.05  # metres; a point that lies farther from the semantic mesh has no label
_UNDEFINED = "undefined"  # the class of what its annotators could not name


@dataclass(frozen=True)
class Semantics:
    """The labelled vertices of a semantic mesh."""

    xyz: NDArray[np.float64]  # (V, 3) metres, in the world of the scene's other meshes
    instances: NDArray[np.int32]  # (V,) object ids; -1 for vertices without faces
    labels: NDArray[np.int32]  # (V,) Replica's class ids; -1 undefined
    label_names: dict[int, str]


def read_semantics(folder: Path, confined: Confined) -> Semantics:
    """The semantic mesh of a folder `habitat`."""
    mesh, info = confined(folder / MESH), confined(folder / INFO)
    cloud = read_cloud(mesh)
    instances = cloud.of_file(_vertex_objects(mesh, cloud.rows_in_file))
    objects, count = _objects(info)
    if (last := int(instances.max(initial=-1))) >= count:
        raise BadScene(f"{mesh}: object {last}, but {info} describes {count}: they do not belong to one scene")
    ids = np.array(sorted(objects), np.int64)
    classes = np.array([objects[i][0] for i in ids.tolist()], np.int32)
    place = np.minimum(np.searchsorted(ids, instances), len(ids) - 1)
    labels = np.where(ids[place] == instances, classes[place], -1).astype(np.int32)
    used = set(np.unique(labels).tolist())
    names = {number: name for number, name in sorted(objects.values()) if number in used and number >= 0}
    return Semantics(cloud.xyz, instances, labels, names)


def labelled(points: PointCloud, semantics: Semantics) -> tuple[PointCloud, str]:
    """The points with the labels of the nearest vertices within REACH, and a finding."""
    distance, row = KDTree(semantics.xyz).query(points.xyz, distance_upper_bound=REACH)
    near = np.isfinite(distance)
    row = np.where(near, row, 0)
    labels = np.where(near, semantics.labels[row], -1).astype(np.int32)
    instances = np.where(near, semantics.instances[row], -1).astype(np.int32)
    finding = f"labels: {(labels >= 0).mean():.0%} of the points have one, by the semantic mesh"
    return replace(points, labels=labels, instances=instances, label_names=semantics.label_names), finding


def _vertex_objects(path: Path, count: int) -> NDArray[np.int32]:
    """(V,) the object that most triangles at a vertex belong to, the lowest id where two have as many."""
    ply = read_ply(path)
    objects = ply.face_columns.get("object_id")
    if ply.faces is None or objects is None:
        raise BadScene(f"{path}: faces without a whole-number property 'object_id'; a semantic mesh has one")
    if len(objects) and not (objects.min() >= 0 and objects.max() < 1 << 31):
        raise BadScene(f"{path}: object ids from {objects.min()} to {objects.max()}; they are 0 to 2147483647")
    pairs, votes = np.unique(
        np.stack([ply.faces.ravel(), np.repeat(objects, 3)], axis=1), axis=0, return_counts=True
    )  # ascending by vertex, then by object
    best = np.lexsort((pairs[:, 1], -votes, pairs[:, 0]))
    vertex, first = np.unique(pairs[best, 0], return_index=True)
    result = np.full(count, -1, np.int32)
    result[vertex] = pairs[best[first], 1]
    return result


def _objects(path: Path) -> tuple[dict[int, tuple[int, str]], int]:
    """Object id -> class id (-1 where undefined) and class name; and how many ids there are, also of no object."""
    body = read_object(path)
    listed, every = body.get("objects"), body.get("id_to_label")
    if not isinstance(listed, list) or not listed:
        raise BadScene(f"{path}: no list 'objects' with anything in it")
    objects = dict(_object(path, entry) for entry in listed)
    return objects, max(len(every) if isinstance(every, list) else 0, max(objects) + 1)


def _object(path: Path, entry: Any) -> tuple[int, tuple[int, str]]:
    match entry:
        case {"id": int(number), "class_id": int(class_id), "class_name": str(name)} if (
            0 <= number < 1 << 31 and class_id < 1 << 31
        ):
            return number, (-1 if class_id < 0 or name == _UNDEFINED else class_id, name)
    raise BadScene(f"{path}: {str(entry)[:60]} is not an object with 'id', 'class_id' and 'class_name'")
