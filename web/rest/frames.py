"""GET /scenes/{dataset}/{scene}/frames and below: the posed images of a scene, and what their pixels show."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.features import Evidence
from ...core.scene import Frame
from ...store.catalog import catalog
from ...store.catalog.catalog import SceneInfo
from ...store.postgres.database import Database
from .. import files, paging, pictures, urls
from ..answers import FrameAnswer, Page, PixelAnswer
from ..asked import corners
from ..documents import answer
from ..problems import Problem
from ..served import prefix, served
from ..views import frame_answer, named
from .regions import usual_set

routes = APIRouter(tags=["frames"])

Width = Literal["160", "320", "640", "960"]
_PICTURE = files.described("image/webp", "image/jpeg", "image/png")
_REACH = 3.0  # pixels between where one points and the point that is meant


@routes.get("/scenes/{dataset}/{scene}/frames", response_model=Page[FrameAnswer], summary="The images of a scene")
def frames(
    request: Request,
    dataset: str,
    scene: str,
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 100,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """In their order, with cameras and poses."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    held = list(enumerate(catalog.load_frames(here.store, found.id)))
    page = paging.part(held, "ordinal", lambda one: one[0], after, limit)
    items = [frame_answer(prefix(request), found, ordinal, frame) for ordinal, frame in page]
    return answer(request, Page(items, page.next, page.total), f"frames {found.content_digest} {limit} {after}")


@routes.get(
    "/scenes/{dataset}/{scene}/frames/{name}/image",
    response_class=Response,
    responses=_PICTURE,
    summary="An image",
)
def image(
    request: Request, dataset: str, scene: str, name: str, width: Width | None = None, v: str | None = None
) -> Response:
    """WebP of that width; without one, the file as it is."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    frame = _frame(here.store, found, name)
    version = f"image {urls.version(found)} {frame.name} {width}"
    if width is None:
        path, media_type = pictures.original(frame.image_path)
        return files.streamed(request, version, media_type, path, 0, path.stat().st_size)
    return files.whole(request, version, pictures.WEBP, pictures.scaled(frame.image_path, int(width)))


@routes.get(
    "/scenes/{dataset}/{scene}/frames/{name}/crop",
    response_class=Response,
    responses=_PICTURE,
    summary="A part of an image, with what surrounds it",
)
def crop(
    request: Request,
    dataset: str,
    scene: str,
    name: str,
    box: Annotated[str, Query(max_length=100, description="x0,y0,x1,y1 in pixels")],
    v: str | None = None,
) -> Response:
    """The box drawn, as on the contact sheets of the command line."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    frame = _frame(here.store, found, name)
    asked = corners(box)
    camera = frame.camera
    if asked is None or not (0 <= asked[0] <= asked[2] <= camera.width and 0 <= asked[1] <= asked[3] <= camera.height):
        raise Problem(400, "bad-input", f"The box {box[:60]!r} is not inside {camera.width}x{camera.height} pixels.")
    body = pictures.crop(frame.image_path, Evidence(frame.name, "", asked, 0))
    return files.whole(request, f"crop {urls.version(found)} {frame.name} {asked}", pictures.WEBP, body)


@routes.get("/scenes/{dataset}/{scene}/frames/{name}/points", response_model=PixelAnswer, summary="What a pixel shows")
def pixel(
    request: Request,
    dataset: str,
    scene: str,
    name: str,
    u: Annotated[float, Query(ge=-1, le=1e6, allow_inf_nan=False)],
    v: Annotated[float, Query(ge=-1, le=1e6, allow_inf_nan=False)],
    features: str | None = None,
) -> Response:
    """The point seen nearest to (u, v), its superpoint and object; 404 where none is within three pixels."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    frame = _frame(here.store, found, name)
    [(ordinal, _)] = catalog.frames_by_name(here.store, found.id, [frame.name]).values()
    [seen] = catalog.load_correspondences(here.store, found.id, [ordinal])
    away = np.hypot(seen.uv[:, 0] - u, seen.uv[:, 1] - v)
    if not len(away) or away.min() > _REACH:
        raise Problem(404, "not-found", f"No point is seen at {u:g},{v:g} of the frame {frame.name}.", near=[])
    near = np.flatnonzero(away <= away.min() + 0.5)
    best = int(near[np.argmin(seen.depth[near])])
    point = int(seen.point_index[best])
    superpoint = int(catalog.load_superpoints(here.store, found.id)[point])
    parent = None
    if found.features:
        held = usual_set(here.store, found, features)
        parent = int(catalog.load_object_of_superpoint(here.store, found.id, held.name)[superpoint])
        parent = parent if parent >= 0 else None
    place = [float(value) for value in seen.uv[best]]
    return answer(request, PixelAnswer(point, superpoint, parent, place[0], place[1], float(seen.depth[best])))


def _frame(store: Database, scene: SceneInfo, name: str) -> Frame:
    return catalog.load_frame(store, scene.id, named(name))
