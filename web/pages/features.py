"""/features: what questions can be put to."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .. import urls
from ..rest import store
from ..served import served
from .rendering import page

routes = APIRouter()


@routes.get("/features")
def features(request: Request) -> Response:
    """A table of feature sets by name and space."""
    return page(request, "features.html", twin=f"{urls.API}/features", kinds=store.kinds(served(request)))
