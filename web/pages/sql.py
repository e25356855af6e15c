"""/sql: one SELECT and its rows, where SQL is switched on."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import OvstoreError
from ...core.wording import without_paths
from ...query.sql import LONGEST
from ..limits import worked
from ..rest.sql import rows_of
from ..served import served
from .rendering import page

routes = APIRouter()

_SHOWN = 500
_EXAMPLE = "SELECT * FROM scene_overview LIMIT 20"


@routes.get("/sql")
async def sql(request: Request, sql: Annotated[str, Query(max_length=LONGEST)] = "") -> Response:
    """The statement is in the URL, which can be sent to somebody."""
    here = served(request)
    rows, trouble = None, None
    if sql.strip() and here.options.sql:
        try:
            rows = await worked(request, here.gates.statements, lambda: rows_of(here, sql, _SHOWN))
        except OvstoreError as error:
            trouble = without_paths(str(error))
    return page(request, "sql.html", statement=sql or _EXAMPLE, rows=rows, trouble=trouble)
