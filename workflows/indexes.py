"""Which indexes a store has, which one answers, and how much of exact search's hits each finds."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.annotated import check_fields
from ..core.errors import BadInput, OvstoreError
from ..core.features import EmbeddingSpace, Level
from ..query.encode import encoder_of
from ..store.catalog import catalog
from ..store.postgres.database import Database
from ..store.search import index_choice, index_rows, recall
from ..store.search.index_choice import IndexTarget
from ..store.search.recall import Recall


@dataclass(frozen=True)
class ListedIndex:
    """One index of one space and level; exact search, which needs no building, is one as well."""

    space: str
    level: str
    regions: int
    index: str
    answers: str  # "yes" and why, where searches use it; "" where they do not
    recall: dict[str, Any] | None  # the fields of Recall, when it was measured
    state: str

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore index list --json` prints of it."""
        return asdict(self)


@dataclass(frozen=True)
class CheckRequest:
    """Which indexes are measured, and with which queries."""

    index: str | None = None  # None: each that is built
    texts: tuple[str, ...] = ()  # words to query with, besides the encoder's everyday ones
    queries: int = 100  # regions to query with
    top: int = 10  # hits to compare
    features: str | None = None  # the spaces of the feature sets of this name; None: all
    level: Level | None = None  # None: both

    def __post_init__(self) -> None:
        check_fields(self)
        for name, value in (("queries", self.queries), ("hits", self.top)):
            if value < 1:
                raise BadInput(f"The number of {name} must be at least 1, not {value}.")


@dataclass(frozen=True)
class MeasuredIndex:
    """How much one index finds."""

    space: str
    level: str
    index: str
    found: Recall

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore index check --json` prints of it."""
        return {"space": self.space, "level": self.level, "index": self.index, **asdict(self.found)}


def list_indexes(store: Database) -> list[ListedIndex]:
    """exact, and what is built, for every space and level."""
    return [row for target in index_choice.required_targets(store) for row in _listed(store, target)]


def check_indexes(
    store: Database, request: CheckRequest, note: Callable[[str], None] = lambda sentence: None
) -> list[MeasuredIndex]:
    """Measure the recall of indexes and keep it beside them; `note` hears why words were left out."""
    measured = []
    for target in index_choice.required_targets(store, request.features, request.level):
        space_id, level = target.space_id, target.level
        words = _text_vectors(store, target.space, request.texts, note)
        built = [row.name for row in index_rows.built(store, space_id, level)]
        for name in built if request.index is None else [request.index]:
            found = recall.measure(store, name, space_id, level, words, request.top, request.queries)
            index_rows.record_recall(store, name, space_id, level, found)
            measured.append(MeasuredIndex(target.space.name, level, name, found))
    return measured


def _listed(store: Database, target: IndexTarget) -> list[ListedIndex]:
    answering = index_choice.default(store, target.space_id, target.level, target.row_count)
    built = {row.name: row for row in index_rows.built(store, target.space_id, target.level)}
    rows = []
    for name in ("exact", *built):
        row = built.get(name)
        answers, measured, state = "", None, "nothing to build"
        if name == answering:
            answers = f"yes: {index_choice.reason(target.row_count, name)}"
        if row is not None:
            measured, state = row.recall, f"built over {row.row_count:,} on {row.built_at:%Y-%m-%d %H:%M}"
        rows.append(ListedIndex(target.space.name, target.level, target.row_count, name, answers, measured, state))
    return rows


def _text_vectors(
    store: Database, space: EmbeddingSpace, texts: Sequence[str], note: Callable[[str], None]
) -> NDArray[np.float32] | None:
    """What the encoder makes of its everyday words and of `texts`; None where it cannot be loaded here."""
    recipes = [kind.recipe for kind in catalog.feature_kinds(store) if kind.space == space]
    try:
        encoder = encoder_of(recipes[0], space, store=store)
        return np.concatenate([encoder.background(), *([encoder.texts(list(texts))] if texts else [])])
    except OvstoreError as error:
        if texts:
            raise
        note(f"Measured without words: {error}")
        return None
