"""/about, and what is nowhere: one sentence each."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .. import urls
from ..problems import Problem
from ..static_files import FOLDER
from .rendering import page

routes = APIRouter()


@routes.get("/about")
def about(request: Request) -> Response:
    """Version, store, and the licences of what is shipped."""
    return page(request, "about.html", twin=f"{urls.API}/store", licences=_licences(FOLDER / "LICENSES.txt"))


@routes.get("/{rest:path}")
def nothing(request: Request, rest: str) -> Response:
    """No page has that URL."""
    raise Problem(404, "not-found", f"There is nothing at /{rest[:200]}.", near=[])


def _licences(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
