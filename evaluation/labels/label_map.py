"""A cloud's own labels as classes of a label set, and what did not fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .label_set import IGNORED, LabelSet


@dataclass(frozen=True)
class LabelUse:
    """What became of one label of a cloud."""

    label: str
    point_count: int
    index: int | None  # of its class; IGNORED when it belongs to none, None when the set does not know it


@dataclass(frozen=True)
class MappedLabels:
    """Points as classes."""

    index: NDArray[np.int32]  # (N,) of the class; -1 where there is none, whatever the reason
    uses: tuple[LabelUse, ...]  # a label of the cloud each, most points first
    unlabelled: int  # points without a label


def map_labels(label_set: LabelSet, labels: NDArray[np.integer], label_names: Mapping[int, str]) -> MappedLabels:
    """`labels` (N,) are keys of `label_names`, negative where a point has none."""
    keys, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    index = np.full(len(keys), IGNORED, np.int32)
    uses = []
    for row, (key, count) in enumerate(zip(keys.tolist(), counts.tolist(), strict=True)):
        if key < 0:
            continue
        label = label_names.get(key, f"{key} (without a name)")
        found = label_set.index_of(label)
        index[row] = IGNORED if found is None else found
        uses.append(LabelUse(label, count, found))
    uses.sort(key=lambda use: (-use.point_count, use.label))
    return MappedLabels(index[place.reshape(-1)], tuple(uses), int(counts[keys < 0].sum()))
