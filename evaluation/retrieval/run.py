"""Retrieval: how well rare things are found among all scenes, by what stands for a scene."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.features import LEVELS, Level
from ..labels.label_set import LabelSet
from . import region_answers, scene_scores
from .collection import Collection
from .questions import RetrievalQuestion
from .ranking import first_rank
from .region_answers import RegionAnswer
from .scene_scores import Method
from .things import find_things


@dataclass(frozen=True)
class Answered:
    """One question, its truth, and all answers."""

    question: RetrievalQuestion
    holds: NDArray[np.bool_]  # (S,) the scenes that hold what is asked; none for what is absent
    points: int  # of the largest thing that is asked for
    seen: int  # points of all things that are asked for which have a vector
    scores: dict[Method, NDArray[np.float32]]  # (S,) how well each scene answers, -inf for one that cannot
    regions: dict[Level, RegionAnswer]
    taken_in: NDArray[np.bool_]  # (S,) the scene that the picture is of; none for words

    def rank(self, method: Method) -> int:
        """The place of the first scene that holds what is asked."""
        return first_rank(self.scores[method], self.holds)

    @property
    def others(self) -> int:
        """How many scenes hold what a picture shows, that which it was taken in left out; 0 for words."""
        return int((self.holds & ~self.taken_in).sum()) if self.taken_in.any() else 0

    def rank_of_others(self, method: Method) -> int:
        """The place of the first of these among all scenes but that one; there has to be one."""
        left = ~self.taken_in
        return first_rank(self.scores[method][left], self.holds[left])


def retrieve(
    collection: Collection,
    label_set: LabelSet,
    points: NDArray[np.int64],
    questions: Sequence[RetrievalQuestion],
    step: Callable[[], None] = lambda: None,
) -> list[Answered]:
    """The answers, in the order of the questions; `points` (C, S) are of each class in each scene.

    `step` hears of each scene, and of each question twice.
    """
    vectors = np.stack([question.vector for question in questions])
    wanted = np.zeros(len(points), bool)
    wanted[[question.label for question in questions if question.label is not None]] = True
    scores: dict[Method, list[NDArray[np.float32]]] = defaultdict(list)
    for features in collection.sets:
        of_scene = scene_scores.by_scene_vectors(collection.store, features, vectors)
        of_scene |= scene_scores.by_points(collection.store, features, vectors)
        for method, row in of_scene.items():
            scores[method].append(row)
        step()
    things = find_things(collection.store, collection.scenes, collection.sets, label_set, wanted)
    regions = {level: region_answers.answers(collection, level, label_set, things, questions, step) for level in LEVELS}
    answered = []
    for number, question in enumerate(questions):
        own = things.rows(-1 if question.label is None else question.label)
        by_method: dict[Method, NDArray[np.float32]] = {
            method: np.array([row[number] for row in rows]) for method, rows in scores.items()
        }
        by_method |= {
            "superpoints": regions["superpoint"][number].scenes, "objects": regions["object"][number].scenes
        }  # fmt: skip
        answered.append(
            Answered(
                question,
                np.zeros(points.shape[1], bool) if question.label is None else points[question.label] > 0,
                int(things.points[own].max(initial=0)),
                int(things.seen[own].sum()),
                by_method,
                {level: regions[level][number] for level in LEVELS},
                np.array([question.scene in (scene.name, scene.full_name) for scene in collection.scenes]),
            )
        )
    return answered
