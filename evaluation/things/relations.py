"""Questions with a relation, drawn from what is true of a house, and how well they are answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .answers import FoundThing
from .measures import Overlap
from .rooms import FEWEST, Room

PREDICATES = ("on", "under", "below", "inside", "near", "beside", "between")
PER_HOUSE = 10  # questions of each predicate, at most
_EITHER_WAY = ("near", "beside")  # truth.json has each such pair once
_SEED = 41

Place = tuple[str, int]  # a scene, and one of its things


@dataclass(frozen=True)
class RelationQuestion:
    """Such as: bottle, on, ("table",)."""

    predicate: str
    target: str
    landmarks: tuple[str, ...]
    things: frozenset[Place]  # those of the target's name for which it is true


@dataclass(frozen=True)
class RelationFigures:
    """All questions of one predicate."""

    predicate: str
    questions: int
    wanted: int  # things that answer them
    returned: int  # hits that are called present
    true: int  # of these, those whose main thing answers
    found: int  # things that some hit shows

    @property
    def precision(self) -> float:
        """Of what is returned."""
        return self.true / self.returned if self.returned else float("nan")

    @property
    def recall(self) -> float:
        """Of what is wanted."""
        return self.found / self.wanted if self.wanted else float("nan")


def relation_questions(rooms: Mapping[str, Room], house: int) -> list[RelationQuestion]:
    """So many of each predicate, drawn from all that is true of a house, each with all things that answer it."""
    true: dict[tuple[str, str, tuple[str, ...]], set[Place]] = {}
    for scene, room in rooms.items():
        for predicate, target, landmarks in _true_in(room):
            named = tuple(room.truth.name[each] for each in landmarks)
            true.setdefault((predicate, room.truth.name[target], named), set()).add((scene, target))
    rng = np.random.default_rng([_SEED, house])
    found = []
    for predicate in PREDICATES:
        keys = sorted(key for key in true if key[0] == predicate)
        for k in sorted(rng.permutation(len(keys))[:PER_HOUSE].tolist()):
            found.append(RelationQuestion(predicate, keys[k][1], keys[k][2], frozenset(true[keys[k]])))
    return found


def _true_in(room: Room) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Predicate, thing and landmarks, all of different names and all seen well enough."""
    for predicate in PREDICATES:
        for thing, *landmarks in room.relations.get(predicate, ()):
            ways = [(thing, *landmarks)]
            if predicate in _EITHER_WAY:
                ways.append((landmarks[0], thing))
            for target, *others in ways:
                names = {room.truth.name[each] for each in (target, *others)}
                if len(names) == 1 + len(others) and min(room.truth.size[[target, *others]]) >= FEWEST:
                    yield predicate, target, tuple(sorted(others, key=lambda each: room.truth.name[each]))


def relation_figures(
    answered: Sequence[tuple[RelationQuestion, Sequence[FoundThing]]], rooms: Mapping[str, Room]
) -> tuple[RelationFigures, ...]:
    """Of all hits that are given with each question, predicate by predicate."""
    figures = []
    for predicate in PREDICATES:
        own = [(question, hits) for question, hits in answered if question.predicate == predicate]
        returned = true = found = 0
        for question, hits in own:
            mains = [(hit.scene, Overlap.of(rooms[hit.scene].truth, hit.superpoints).main) for hit in hits]
            returned += len(mains)
            true += sum(main in question.things for main in mains)
            found += len(question.things & set(mains))
        wanted = sum(len(question.things) for question, _ in own)
        figures.append(RelationFigures(predicate, len(own), wanted, returned, true, found))
    return tuple(each for each in figures if each.questions)
