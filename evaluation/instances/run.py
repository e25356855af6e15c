"""An evaluation by instances: every scene's masks held against its own objects, and a report on all."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...core.errors import NotFound
from ...core.wording import counted
from ...store.catalog import catalog
from ...store.postgres.database import Database
from ..labels.label_map import map_labels
from ..labels.label_set import LabelSet
from ..wording import left_out, unknown_labels
from .evaluated import EvaluatedMasks, EvaluatedRegions, Scan
from .instances import instances_of
from .report import InstanceReport, SceneOverlap


def evaluate(
    store: Database,
    evaluated: EvaluatedRegions | EvaluatedMasks,
    label_set: LabelSet,
    min_points: int,
    keep: Callable[[Scan], None] = lambda scan: None,
) -> InstanceReport:
    """Scenes without an instance of a thing are left out with a note; NotFound when all are."""
    done = []
    bare = []
    unknown: Counter[str] = Counter()
    for scene in evaluated.source.scenes:
        held = catalog.load_points(store, scene.id)
        points = held.points
        if points.labels is None or points.instances is None:
            bare.append(scene.full_name)
            continue
        labels = map_labels(label_set, points.labels, points.label_names)
        unknown.update({use.label: use.point_count for use in labels.uses if use.index is None})
        instances = instances_of(labels.index, points.instances, label_set.things)
        if not len(instances.index):
            bare.append(scene.full_name)
            continue
        scan = Scan(scene, held, instances)
        done.append(SceneOverlap(scene.full_name, evaluated.overlap(scan)))
        keep(scan)
    if not done:
        raise NotFound(
            f"No object of {counted(len(bare), 'scene')} is an instance of a class of {label_set.name}. See: "
            f"ovstore labels map {label_set.name} --all"
        )
    claimed = np.concatenate([scene.overlap.claims.index for scene in done])
    notes = (
        *evaluated.source.notes,
        *_no_classes(label_set, claimed),
        *left_out(bare, f"an instance of a class of {label_set.name}"),
        *unknown_labels(label_set, unknown),
    )
    return InstanceReport(evaluated.title, label_set, min_points, evaluated.source.asked_with, tuple(done), notes)


def _no_classes(label_set: LabelSet, claimed: NDArray[np.int32]) -> tuple[str, ...]:
    """A hint where masks are of none of the classes, as when files number classes from 0."""
    count, last = int((claimed < 0).sum()), label_set.classes[-1]
    if not count:
        return ()
    return (
        f"{count:,} of {len(claimed):,} masks have a label id that is no class of {label_set.name}; its label ids "
        f"are the dataset's own, such as {last.id} for {last.name}, not class numbers from 0.",
    )
