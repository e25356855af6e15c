"""What Matterport3D says its points are: the categories of faces, and the table that names and groups them.

The faces of a region carry a category_id, a row's `index` in metadata/category_mapping.tsv. OpenScene evaluates on sets
of classes derived from that table (openscene.md 1.3 and Appendix H):

    21           by nyu40id: ScanNet's 20 classes, and the ceiling
    40, 80, 160  the first so many names of the column nyuClass, in the order of the rows
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.whole import read_text
from ..scannet.nyu40 import NYU40

LabelSet = Literal["raw", "21", "40", "80", "160"]
TABLE = "category_mapping.tsv"
MAX_BYTES = 1 << 24  # the release's has 156 kB

_NYU40_IDS = (*range(1, 13), 14, 16, 24, 28, 33, 34, 36, 39, 22)  # of the 21 classes, in their order
_NO_CLASS = ("", "void", "unknown")
_COLUMNS = ("index", "raw_category", "nyu40id", "nyuClass")


@dataclass(frozen=True)
class Category:
    """A row of the table."""

    index: int  # what faces carry
    raw_category: str  # as the annotator wrote it
    nyu40id: str  # may be empty
    nyu_class: str  # may be empty


def read_categories(path: Path) -> tuple[Category, ...]:
    """The rows of a category_mapping.tsv, in their order."""
    head, *lines = read_text(path, MAX_BYTES).split("\n")
    columns = head.split("\t")
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise BadScene(f"{path}: no column {', '.join(missing)}; a table with tabs between {', '.join(_COLUMNS)} ...")
    places = [columns.index(name) for name in _COLUMNS]
    categories = []
    for number, line in enumerate(lines, start=2):
        fields = line.split("\t")
        if fields == [""]:
            continue
        if len(fields) != len(columns):
            raise BadScene(f"{path}, line {number}: {len(fields)} fields between tabs; the head has {len(columns)}")
        index, raw_category, nyu40id, nyu_class = (fields[place] for place in places)
        if not re.fullmatch("[1-9][0-9]{0,8}", index):
            raise BadScene(f"{path}, line {number}: the index {index[:20]!r} is not a whole number from 1 to 999999999")
        categories.append(Category(int(index), raw_category, nyu40id, nyu_class))
    if len({category.index for category in categories}) != len(categories) or not categories:
        raise BadScene(f"{path}: no rows, or two with the same index")
    return tuple(categories)


def label_set(categories: tuple[Category, ...], name: LabelSet) -> tuple[dict[int, int], dict[int, str]]:
    """Category index -> label, for the categories that have one; and label -> name.

    Raw labels are the indices themselves; those of a set count from 0.
    """
    if name == "raw":
        return {c.index: c.index for c in categories}, {c.index: c.raw_category for c in categories}
    if name == "21":
        names = ["other" if number == 39 else NYU40[number] for number in _NYU40_IDS]
        of_nyu40 = {str(number): label for label, number in enumerate(_NYU40_IDS)}
        return {c.index: of_nyu40[c.nyu40id] for c in categories if c.nyu40id in of_nyu40}, dict(enumerate(names))
    names = list(dict.fromkeys(c.nyu_class for c in categories if c.nyu_class not in _NO_CLASS))[: int(name)]
    label = {class_name: number for number, class_name in enumerate(names)}
    return {c.index: label[c.nyu_class] for c in categories if c.nyu_class in label}, dict(enumerate(names))


def vote(faces: NDArray[np.int32], of_face: NDArray[np.int64], point_count: int) -> NDArray[np.int32]:
    """(N,) what most of the faces (F, 3) around each point have of (F,) labels; of several the smallest.

    -1 is none. It takes part: where as many faces have none as have a label, the point has none, as has one that is in
    no face.
    """
    values, code = np.unique(of_face, return_inverse=True)
    pair, count = np.unique(faces.astype(np.int64) * len(values) + code[:, None], return_counts=True)
    point, code = np.divmod(pair, max(len(values), 1))
    order = np.lexsort((code, -count, point))
    winner, first = np.unique(point[order], return_index=True)
    voted = np.full(point_count, -1, np.int32)
    voted[winner] = values[code[order][first]]
    return voted
