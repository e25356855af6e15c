"""Labels as OpenScene's files count them."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..core.scene import PointCloud

log = logging.getLogger(__name__)

_LABEL_SETS = {"scannet": "scannet20", "matterport": "matterport21", "nuscenes": "nuscenes16"}
_MOST = 255


def classes_of(
    points: "PointCloud", kind: str, numbered: bool = False
) -> "tuple[NDArray[np.integer], Mapping[int, str] | None]":
    """(N,) the class of each point, -1 for none, and the classes' names where OpenScene has none for them.

    Labels of a kind that has classes are mapped to them, unless they are `numbered` so already; others keep their own
    numbers, or get new ones from 0 where these do not fit a byte.
    """
    import numpy as np

    from ..core.errors import BadScene
    from ..evaluation.labels.label_files import load
    from ..evaluation.labels.label_map import map_labels

    if points.labels is None:
        return np.full(len(points), -1, np.int32), None
    if kind in _LABEL_SETS and not numbered:
        mapped = map_labels(load(_LABEL_SETS[kind]), points.labels, points.label_names)
        if unknown := [use.label for use in mapped.uses if use.index is None]:
            shown = ", ".join(unknown[:5])
            log.warning(
                "%d labels that %s does not know are treated as no label: %s", len(unknown), _LABEL_SETS[kind], shown
            )
        return mapped.index, None
    known, place = np.unique(points.labels, return_inverse=True)
    new = np.where(known < 0, -1, known)
    if known.max() >= _MOST:
        new = np.where(known < 0, -1, np.cumsum(known >= 0) - 1)
    if new.max() >= _MOST:
        raise BadScene(f"{new.max() + 1} labels; OpenScene's files have room for {_MOST}")
    names = {
        int(number): points.label_names.get(int(label), f"label {label}")
        for number, label in zip(new, known, strict=True)
        if number >= 0
    }
    return new[place.reshape(-1)].astype(np.int32), names
