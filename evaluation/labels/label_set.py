"""Label sets: the classes of a benchmark, and which of them a dataset's own label names."""

import difflib
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from .palette import RGB

IGNORED = -1  # the index of what is known to belong to no class


@dataclass(frozen=True)
class LabelClass:
    """One class; its index is its place in the set."""

    name: str
    id: int  # the dataset's own number
    rgb: RGB
    group: str = ""  # "head", "thing", "fold 0" ...
    words: tuple[str, ...] = ()  # texts that a network is asked with; none: the name
    synonyms: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What a network is asked with; the best of them counts for the class."""
        return self.words or (self.name,)


@dataclass(frozen=True)
class LabelSet:
    """Classes in the order of their indices, with the dataset's own labels that fall into them."""

    name: str
    title: str
    source: str
    url: str
    licence: str
    colours: str  # where the colours come from
    ignore_id: int | None  # what the dataset's own files write for "no class"
    classes: tuple[LabelClass, ...]
    raw: dict[str, int]  # the dataset's own label -> class index, or IGNORED
    notes: str = ""
    stuff: tuple[str, ...] = ()  # names of classes that do not come in instances
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for what in ("name", "id"):
            values = [getattr(each, what) for each in self.classes]
            if repeated := [value for value in values if values.count(value) > 1]:
                raise BadInput(f"Label set {self.name}: two classes have the same {what} {repeated[0]!r}.")
        names = {each.name for each in self.classes}
        if unknown := [name for name in self.stuff if name not in names]:
            raise BadInput(f"Label set {self.name}: 'stuff' names {unknown[0]!r}, which is none of its classes.")
        index: dict[str, int] = {}
        # The last to write has the say: the dataset itself, then names, then synonyms; of equals the lowest index.
        for i, each in reversed(list(enumerate(self.classes))):
            index |= {_folded(synonym): i for synonym in each.synonyms}
        index |= {_folded(each.name): i for i, each in enumerate(self.classes)}
        index |= {_folded(raw): i for raw, i in self.raw.items()}
        object.__setattr__(self, "_index", index)

    @property
    def things(self) -> NDArray[np.bool_]:
        """(C,) the classes that come in instances."""
        return np.array([each.name not in self.stuff for each in self.classes])

    def index_of(self, label: str) -> int | None:
        """The class that a label names, IGNORED when it belongs to none, None when the set does not know it.

        Case, and blanks, hyphens or underscores for each other, make no difference.
        """
        return self.raw.get(label, self._index.get(_folded(label)))

    def near(self, label: str) -> str | None:
        """The known label that is spelt most like an unknown one."""
        return next(iter(difflib.get_close_matches(_folded(label), self._index, n=1, cutoff=0.75)), None)


def _folded(label: str) -> str:
    return " ".join(re.sub(r"[-_]", " ", label).casefold().split())
