"""The feature sets that a person chose, asked with the words of a label set."""

from collections.abc import Sequence

from ..evaluation.labels.label_set import LabelSet
from ..evaluation.points.evaluated import EvaluatedFeatures
from ..evaluation.sources import choose
from ..evaluation.wording import left_out
from ..query.encode import encoder_of
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from .class_texts import class_texts


def evaluated_features(
    store: Database,
    scenes: Sequence[SceneInfo],
    wanted: str | None,
    label_set: LabelSet,
    templates: str | None,
    openscene: bool = False,
) -> EvaluatedFeatures:
    """What `wanted` means in those of the scenes that have it; with `openscene`, asked and rounded as it does."""
    chosen = choose(store, scenes, wanted)
    first = next(iter(chosen.sets.values()))[0]
    encoder = encoder_of(first.recipe, first.space, store=store)
    prompted = class_texts(encoder, label_set, openscene, templates)
    return EvaluatedFeatures(
        store,
        tuple(scene for scene in scenes if scene.id in chosen.sets),
        chosen,
        prompted.texts,
        prompted.asked_with,
        (*prompted.notes, *left_out(chosen.without, f"features {chosen.title}")),
    )
