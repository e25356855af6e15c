"""POST /sql: the store in SQL, read-only, where it is switched on."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import BadInput
from ...query import sql as sql_of
from ...query.rows import Limits, Rows
from ..answers import RowsAnswer
from ..documents import dumped
from ..limits import worked
from ..problems import Problem
from ..served import Served, served
from ..uploads import json_body

routes = APIRouter(tags=["sql"])

MOST_ROWS = 10_000
SECONDS = 30
ARROW = "application/vnd.apache.arrow.stream"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "sql": {"type": "string", "maxLength": sql_of.LONGEST},
                        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
                        "format": {"enum": ["json", "csv", "arrow"]},
                        "features": {"type": "string"},
                    },
                    "required": ["sql"],
                }
            }
        },
    }
}
_KINDS: dict[int | str, dict[str, Any]] = {200: {"content": {
    "text/csv": {"schema": {"type": "string"}}, ARROW: {"schema": {"type": "string", "format": "binary"}},
}}}  # fmt: skip


@routes.post(
    "/sql",
    response_model=RowsAnswer,
    responses=_KINDS,
    openapi_extra=_BODY,
    summary="The rows of one SELECT",
)
async def sql(request: Request) -> Response:
    """Over tables and views of the database; {text:a red chair} stands for a vector. Needs `ovstore web --sql`."""
    here = served(request)
    if not here.options.sql:
        raise Problem(403, "switched-off", "SQL is switched off: start the server with ovstore web --sql.")
    asked = await json_body(request)
    statement, limit, kind = asked.get("sql"), asked.get("limit", 1_000), asked.get("format", "json")
    features = asked.get("features")
    if not isinstance(statement, str) or not (features is None or isinstance(features, str)):
        raise BadInput('The body has no statement: {"sql": "SELECT ..."} was expected.')
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_ROWS:
        raise BadInput(f"limit is not a whole number from 1 to {MOST_ROWS:,}.")
    if kind not in ("json", "csv", "arrow"):
        raise BadInput("format is none of json, csv and arrow.")
    return await worked(request, here.gates.statements, lambda: _answered(here, statement, limit, kind, features))


def rows_of(here: Served, statement: str, limit: int, features: str | None = None) -> RowsAnswer:
    """What POST /sql says in JSON."""
    found, complete = _rows(here, statement, limit, features)
    return RowsAnswer(list(found.columns), [list(row) for row in found.rows], complete)


def _rows(here: Served, statement: str, limit: int, features: str | None) -> tuple[Rows, bool]:
    limits = Limits(seconds=SECONDS, rows=MOST_ROWS + 1_000)
    if "\0" in statement:
        raise BadInput("The statement contains a NUL character, which no text can.")
    if "{image:" in statement:
        raise BadInput("{image:...} names a file of the server, which none can be read from here: use POST /search.")
    with sql_of.opened(here.store, statement, features, limits=limits) as found:
        rows = []
        for block in found.blocks:
            rows += block
            if len(rows) > limit:
                break
        return Rows(found.columns, rows[:limit]), len(rows) <= limit


def _answered(here: Served, statement: str, limit: int, kind: str, features: str | None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if kind == "json":
        made = rows_of(here, statement, limit, features)
        return Response(dumped(made), 200, headers, "application/json")
    from ...query.tables import arrow_bytes, csv_text

    found, _ = _rows(here, statement, limit, features)
    if kind == "csv":
        return Response(csv_text(found), 200, headers, "text/csv; charset=utf-8")
    return Response(arrow_bytes(found), 200, headers, ARROW)
