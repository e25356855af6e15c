"""SQL over the store, read-only, in which `{text:a red chair}` and `{image:crop.jpg}` stand for vectors."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import BadInput
from ..store.postgres.database import Database
from . import sql_on_tables
from .question import target_of
from .rows import Limits, Rows, Streamed

__all__ = ["Limits", "Rows", "Streamed", "opened", "run", "run_on_files"]

LONGEST = 50_000  # characters; DuckDB's parser takes time with the square of the length, and cannot be interrupted
_PLACEHOLDER = re.compile(r"\{(text|image):([^{}]+)\}")
_QUOTED = re.compile(rf"'({_PLACEHOLDER.pattern})'")


def run(store: Database, statement: str, features: str | None = None, limits: Limits | None = None) -> Rows:
    """Rows of one SELECT over the tables and views of PostgreSQL, in memory."""
    limits = limits or Limits()
    with opened(store, statement, features, limits=limits) as found:
        return found.collected(limits)


def run_on_files(store: Database, statement: str, features: str | None = None, limits: Limits | None = None) -> Rows:
    """Rows of one SELECT of DuckDB over the Parquet files, in memory: the views points, correspondences, features."""
    limits = limits or Limits()
    with opened(store, statement, features, files=True, limits=limits) as found:
        return found.collected(limits)


@contextmanager
def opened(
    store: Database,
    statement: str,
    features: str | None = None,
    *,
    files: bool = False,
    limits: Limits | None = None,
    images: bool = True,
) -> Iterator[Streamed]:
    """The rows of one SELECT as they come, over the database or the Parquet `files`.

    Without `images`, {image:...}, which opens a file, is refused: for statements of people who may not read files here.
    """
    if not images and any(found[1] == "image" for found in _PLACEHOLDER.finditer(statement)):
        raise BadInput("{image:...} would open a file, which cannot be done from here: use {text:...}.")
    if len(statement) > LONGEST:
        raise BadInput(f"The statement has {len(statement):,} characters; at most {LONGEST:,} are allowed.")
    if not statement.strip():
        raise BadInput("The statement is empty: one SELECT was expected.")
    if files:
        from . import sql_on_files

        statement = _with_vectors(store, statement, features, lambda vector: f"{_listed(vector)}::FLOAT[{len(vector)}]")
        with sql_on_files.streamed(store, statement, features, limits or Limits()) as found:
            yield found
    else:
        statement = _with_vectors(
            store, statement, features, lambda vector: f"'{_listed(vector)}'::halfvec({len(vector)})"
        )
        with sql_on_tables.streamed(store, statement, limits or Limits()) as found:
            yield found


def _with_vectors(
    store: Database, statement: str, features: str | None, literal: Callable[[NDArray[np.float32]], str]
) -> str:
    """The statement with each placeholder replaced by its vector."""
    if not _PLACEHOLDER.search(statement):
        return statement
    if quoted := _QUOTED.search(statement):
        raise BadInput(f"{quoted[0]} stands for a vector: write {quoted[1]}, without the quotes.")
    encoder = target_of(store, features).encoder

    def vector(match: re.Match[str]) -> str:
        kind, what = match.group(1), match.group(2).strip()
        return literal(encoder.texts([what])[0] if kind == "text" else encoder.picture(Path(what)))

    return _PLACEHOLDER.sub(vector, statement)


def _listed(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in vector.tolist()) + "]"
