"""What may be said of where a thing stands: predicates with their landmarks, NOT, AND, OR, and one choice of many."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...core.annotated import check_fields
from ...core.errors import Misused
from ...store.search.relations import predicates
from ...store.search.relations.shapes import Shape

MOST_LANDMARKS = 16
DEEPEST = 20  # expressions inside one another


class Predicate:
    """Something said of a thing and one landmark, or two."""

    says: ClassVar[str]  # the words of the grammar
    measure: ClassVar[Callable[..., float]]

    def __post_init__(self) -> None:
        check_fields(self)
        for words in self.landmarks:
            if not words.strip():
                raise Misused(f"The landmark of {self.says!r} has no words.")

    @property
    def landmarks(self) -> tuple[str, ...]:
        """The words for each, which a search finds."""
        raise NotImplementedError

    @property
    def seen_by(self) -> str | None:
        """The frame whose camera is the viewer, where the predicate needs one."""
        return None

    def grade(self, thing: Shape, landmarks: Sequence[Shape], viewer: NDArray[np.float64] | None = None) -> float:
        """0 to 1; it holds from one half on."""
        return type(self).measure(thing, *landmarks)

    def __str__(self) -> str:
        return f"{self.says} {_and(self.landmarks)}"


@dataclass(frozen=True)
class _OfOne(Predicate):
    landmark: str

    @property
    def landmarks(self) -> tuple[str, ...]:
        return (self.landmark,)

    __str__ = Predicate.__str__


@dataclass(frozen=True)
class _Within(_OfOne):
    within: float = predicates.NEAR  # metres

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.within < np.inf:
            raise Misused(f"The distance of {self.says!r} is {self.within:g}; a positive number of metres is needed.")

    def grade(self, thing: Shape, landmarks: Sequence[Shape], viewer: NDArray[np.float64] | None = None) -> float:
        return type(self).measure(thing, *landmarks, self.within)

    def __str__(self) -> str:
        return super().__str__() + ("" if self.within == predicates.NEAR else f" within {self.within:g}")


@dataclass(frozen=True)
class _Seen(_OfOne):
    seen_from: str  # FRAME, or SCENE:FRAME

    @property
    def seen_by(self) -> str | None:
        return self.seen_from

    def grade(self, thing: Shape, landmarks: Sequence[Shape], viewer: NDArray[np.float64] | None = None) -> float:
        return 0.0 if viewer is None else type(self).measure(thing, *landmarks, viewer)

    def __str__(self) -> str:
        return f"{super().__str__()} seen from {quoted(self.seen_from)}"


class Near(_Within):
    """The closest points of the two are no more than `within` metres apart."""

    says, measure = "near", staticmethod(predicates.near)


class Beside(_Within):
    """Near, at a common height, and neither on nor under the other."""

    says, measure = "beside", staticmethod(predicates.beside)


class On(_OfOne):
    """The thing stands on the landmark."""

    says, measure = "on", staticmethod(predicates.on)


class Under(_OfOne):
    """Something of the landmark is over the thing."""

    says, measure = "under", staticmethod(predicates.under)


class Above(_OfOne):
    """All of the thing is higher than all of the landmark."""

    says, measure = "above", staticmethod(predicates.above)


class Below(_OfOne):
    """All of the thing is lower than all of the landmark."""

    says, measure = "below", staticmethod(predicates.below)


class Inside(_OfOne):
    """Most of the thing's points lie in the box of the landmark."""

    says, measure = "inside", staticmethod(predicates.inside)


@dataclass(frozen=True)
class Between(Predicate):
    """The thing stands beside the line from one landmark to another."""

    first: str
    second: str

    says, measure = "between", staticmethod(predicates.between)

    @property
    def landmarks(self) -> tuple[str, ...]:
        return (self.first, self.second)

    __str__ = Predicate.__str__


class LeftOf(_Seen):
    """To the left of the landmark, seen from the camera of a frame."""

    says, measure = "left of", staticmethod(predicates.left_of)


class RightOf(_Seen):
    """To the right of the landmark, seen from the camera of a frame."""

    says, measure = "right of", staticmethod(predicates.right_of)


class InFrontOf(_Seen):
    """On the near side of the landmark, seen from the camera of a frame."""

    says, measure = "in front of", staticmethod(predicates.in_front_of)


class Behind(_Seen):
    """On the far side of the landmark, seen from the camera of a frame."""

    says, measure = "behind", staticmethod(predicates.behind)


@dataclass(frozen=True)
class Not:
    """The relation does not hold."""

    relation: "Relation"

    def __post_init__(self) -> None:
        check_fields(self)

    def __str__(self) -> str:
        return f"not {_bracketed(self.relation)}"


@dataclass(frozen=True, init=False)
class And:
    """All of the relations hold."""

    relations: tuple["Relation", ...]

    def __init__(self, *relations: "Relation") -> None:
        object.__setattr__(self, "relations", relations)
        check_fields(self)
        _require_some(self.relations, "And")

    def __str__(self) -> str:
        return " and ".join(map(_bracketed, self.relations))


@dataclass(frozen=True, init=False)
class Or:
    """One of the relations or more hold."""

    relations: tuple["Relation", ...]

    def __init__(self, *relations: "Relation") -> None:
        object.__setattr__(self, "relations", relations)
        check_fields(self)
        _require_some(self.relations, "Or")

    def __str__(self) -> str:
        return " or ".join(map(_bracketed, self.relations))


@dataclass(frozen=True)
class Choice:
    """One thing, or a place in an order, of all that answer and stand where they should."""

    nth: int = 1
    says: ClassVar[str]

    def __post_init__(self) -> None:
        check_fields(self)
        if self.nth < 1:
            raise Misused(f"The place in the order of {self.says!r} is {self.nth}; 1 or more was expected.")

    @property
    def landmarks(self) -> tuple[str, ...]:
        """The words for what distances are measured to."""
        return ()

    def __str__(self) -> str:
        return self.says + ("" if self.nth == 1 else f" (number {self.nth})")


class Largest(Choice):
    """The one with the longest diagonal."""

    says = "largest"


class Smallest(Choice):
    """The one with the shortest diagonal."""

    says = "smallest"


class Highest(Choice):
    """The one whose middle is highest above the lowest point of its scene."""

    says = "highest"


class Lowest(Choice):
    """The one whose middle is lowest above the lowest point of its scene."""

    says = "lowest"


@dataclass(frozen=True)
class _ByDistance(Choice):
    nth: int = 1
    landmark: str = ""

    def __init__(self, landmark: str, nth: int = 1) -> None:
        object.__setattr__(self, "landmark", landmark)
        object.__setattr__(self, "nth", nth)
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.landmark.strip():
            raise Misused(f"The landmark of {self.says!r} has no words.")

    @property
    def landmarks(self) -> tuple[str, ...]:
        return (self.landmark,)

    def __str__(self) -> str:
        return f"{self.says} {quoted(self.landmark)}" + ("" if self.nth == 1 else f" (number {self.nth})")


class NearestTo(_ByDistance):
    """The one that is closest to a landmark of its scene."""

    says = "nearest to"


class FarthestFrom(_ByDistance):
    """The one that is farthest from the landmarks of its scene."""

    says = "farthest from"


Relation = Predicate | Not | And | Or | Choice


def split(relations: Sequence[Relation]) -> tuple[And | None, Choice | None]:
    """What has to hold, and the one choice among what is left; Misused for what makes no sense together."""
    choices = [relation for relation in relations if isinstance(relation, Choice)]
    if len(choices) > 1:
        raise Misused(f"A query can ask for one of its things, not for {_listed(choices)}: leave one out.")
    held = tuple(relation for relation in relations if not isinstance(relation, Choice))
    if not held:
        return None, choices[0] if choices else None
    whole = And(*held)
    for inner in held:
        if found := next((part for part in _walk(inner) if isinstance(part, Choice)), None):
            raise Misused(f"{found.says!r} chooses among all that answer: it cannot stand inside of not, and, or.")
    named = {words for predicate in predicates_of(whole) for words in predicate.landmarks}
    if len(named) > MOST_LANDMARKS:
        raise Misused(f"A query can name {MOST_LANDMARKS} landmarks; this one names {len(named)}.")
    _refuse_contradiction(held)
    return whole, choices[0] if choices else None


def predicates_of(relation: Relation) -> list[Predicate]:
    """All of them, in the order in which they are said."""
    return [part for part in _walk(relation) if isinstance(part, Predicate)]


def quoted(words: str) -> str:
    """As the grammar takes it: in quotes."""
    return f"'{words}'" if '"' in words else f'"{words}"'


def _walk(relation: Relation, depth: int = 0) -> Iterator[Relation]:
    if depth > DEEPEST:
        raise Misused(f"The relations are nested more than {DEEPEST} deep: say it more simply.")
    yield relation
    inner = relation.relations if isinstance(relation, And | Or) else ()
    for part in (relation.relation,) if isinstance(relation, Not) else inner:
        yield from _walk(part, depth + 1)


def _refuse_contradiction(relations: Sequence[Relation]) -> None:
    """Misused where the same is asked for and ruled out; in each alternative by itself."""
    flat: list[Relation] = []
    pending = list(reversed(relations))
    while pending:
        relation = pending.pop()
        if isinstance(relation, And):
            pending += reversed(relation.relations)
        elif isinstance(relation, Not) and isinstance(relation.relation, Not):
            pending.append(relation.relation.relation)
        elif isinstance(relation, Not) and isinstance(relation.relation, Or):
            pending += [Not(part) for part in reversed(relation.relation.relations)]
        else:
            flat.append(relation)
    for relation in flat:
        if isinstance(relation, Not) and relation.relation in flat:
            raise Misused(f"The relations contradict each other: {relation.relation} and {relation}.")
        for part in relation.relations if isinstance(relation, Or) else ():
            _refuse_contradiction([part])


def _require_some(relations: tuple[Relation, ...], name: str) -> None:
    if not relations:
        raise Misused(f"{name}() of no relations says nothing: give one or more.")


def _bracketed(relation: Relation) -> str:
    return f"({relation})" if isinstance(relation, And | Or) else str(relation)


def _and(landmarks: Sequence[str]) -> str:
    return " and ".join(map(quoted, landmarks))


def _listed(choices: Sequence[Choice]) -> str:
    return " and ".join(map(str, choices))
