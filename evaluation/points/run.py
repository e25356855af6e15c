"""An evaluation: every scene held against its own labels, and a report on all."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.wording import counted
from ...store.catalog import catalog
from ...store.catalog.catalog import SceneInfo
from ...store.postgres.database import Database
from ..labels.label_set import LabelSet
from ..scenes import truth_of
from ..wording import left_out, unknown_labels
from .decide import fill_from_nearest
from .evaluated import EvaluatedFeatures, EvaluatedFiles, Prediction
from .metrics import confusion
from .protocol import Protocol
from .report import PointReport, SceneCounts


@dataclass(frozen=True)
class PointEvaluation:
    """One scene, for those who keep more of it than counts; points are in the store's order."""

    scene: SceneInfo
    truth: NDArray[np.int32]  # (N,) classes, -1 where the point does not count
    predicted: NDArray[np.int32]  # (N,) classes, -1 for none
    prediction: Prediction  # as it was before points without a prediction got one


def evaluate(
    store: Database,
    evaluated: EvaluatedFeatures | EvaluatedFiles,
    label_set: LabelSet,
    protocol: Protocol,
    keep: Callable[[PointEvaluation], None] = lambda outcome: None,
) -> PointReport:
    """Scenes without a point that counts are left out with a note; NotFound when all are."""
    done = []
    bare = []
    unknown: Counter[str] = Counter()
    numbered: list[NDArray[np.int64]] = []
    for scene in evaluated.scenes:
        truth = truth_of(store, scene, label_set)
        if truth is None:
            bare.append(scene.full_name)
            continue
        unknown.update({use.label: use.point_count for use in truth.uses if use.index is None})
        prediction = evaluated.predict(scene)
        if prediction.by_number is not None:
            numbered.append(confusion(truth.index, prediction.by_number, len(label_set.classes)))
        predicted = prediction.index
        if protocol.unpredicted == "nearest" and (predicted < 0).any():
            predicted = fill_from_nearest(predicted, catalog.points_file(store, scene).xyz())
        counts = confusion(truth.index, predicted, len(label_set.classes))
        unseen = None
        if prediction.seen is not None:
            unseen = confusion(np.where(prediction.seen, -1, truth.index), predicted, len(label_set.classes))
        done.append(SceneCounts(scene.full_name, scene.point_count, counts, unseen))
        keep(PointEvaluation(scene, truth.index, predicted, prediction))
    if not done:
        raise NotFound(
            f"No point of {counted(len(bare), 'scene')} has a label that is a class of {label_set.name}. "
            f"See: ovstore labels map {label_set.name} --all"
        )
    notes = (
        *evaluated.notes,
        *left_out(bare, f"a point whose label is a class of {label_set.name}"),
        *unknown_labels(label_set, unknown),
        *_class_numbers(label_set, [scene.counts for scene in done], numbered),
    )
    return PointReport(evaluated.title, label_set, protocol, evaluated.asked_with, tuple(done), notes)


def _class_numbers(
    label_set: LabelSet, by_id: list[NDArray[np.int64]], by_number: list[NDArray[np.int64]]
) -> tuple[str, ...]:
    """A hint that files hold numbers of classes where label ids are expected: more points would be right."""
    if len(by_number) < len(by_id):
        return ()
    wrongly, rightly = (np.sum(counts, axis=0) for counts in (by_id, by_number))
    if rightly.trace() <= wrongly.trace():
        return ()
    last = label_set.classes[-1]
    return (
        f"The files seem to contain class numbers, 0 to {len(label_set.classes) - 1}, instead of label ids: read "
        f"that way, {rightly.trace() / rightly.sum():.1%} of the points would be right instead of "
        f"{wrongly.trace() / wrongly.sum():.1%}. The label ids of {label_set.name} are the dataset's own, such as "
        f"{last.id} for {last.name}, which is class {len(label_set.classes) - 1}.",
    )
