"""/scenes/{dataset}/{scene}: the 3D view, which needs script; its lists and a drawn picture do not."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...store.catalog import catalog
from .. import urls
from ..rest import scenes
from ..rest.regions import usual_set
from ..served import prefix, served
from .rendering import page

routes = APIRouter()

_LISTED = 50


@routes.get("/scenes/{dataset}/{scene}")
def scene(request: Request, dataset: str, scene: str) -> Response:
    """The script reads the rest of the URL."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    objects = []
    if found.features:
        held = usual_set(here.store, found, request.query_params.get("features") or None)
        every = catalog.regions(here.store, found.id, "object")
        objects = [one for one in every if one.feature_set_id == held.id]
    return page(
        request,
        "scene.html",
        twin=urls.scene_api("", found.dataset, found.name),
        scene=scenes.details(here, prefix(request), found),
        objects=objects[:_LISTED],
        more=max(len(objects) - _LISTED, 0),
    )
