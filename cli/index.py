"""ovstore index list|build|drop|check: what finds the nearest regions, and how much it finds."""

from typing import TYPE_CHECKING, Any

import click

from ._options.completion import complete
from ._options.shared import json_option, opened_store, print_json, print_table, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..core.features import EmbeddingSpace
    from ..store.postgres.database import Database
    from ..store.search.index_choice import IndexTarget

_features = click.option(
    "--features", shell_complete=complete("features"), help="Only the feature sets of this name  [default: all]"
)
_level = click.option("--level", type=click.Choice(["object", "superpoint"]), help="Only this level  [default: both]")


@click.group("index")
def command() -> None:
    """List, build, drop and check search indexes.

    They find the regions nearest to a query. All are derived from the database and can be dropped and rebuilt;
    search works without them. Indexes update automatically.

    \b
    Examples:
      ovstore index list
      ovstore index build faiss
      ovstore index check faiss --text "a red chair" --text snoopy
    """


@command.command("list")
@json_option
def list_indexes(as_json: bool) -> None:
    """List the indexes of every space and level, and which one is used.

    \b
    Example:
      ovstore index list --json
    """
    with opened_store() as store:
        rows = [row for target in _targets(store, None, None) for row in _rows(store, target)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("space", "level", "regions", "index", "answers", "recall: mean, worst", "state"),
        [
            (row["space"], row["level"], f"{row['regions']:,}", row["index"], row["answers"], _shown(row),
             row["state"])
            for row in rows
        ],
        right=("regions",),
    )  # fmt: skip


@command.command("build")
@click.argument("name")
@_features
@_level
def build(name: str, features: str | None, level: str | None) -> None:
    """Build index NAME over all regions, replacing an existing one.

    \b
    Example:
      ovstore index build faiss --level object
    """
    import time

    from ..core import plugins

    plugin = plugins.load("store.search.indexes", name, noun="index")
    with opened_store() as store:
        for target in _targets(store, features, level):
            started = time.monotonic()
            rows = plugin.build(store, target.space_id, target.level)
            seconds = time.monotonic() - started
            say(f"{name}  {target.space.name}  {target.level}  {rows:,} regions  {seconds:.1f} s")


@command.command("drop")
@click.argument("name")
@_features
@_level
def drop(name: str, features: str | None, level: str | None) -> None:
    """Drop index NAME; searches continue without it.

    \b
    Example:
      ovstore index drop pgvector_hnsw
    """
    from ..core import plugins

    plugin = plugins.load("store.search.indexes", name, noun="index")
    with opened_store() as store:
        for target in _targets(store, features, level):
            plugin.drop(store, target.space_id, target.level)
            say(f"{name}  {target.space.name}  {target.level}  dropped")


@command.command("check")
@click.argument("name", required=False)
@click.option("--text", "texts", multiple=True, help="Also query these words; may be repeated.")
@click.option("--queries", type=click.IntRange(1), default=100, show_default=True, help="Number of regions to query.")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="Number of hits to compare.")
@_features
@_level
@json_option
def check(
    name: str | None,
    texts: tuple[str, ...],
    queries: int,
    top: int,
    features: str | None,
    level: str | None,
    as_json: bool,
) -> None:
    """Measure the recall of the built indexes, or of NAME.

    Recall is the share of exact search's hits that an index finds, on average and for the worst query. The queries are
    regions of the store, what distinguishes them from others, the encoder's everyday words and --text.

    \b
    Example:
      ovstore index check --text "somewhere soft" --top 20
    """
    from dataclasses import asdict

    from ..store.search import index_rows, recall

    results: list[dict[str, Any]] = []
    with opened_store() as store:
        for target in _targets(store, features, level):
            words = _text_vectors(store, target.space, texts)
            built = [row.name for row in index_rows.built(store, target.space_id, target.level)]
            for index in built if name is None else [name]:
                found = recall.measure(store, index, target.space_id, target.level, words, top, queries)
                index_rows.record_recall(store, index, target.space_id, target.level, found)
                results.append({"space": target.space.name, "level": target.level, "index": index, **asdict(found)})
    if as_json:
        print_json(results)
    elif not results:
        say("No index is built; searches are exact. To build one: ovstore index build faiss")
    else:
        columns = ("space", "level", "index", "mean recall", "worst recall", "queries", "hits")
        print_table(
            columns,
            [
                (row["space"], row["level"], row["index"], f"{row['mean']:.2%}", f"{row['worst']:.0%}", row["queries"],
                 row["count"])
                for row in results
            ],
            right=columns[3:],
        )  # fmt: skip


def _targets(store: "Database", features: str | None, level: str | None) -> "list[IndexTarget]":
    from ..core.errors import NotFound
    from ..store.search.index_choice import targets

    found = targets(store, features, level)
    if not found and features is not None and targets(store):
        raise NotFound(f"No features named {features!r}. See: ovstore features")
    if not found:
        raise NotFound("The store has no regions yet: ingest scans first, see ovstore ingest --help")
    return found


def _rows(store: "Database", target: "IndexTarget") -> list[dict[str, Any]]:
    """exact, and what is built, for one space and level."""
    from ..store.search import index_choice, index_rows

    answering = index_choice.default(store, target.space_id, target.level, target.row_count)
    rows = []
    built = {row.name: row for row in index_rows.built(store, target.space_id, target.level)}
    for name in ("exact", *built):
        row = built.get(name)
        why = index_choice.reason(target.row_count, name) if name == answering else ""
        rows.append(
            {
                "space": target.space.name,
                "level": target.level,
                "regions": target.row_count,
                "index": name,
                "answers": f"yes: {why}" if name == answering else "",
                "recall": None if row is None else row.recall,
                "state": "nothing to build"
                if row is None
                else f"built over {row.row_count:,} on {row.built_at:%Y-%m-%d %H:%M}",
            }
        )
    return rows


def _shown(row: dict[str, Any]) -> str:
    """The recall of one row: exact search finds everything by definition."""
    if row["index"] == "exact":
        return "100%, 100%"
    return "not measured" if row["recall"] is None else f"{row['recall']['mean']:.1%}, {row['recall']['worst']:.0%}"


def _text_vectors(store: "Database", space: "EmbeddingSpace", texts: tuple[str, ...]) -> "NDArray[np.float32] | None":
    """What the encoder makes of its everyday words and of `texts`; None where it cannot be loaded here."""
    import numpy as np

    from ..core.errors import OvstoreError
    from ..query.encode import encoder_of
    from ..store.catalog import catalog

    recipes = [kind.recipe for kind in catalog.feature_kinds(store) if kind.space == space]
    try:
        encoder = encoder_of(recipes[0], space, store=store)
        return np.concatenate([encoder.background(), *([encoder.texts(list(texts))] if texts else [])])
    except OvstoreError as error:
        if texts:
            raise
        say(f"Measured without words: {error}", err=True)
        return None
