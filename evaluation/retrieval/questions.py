"""What is asked of a collection of scenes: the names of rare labels, words for what is not there, pictures.

`points` are (C, S) everywhere: how many of each class each scene holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.wording import short_list
from ...store.search.probability import near_synonyms
from ..labels.label_set import LabelSet
from .picture_list import Picture

By = Literal["name", "picture"]
SHOWN: dict[By, str] = {"name": "name", "picture": "image"}  # as tables say it
Weigh = Callable[[str], tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]]  # background, rivals of words
Texts = Callable[[Sequence[str]], tuple[NDArray[np.float32], list[int]]]  # vectors of known texts, their positions


@dataclass(frozen=True)
class RetrievalQuestion:
    """One question as a vector."""

    text: str  # the words, or the picture and its box
    by: By
    label: int | None  # the class that answers it; None when no scene holds what is asked
    vector: NDArray[np.float32]  # (dim,) unit length
    background: NDArray[np.float32] | None = None  # (B, dim) what its probability is weighed against
    rivals: NDArray[np.float32] | None = None  # (R, dim) as well: the same in other colours
    scene: str | None = None  # where the picture was taken


@dataclass(frozen=True)
class Asked:
    """Questions, and what a reader has to know of those that were not asked."""

    questions: tuple[RetrievalQuestion, ...]
    notes: tuple[str, ...] = ()


def tenth(scenes: int) -> int:
    """A tenth of so many scenes, at least one."""
    return max(1, scenes // 10)


def rare(points: NDArray[np.int64], most_scenes: int) -> NDArray[np.bool_]:
    """(C,) the classes that some scene holds, and at most so many."""
    scenes = (points > 0).sum(axis=1)
    return np.asarray((scenes > 0) & (scenes <= most_scenes))


def by_name(
    label_set: LabelSet,
    points: NDArray[np.int64],
    most_scenes: int,
    texts: Texts,
    weigh: Weigh,
) -> Asked:
    """Each rare label by the first of its class's texts."""
    classes = np.flatnonzero(rare(points, most_scenes)).tolist()
    asked, known = _ask([label_set.classes[index].texts[0] for index in classes], texts, weigh)
    return Asked(
        tuple(replace(each, label=classes[place]) for place, each in zip(known, asked.questions, strict=True)),
        asked.notes,
    )


def absent(words: Sequence[str], texts: Texts, weigh: Weigh) -> Asked:
    """Words for what no scene holds."""
    return _ask(words, texts, weigh)[0]


def require_absent(words: Sequence[str], label_set: LabelSet, points: NDArray[np.int64]) -> None:
    """BadInput for words that name labels which scenes hold."""
    if held := [word for word in words if _held(word, label_set, points)]:
        raise BadInput(f"Not absent, because scenes hold {short_list(held, 20)}: leave these words out of --absent.")


def unheld(words: Sequence[str], label_set: LabelSet, points: NDArray[np.int64], texts: Texts) -> list[str]:
    """Those of some everyday words that are known, and neither name what a scene holds nor mean nearly the same."""
    candidates = [word for word in words if not _held(word, label_set, points)]
    vectors, known = texts(candidates)
    held = [label_set.classes[index].texts[0] for index in np.flatnonzero(points.any(axis=1))]
    same = np.zeros(len(known), bool)
    for vector in texts(held)[0]:
        same |= near_synonyms(vector, vectors)
    return [candidates[place] for place, synonym in zip(known, same.tolist(), strict=True) if not synonym]


def by_picture(
    pictures: Sequence[Picture],
    label_set: LabelSet,
    points: NDArray[np.int64],
    most_scenes: int,
    vector: Callable[[Picture], NDArray[np.float32]],
    all_named: bool,
) -> Asked:
    """Each picture of a rare label, and of what no scene holds.

    With `all_named`, every label of the scenes is a class, so that another label is one that no scene holds.
    """
    wanted = rare(points, most_scenes)
    questions: list[RetrievalQuestion] = []
    common: list[str] = []
    unknown: list[str] = []
    for picture in pictures:
        index = label_set.index_of(picture.label)
        known = index is not None and index >= 0
        if not known and not all_named:
            unknown.append(str(picture))
        elif known and points[index].any() and not wanted[index]:
            common.append(str(picture))
        else:
            label = index if known and wanted[index] else None
            questions.append(RetrievalQuestion(str(picture), "picture", label, vector(picture), scene=picture.scene))
    return Asked(
        tuple(questions),
        (
            *_not_asked(common, f"their label is in more than {most_scenes} of {points.shape[1]} scenes"),
            *_not_asked(unknown, f"{label_set.name} has no class for their label"),
        ),
    )


def _ask(words: Sequence[str], texts: Texts, weigh: Weigh) -> tuple[Asked, list[int]]:
    """A question for each known word, and the positions of those."""
    vectors, known = texts(words)
    unknown = [word for place, word in enumerate(words) if place not in set(known)]
    questions = tuple(
        RetrievalQuestion(words[place], "name", None, vector, *weigh(words[place]))
        for place, vector in zip(known, vectors, strict=True)
    )
    return Asked(questions, _not_asked(unknown, "the encoder does not know the words")), known


def _not_asked(names: Sequence[str], why: str) -> tuple[str, ...]:
    return (f"Not queried, because {why}: {short_list(names)}.",) if names else ()


def _held(word: str, label_set: LabelSet, points: NDArray[np.int64]) -> bool:
    """Whether a scene holds what the word names."""
    index = label_set.index_of(word)
    return index is not None and index >= 0 and bool(points[index].any())
