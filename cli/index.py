"""ovstore index list|build|drop|check: what finds the nearest regions, and how much it finds."""

from typing import TYPE_CHECKING, Any, cast

import click

from ._options.completion import complete
from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..core.features import Level

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
    from ..workflows import indexes

    with opened_store() as store:
        rows = [row.to_dict() for row in indexes.list_indexes(store)]
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
    from ..store.search.index_choice import required_targets

    plugin = plugins.load("store.search.indexes", name, noun="index")
    with opened_store() as store:
        for target in required_targets(store, features, level):
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
    from ..store.search.index_choice import required_targets

    plugin = plugins.load("store.search.indexes", name, noun="index")
    with opened_store() as store:
        for target in required_targets(store, features, level):
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
    from ..workflows.indexes import CheckRequest, check_indexes

    request = CheckRequest(name, texts, queries, top, features, cast("Level | None", level))
    with opened_store() as store:
        measured = check_indexes(store, request, lambda sentence: say(sentence, err=True))
    results = [each.to_dict() for each in measured]
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


def _shown(row: dict[str, Any]) -> str:
    """The recall of one row: exact search finds everything by definition."""
    if row["index"] == "exact":
        return "100%, 100%"
    return "not measured" if row["recall"] is None else f"{row['recall']['mean']:.1%}, {row['recall']['worst']:.0%}"
