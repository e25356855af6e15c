"""The words of a label set as vectors of the encoder that a feature set was made with, as a protocol asks for them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.wording import short_list
from ..evaluation.labels.label_set import LabelSet
from ..evaluation.points.decide import ClassTexts
from ..evaluation.points.protocol import asked_texts, misnamed
from ..query.encode import Encoder
from ..query.templates import asked_with, known_texts, takes_templates, with_templates


@dataclass(frozen=True)
class Prompted:
    """Vectors of classes, and what was asked."""

    texts: ClassTexts
    asked_with: str
    notes: tuple[str, ...]


def class_texts(encoder: Encoder, label_set: LabelSet, openscene: bool, templates: str | None) -> Prompted:
    """With `openscene`, its rounding, and its prompts unless `templates` are given; UnknownWords for none known."""
    takes = takes_templates(encoder)
    if templates is None and openscene and takes:
        templates = "openscene"
    prompted = encoder if templates is None else with_templates(encoder, templates)
    bare = with_templates(encoder, "plain") if takes else encoder
    asked = asked_texts(label_set, openscene)
    vectors: dict[int, NDArray[np.float32]] = {}
    for asking, whole in ((prompted, False), (bare, True)):
        positions = [position for position, each in enumerate(asked) if each.bare == whole]
        rows, known = known_texts(asking, [asked[position].text for position in positions])
        vectors |= {positions[place]: row for place, row in zip(known, rows, strict=True)}
    if not vectors:
        encoder.texts([each.text for each in asked])  # says what it knows
    found = sorted(vectors)
    index = np.array([asked[position].index for position in found], np.intp)
    notes = []
    if silent := [each.name for i, each in enumerate(label_set.classes) if i not in set(index.tolist())]:
        notes.append(
            f"{encoder.name} does not know the words of these classes, which it never predicts: "
            f"{short_list(silent, 12)}."
        )
    if openscene and (slip := misnamed(label_set)) is not None:
        notes.append(f"As in OpenScene, {label_set.classes[slip].name!r} is queried as 'other'.")
    sentences = asked_with(prompted)
    if any(each.bare for each in asked) and takes:
        sentences += ", but 'other' unchanged"
    return Prompted(ClassTexts(np.stack([vectors[each] for each in found]), index, openscene), sentences, tuple(notes))
