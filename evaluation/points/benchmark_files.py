"""Predictions as ScanNet's benchmark takes them: SCENE.txt, a label id a line, vertices in the dataset's own order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.files import replacing
from ...core.names import file_name
from ...core.number_lines import read_whole_numbers
from ..labels.label_set import LabelSet

_NO_CLASS = (-100, -1, 255)  # what tools write for a point without a class


def prediction_path(folder: Path, scene: str) -> Path:
    """The file of that scene."""
    return folder / file_name(scene, ".txt")


def write_prediction(path: Path, index: NDArray[np.integer], label_set: LabelSet) -> None:
    """`index` (N,) classes; points without one (-1) get the id that the dataset has for none, or one no class has."""
    ids = np.array([*(each.id for each in label_set.classes), no_class_id(label_set)])
    with replacing(path) as part:
        part.write_text("\n".join(map(str, ids[index].tolist())) + "\n", encoding="ascii")


def read_prediction(path: Path, point_count: int, label_set: LabelSet) -> NDArray[np.int32]:
    """(N,) classes, -1 for ids that are none of the set's; BadInput unless there are `point_count` whole numbers."""
    return classes_of_ids(read_whole_numbers(path, point_count, "label id"), label_set)


def classes_of_ids(ids: NDArray[np.int64], label_set: LabelSet) -> NDArray[np.int32]:
    """(N,) classes of label ids, -1 for ids that are none of the set's."""
    known = np.array([each.id for each in label_set.classes])
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], ids), len(known) - 1)
    return np.where(known[order][place] == ids, order[place], -1).astype(np.int32)


def classes_by_number(ids: NDArray[np.int64], label_set: LabelSet) -> NDArray[np.int32] | None:
    """(N,) the same where the numbers are not label ids but count the classes from 0; None where they cannot."""
    none = np.isin(ids, [value for value in (*_NO_CLASS, label_set.ignore_id) if value is not None])
    number = (ids >= 0) & (ids < len(label_set.classes))
    return np.where(number, ids, -1).astype(np.int32) if (number | none).all() else None


def no_class_id(label_set: LabelSet) -> int:
    """What a file says of a point without a class."""
    ids = {each.id for each in label_set.classes}
    wanted = (label_set.ignore_id, 0, -1)
    return next((value for value in wanted if value is not None and value not in ids), min(ids) - 1)
