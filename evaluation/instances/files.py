"""Instances as ScanNet's benchmark takes them (core/instance_lists.py): what regions claim, and what masks do."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.files import replacing
from ...core.instance_lists import ListedMask
from ...core.names import file_name
from ..labels.label_set import LabelSet
from ..points.benchmark_files import prediction_path
from .instances import Claims

_MASKS = "predicted_masks"


def write_instances(
    folder: Path, scene: str, of_point: NDArray[np.integer], claims: Claims, label_set: LabelSet
) -> None:
    """`of_point` (N,) is the mask of each point in the dataset's own order, -1 for none.

    The list comes last and an old one goes first: a list names masks that are whole.
    """
    listing = prediction_path(folder, scene)
    lines = []
    try:
        listing.unlink(missing_ok=True)
        (folder / _MASKS).mkdir(exist_ok=True)
        for row, (index, confidence) in enumerate(zip(claims.index.tolist(), claims.confidence.tolist(), strict=True)):
            name = f"{_MASKS}/{file_name(scene, f'_{row:03d}.txt')}"
            (folder / name).write_bytes(_as_text(of_point == row))
            lines.append(f"{name} {label_set.classes[index].id} {confidence!r}\n")
    except OSError as error:
        raise BadInput(f"{folder / _MASKS} cannot be written: {error.strerror or error}.") from error
    with replacing(listing) as part:
        part.write_text("".join(lines), encoding="utf-8")


def claims_of(listed: Sequence[ListedMask], label_set: LabelSet) -> Claims:
    """Label ids as classes, -1 for those that are none."""
    index = {each.id: i for i, each in enumerate(label_set.classes)}
    return Claims(
        np.array([index.get(each.label_id, -1) for each in listed], np.int32),
        np.array([each.confidence for each in listed], np.float64),
    )


def _as_text(inside: NDArray[np.bool_]) -> bytes:
    lines = np.full((len(inside), 2), ord("\n"), np.uint8)
    lines[:, 0] = ord("0") + inside
    return lines.tobytes()
