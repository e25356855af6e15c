"""Which regions may answer: names of datasets, scenes and feature sets, and a condition in SQL, become region ids.

A condition comes from a person, or from a page that passes it on. It runs inside brackets, in a transaction that may
only read, within a time limit; the brackets cannot be closed early, and a second statement cannot follow.
"""

import re
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Row, text

from ...core.errors import BadInput, DatabaseError, NotFound
from ...core.features import Level, Query
from ...core.wording import did_you_mean, first_line, near_names
from ..postgres.database import Database
from .region_vectors import RegionVectors

TIMEOUT_SECONDS = 20
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SCENES = text(
    "SELECT datasets.name AS dataset, scenes.name AS scene FROM scenes JOIN datasets ON datasets.id = dataset_id"
)
_SETS = text(
    "SELECT feature_sets.id, feature_sets.name AS features, datasets.name AS dataset, scenes.name AS scene "
    "FROM feature_sets JOIN scenes ON scenes.id = scene_id JOIN datasets ON datasets.id = dataset_id "
    "WHERE embedding_space_id = :space AND state = 'ready' ORDER BY feature_sets.id"
)


def allowed(store: Database, query: Query, space_id: int, table: RegionVectors) -> NDArray[np.int64] | None:
    """The (K,) region ids that pass the query's filters; None when all do."""
    ids = None
    chosen = chosen_sets(store, query, space_id)
    if chosen is not None and not table.spans.keys() <= set(chosen):
        ids = table.ids[table.rows_of_sets(chosen)]
    if query.where is not None:
        matching = regions_where(store, query.where, space_id, query.level)
        ids = matching if ids is None else np.intersect1d(ids, matching)
    return ids


def chosen_sets(store: Database, query: Query, space_id: int) -> list[int] | None:
    """The feature sets that the query's names leave; None when it names nothing."""
    if query.datasets or query.scenes or query.feature_set is not None:
        return _feature_sets(store, query, space_id)
    return None


def regions_where(store: Database, condition: str, space_id: int, level: Level) -> NDArray[np.int64]:
    """Ids of the regions of a space and level for which an SQL condition on region_overview holds."""
    require_one_condition(condition)
    statement = (
        f"SELECT region FROM region_overview WHERE embedding_space_id = {int(space_id)} AND level = '{level}' "
        f"AND (\n{condition}\n)"
    )
    return numbers_where(store, statement, condition)


def numbers_where(store: Database, statement: str, condition: str) -> NDArray[np.int64]:
    """The single column of a statement that a person's condition is part of; BadInput says what is wrong with it."""
    try:
        with (
            store.reading(statement, TIMEOUT_SECONDS) as driver,
            driver.cursor(binary=True) as cursor,  # binary: the protocol that takes a single statement
        ):
            cursor.execute(statement.encode())
            return np.fromiter((row[0] for row in cursor), np.int64)
    except psycopg.errors.QueryCanceled as error:
        raise BadInput(f"The condition {condition!r} took over {TIMEOUT_SECONDS} s: make it simpler.") from error
    except (psycopg.Error, DatabaseError) as error:
        cause = error.__cause__ if isinstance(error, DatabaseError) else error
        if isinstance(error, DatabaseError) and not isinstance(cause, psycopg.errors.InsufficientPrivilege):
            raise
        said = first_line(cause or error).rstrip(".")
        known = ", ".join(overview_columns(store))
        raise BadInput(f"The condition {condition!r} cannot be used: {said}. Columns: {known}.") from error


def overview_columns(store: Database) -> list[str]:
    """What a condition may name."""
    with store.driver_connection(read_only=True) as driver:
        columns = driver.execute("SELECT * FROM region_overview LIMIT 0").description or ()
    return [column.name for column in columns]


def _feature_sets(store: Database, query: Query, space_id: int) -> list[int]:
    """The ready feature sets of the space that the names leave; NotFound for a name that leaves none."""
    with store.autocommit() as connection:
        rows = connection.execute(_SETS, {"space": space_id}).all()
    for given, noun in ((query.datasets, "dataset"), (query.scenes, "scene")):
        for name in given:
            if not any(name in _names(row, noun) for row in rows):
                raise _not_found(store, name, noun, query.space.name)
    if query.feature_set is not None and all(row.features != query.feature_set for row in rows):
        known = ", ".join(sorted({row.features for row in rows}))
        said = f"No features named {query.feature_set!r} of {query.space.name!r}. There are: {known}."
        raise NotFound(said, near=sorted({row.features for row in rows}))
    return [
        row.id
        for row in rows
        if (not query.datasets or row.dataset in query.datasets)
        and (not query.scenes or not _names(row, "scene").isdisjoint(query.scenes))
        and (query.feature_set in (None, row.features))
    ]


def _names(row: Row[Any], noun: str) -> set[str]:
    """What a person may call the row's dataset or scene."""
    return {row.dataset} if noun == "dataset" else {row.scene, f"{row.dataset}/{row.scene}"}


def _not_found(store: Database, name: str, noun: str, space: str) -> NotFound:
    """The name is unknown, or what it names has no features of the space."""
    with store.connect() as connection:
        rows = connection.execute(_SCENES).all()
    known = sorted(set().union(*(_names(row, noun) for row in rows)))
    if name in known:
        return NotFound(f"The {noun} {name!r} has no features of {space!r}: see ovstore features")
    said = f"No {noun} named {name!r}.{did_you_mean(name, known)} See: ovstore scenes"
    return NotFound(said, near=near_names(name, known))


def require_one_condition(condition: str) -> None:
    """BadInput for what could close the brackets around it, or be more than a condition."""
    rest = _QUOTED.sub("", condition)
    depth = 0
    for character in rest:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if not condition.strip() or depth != 0 or re.search(r"['\";$\\\0]|--|/\*", rest) or "\\" in condition:
        raise BadInput(
            f"{condition!r} is not one complete SQL condition: close all brackets and quotes, and use no ';', "
            "comments, '$' or backslashes. For example: size_z > 0.5 AND label IN ('chair', 'table')."
        )
