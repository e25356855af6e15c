"""An SQL condition on region_overview, held to things: each is a row of that view whose geometry is its own.

What a thing does not have of its own (label, ordinal, region, radius, embedding ...) is that of the stored object that
holds its seed; so `level` is 'object'.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...postgres.database import Database
from .. import filters
from .candidates import Candidate
from .shape import Shape, shape_of
from .stored_objects import around_seeds

_AT_ONCE = 1000  # things of one statement
_OWN = (
    "point_count", "seen_count", "centre_x", "centre_y", "centre_z", "min_x", "min_y", "min_z", "max_x", "max_y",
    "max_z", "size_x", "size_y", "size_z", "volume",
)  # fmt: skip


def things_where(store: Database, condition: str, candidates: Sequence[Candidate]) -> NDArray[np.bool_]:
    """For which of them the condition holds."""
    filters.require_one_condition(condition)
    holds = np.zeros(len(candidates), bool)
    around = around_seeds(store, candidates)
    columns = filters.overview_columns(store)
    for start in range(0, len(candidates), _AT_ONCE):
        some = range(start, min(start + _AT_ONCE, len(candidates)))
        rows = [
            _row(place, around[candidates[place]], candidates[place]) for place in some if candidates[place] in around
        ]
        if rows:
            statement = f'SELECT "?" FROM {_as_overview(columns, rows)} AS region_overview WHERE (\n{condition}\n)'
            holds[filters.numbers_where(store, statement, condition)] = True
    return holds


def _as_overview(columns: Sequence[str], rows: Sequence[str]) -> str:
    """The rows as region_overview has them, and each one's number in a column that no condition can name by chance."""
    named = ", ".join(
        f"coalesce(own.{name}, stored.{name}) AS {name}" if name in _OWN else f"stored.{name}" for name in columns
    )
    values = ",\n".join(rows)
    own = ", ".join(("number", "region", *_OWN))
    return (
        f'(SELECT own.number AS "?", {named} FROM (VALUES {values}) AS own({own}) '
        "JOIN region_overview stored ON stored.region = own.region)"
    )


def _row(number: int, region: int, candidate: Candidate) -> str:
    """Literals: numbers only."""
    grown = candidate.grown
    numbers = [None] * len(_OWN) if grown is None else _own(shape_of(grown.branches.tree, grown.leaves))
    return f"({number}, {region}::bigint, {', '.join(map(_literal, _OWN, numbers))})"


def _own(shape: Shape) -> list[Any]:
    size = shape.box_max - shape.box_min
    return [
        shape.point_count, shape.seen_count, *shape.centre.tolist(), *shape.box_min.tolist(), *shape.box_max.tolist(),
        *size.tolist(), float(np.prod(shape.oriented_box.size)),
    ]  # fmt: skip


def _literal(name: str, value: float | None) -> str:
    kind = "integer" if name.endswith("_count") else "double precision"
    return f"{'NULL' if value is None else repr(value)}::{kind}"
