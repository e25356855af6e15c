"""The points of a Matterport3D region: the vertices of its mesh, with what the faces around them say.

    region3.ply     vertex  x y z  nx ny nz  tx ty  red green blue
                    face    vertex_indices  material_id  segment_id  category_id

material_id is the segment of an over-segmentation (as in region3.fsegs.json), segment_id the object (objectId of
region3.semseg.json), category_id a row of category_mapping.tsv; -1 is none.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....core.scene import PointCloud
from ...files.clouds import as_cloud
from ...files.ply import read_ply
from .labels import TABLE, Category, LabelSet, label_set, vote


def read_region(path: Path, categories: tuple[Category, ...] | None, labels: LabelSet) -> tuple[PointCloud, list[str]]:
    """The points with normals, colours, labels, objects and segments, and findings.

    Without a table, raw labels are called by the number of their category.
    """
    ply = read_ply(path)
    points = replace(as_cloud(path, ply), labels=None, instances=None, segments=None)
    if ply.faces is None:
        return points, [f"{path.name} has no faces, which carry the labels"]
    columns, count = {name: _ids(column) for name, column in ply.face_columns.items()}, points.rows_in_file
    if "segment_id" in columns:
        points = replace(points, instances=points.of_file(vote(ply.faces, columns["segment_id"], count)))
    if "material_id" in columns:
        points = replace(points, segments=points.of_file(vote(ply.faces, columns["material_id"], count)))
    if "category_id" not in columns:
        return points, [f"{path.name} has faces without category_id: no labels"]
    category, findings = columns["category_id"], []
    category[category == 0] = -1
    known, code = np.unique(category, return_inverse=True)
    if categories is None:
        of_category = {index: index for index in known.tolist() if index > 0}
        names = {index: f"category {index}" for index in of_category}
        findings.append(f"no {TABLE}: labels are numbers of categories")
    else:
        of_category, names = label_set(categories, labels)
        in_table = {category.index for category in categories}
        if strange := [index for index in known.tolist() if index > 0 and index not in in_table]:
            findings.append(f"no row in {TABLE} for category {', '.join(map(str, strange[:5]))}: no label")
    label = np.array([of_category.get(index, -1) for index in known.tolist()], np.int64)
    voted = points.of_file(vote(ply.faces, label[code], count))
    if labels == "raw":
        names = {index: names[index] for index in np.unique(voted).tolist() if index >= 0}
    return replace(points, labels=voted, label_names=names), findings


def _ids(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """The column with -1 for what can be no number of anything."""
    return np.where((column >= 0) & (column < 1 << 31), column, -1)
