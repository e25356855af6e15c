"""Which statements DuckDB may run for a person: one that only reads views, by what its own parser makes of it.

The parsed tree is walked, not the text: a COPY may stand in a WITH, a function that runs SQL in a FROM. What is not
known to read only is refused, so that a newer DuckDB's new ways to write are refused too.
"""

import json
import re
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

from ..core.errors import BadInput

if TYPE_CHECKING:
    import duckdb

_EXPLAIN = re.compile(r"\s*EXPLAIN(\s+ANALYZE)?\b(?!\s*\()", re.IGNORECASE)
_NODES = re.compile(
    r"(SELECT|SET_OPERATION|RECURSIVE_CTE|CTE)_NODE|[A-Z]+_MODIFIER|[A-Z]+_TYPE_INFO|ORDER_DEFAULT|ASCENDING|DESCENDING"
    r"|BASE_TABLE|SUBQUERY|JOIN|TABLE_FUNCTION|EXPRESSION_LIST|EMPTY|EMPTY_FROM|SHOW_REF|PIVOT|CTE"
)
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}
_HARMLESS = {
    "random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "now", "today", "current_date", "error",
    "get_current_time", "get_current_timestamp", "transaction_timestamp", "vector_type", *_TABLE_FUNCTIONS,
}  # fmt: skip
_INTERNAL = {
    "current_setting", "getvariable", "json_serialize_plan", "combine", "finalize", "to_aggregate_state", "invoke",
    "create_sort_key",
}  # fmt: skip

_OF_TABLES = {"ov_distance", "ov_near", "ov_on"}  # PostgreSQL has them: they read what it knows of regions


def require(connection: "duckdb.DuckDBPyConnection", statement: str, views: Set[str]) -> None:
    """Raise BadInput unless the statement is one SELECT, VALUES, DESCRIBE or EXPLAIN of these over `views`."""
    asked = _EXPLAIN.sub("", statement, count=1)
    parsed = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [asked]).fetchone()
    try:
        tree = json.loads(parsed[0]) if parsed else {}
    except RecursionError as error:
        raise BadInput("The statement is nested too deeply.") from error
    if tree.get("error_type") == "parser":
        raise BadInput(f"{str(tree['error_message']).partition(chr(10))[0]}. Only one SELECT runs here.")
    if tree.get("error") is not False or len(tree["statements"]) != 1:
        raise BadInput("Only one SELECT, VALUES, DESCRIBE or EXPLAIN runs here, and nothing that writes.")
    allowed = _functions(connection)
    objects = list(_objects(tree["statements"]))
    given = {str(name).casefold() for name in _named_queries(objects)}
    if own := given & _own_names(connection):  # outside of its WITH, the name would be DuckDB's view
        raise BadInput(f"{min(own)} is the name of a view of DuckDB's own: choose another name in the WITH.")
    names = {name.casefold() for name in views} | given
    for found in objects:
        _require_reading(found, names, allowed)


def _require_reading(found: dict[str, Any], names: Set[str], allowed: dict[str, bool]) -> None:
    kind = found.get("type")
    if "class" in found:
        name = str(found.get("function_name", "")).casefold()
        if name in _OF_TABLES:
            raise BadInput(f"The function {name} reads PostgreSQL's tables, not files: leave --files out.")
        if name and not allowed.get(name, True):
            raise BadInput(f"The function {name} cannot be used here: it reads more than the rows, or waits.")
        return
    if not isinstance(kind, str):
        return
    if not _NODES.fullmatch(kind):
        what = kind.removesuffix("_NODE").removesuffix("_QUERY").replace("_", " ")
        raise BadInput(f"Only SELECT, VALUES, DESCRIBE and EXPLAIN run here; the statement has a {what} inside.")
    if kind == "TABLE_FUNCTION":
        name = str(found["function"].get("function_name", "")).casefold()
        if name not in _TABLE_FUNCTIONS:
            raise BadInput(
                f"The function {name} cannot be used here. Files are read through the views {_listed(names)}."
            )
    if kind == "BASE_TABLE":
        within = [str(found.get(part) or "") for part in ("catalog_name", "schema_name")]
        if str(found["table_name"]).casefold() not in names or within not in (["", ""], ["", "main"]):
            raise BadInput(
                f"There is no view {found['table_name']!r}. There are: {_listed(names)}; without --files PostgreSQL's: "
                "ovstore db tables."
            )


def _functions(connection: "duckdb.DuckDBPyConnection") -> dict[str, bool]:
    """Each function of this DuckDB by name: whether it may be called."""
    rows = connection.execute(
        "SELECT function_name, bool_or(schema_name = 'main' AND "
        "(function_type IN ('aggregate', 'window', 'macro') OR function_type = 'scalar' AND stability = 'CONSISTENT')) "
        "FROM duckdb_functions() GROUP BY function_name"
    ).fetchall()
    return {
        name.casefold(): name in _HARMLESS or (bool(reads) and name not in _INTERNAL and "__internal" not in name)
        for name, reads in rows
    }


def _own_names(connection: "duckdb.DuckDBPyConnection") -> set[str]:
    """What DuckDB finds by a bare name, other than the views made for the store's files."""
    rows = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE internal AND schema_name <> 'information_schema' "
        "UNION SELECT table_name FROM duckdb_tables()"
    ).fetchall()
    return {name.casefold() for (name,) in rows}


def _objects(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects of the tree but those inside constants, which hold types and values."""
    pending = [tree]
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            yield found
            if found.get("class") != "CONSTANT":
                pending.extend(found.values())
        elif isinstance(found, list):
            pending.extend(found)


def _named_queries(objects: list[dict[str, Any]]) -> Iterator[Any]:
    """The names that WITH gives."""
    for found in objects:
        if isinstance(found.get("cte_map"), dict):
            yield from (entry["key"] for entry in found["cte_map"].get("map", ()))
        if "cte_name" in found:
            yield found["cte_name"]


def _listed(names: Set[str]) -> str:
    return ", ".join(sorted(names))
