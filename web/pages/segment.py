"""/segment: a picture tinted by words; the script asks the API."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...store.catalog import catalog
from ..served import served
from .rendering import page

routes = APIRouter()


@routes.get("/segment")
def segment(request: Request) -> Response:
    """The script reads the rest of the URL: label, and scene with frame."""
    kinds = [kind.name for kind in catalog.feature_kinds(served(request).store)]
    return page(request, "segment.html", kinds=kinds)
