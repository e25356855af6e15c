"""GET /scenes/{dataset}/{scene}/picture and /thumbnail: a scene as the server draws it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from .. import files, pictures, urls
from ..asked import MOST_CHARACTERS, Features, require_short, target
from ..limits import worked
from ..served import served
from .regions import usual_set

routes = APIRouter(tags=["pictures"])

_WEBP = files.described(pictures.WEBP)


@routes.get(
    "/scenes/{dataset}/{scene}/picture",
    response_class=Response,
    responses=_WEBP,
    summary="A scene, drawn",
)
async def picture(
    request: Request,
    dataset: str,
    scene: str,
    q: Annotated[str | None, Query(max_length=MOST_CHARACTERS)] = None,
    width: Literal["320", "640", "960"] = "960",
    features: Features = None,
    v: str | None = None,
) -> Response:
    """From above one corner; with `q`, warmer where its points answer the words."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    if q is None:
        body = await worked(request, here.gates.builds, lambda: pictures.drawn(here.store, found, int(width)))
        return files.whole(request, f"drawn {found.content_digest} {width}", pictures.WEBP, body)
    require_short([q])
    words = q

    def made() -> bytes:
        held = usual_set(here.store, found, features)
        target(here, held.name, [words])
        return pictures.heated(here.store, found, words, held.name, int(width))

    body = await worked(request, here.gates.searches, made)
    return files.whole(request, f"heated {found.content_digest} {width} {features} {q}", pictures.WEBP, body)


@routes.get(
    "/scenes/{dataset}/{scene}/thumbnail",
    response_class=Response,
    responses=_WEBP,
    summary="A small picture of a scene",
)
async def thumbnail(request: Request, dataset: str, scene: str, v: str | None = None) -> Response:
    """The image that sees most of it; where none can be read, the scene drawn."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    body = await worked(request, here.gates.thumbnails, lambda: pictures.thumbnail(here.store, found))
    return files.whole(request, f"thumbnail {urls.version(found)}", pictures.WEBP, body)
