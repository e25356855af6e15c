"""GET /scenes/{dataset}/{scene}/regions and /table: the parts of a scene, and which superpoint is in which object."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import NotFound
from ...core.features import Level
from ...store.catalog import catalog, region_names
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.catalog.regions import Order, RegionInfo
from ...store.files.ply_writer import ply_bytes
from ...store.postgres.database import Database
from ...workflows.show import box_of_thing, evidence_of
from .. import files, paging, urls
from ..answers import BoxAnswer, OrientedBoxAnswer, Page, RegionAnswer, TableAnswer
from ..documents import answer
from ..served import Served, prefix, served
from ..views import SceneFrames, views

routes = APIRouter(tags=["regions"])

_ROWS, _PLY = "application/octet-stream", "model/ply"
_BYTES = files.described(_ROWS, _PLY)


@routes.get("/scenes/{dataset}/{scene}/regions", response_model=Page[RegionAnswer], summary="The parts of a scene")
def regions(
    request: Request,
    dataset: str,
    scene: str,
    features: str | None = None,
    level: Level = "object",
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 100,
    after: Annotated[str | None, Query(max_length=2000)] = None,
    order: Order = "-points",
) -> Response:
    """Those of one feature set and level, a part at a time."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    held = usual_set(here.store, found, features)
    infos = catalog.regions(
        here.store, found.id, level, feature_set=held.name, after=after, limit=limit, order=order, details=True
    )
    frames = SceneFrames.showing(here.store, found, (view for one in infos for view in one.views))
    total = held.object_count if level == "object" else held.superpoint_count
    return answer(request, Page([_plain(prefix(request), frames, one) for one in infos], infos.next, total))


@routes.get(
    "/scenes/{dataset}/{scene}/regions/{level}/{ordinal}", response_model=RegionAnswer, summary="One part of a scene"
)
def region(
    request: Request, dataset: str, scene: str, level: str, ordinal: int, features: str | None = None
) -> Response:
    """A region, or a thing, which is a node of the tree of things."""
    here = served(request)
    found, info = _found(here, dataset, scene, level, ordinal, features)
    if info.level == "superpoint":
        parents = catalog.load_object_of_superpoint(here.store, found.id, info.features)
        info = replace(info, parent=int(parents[info.ordinal]))
    shown = replace(info, views=evidence_of(here.store, info))
    if info.level == "thing":
        shown = replace(shown, oriented_box=box_of_thing(here.store, info))
    frames = SceneFrames.showing(here.store, found, shown.views)
    return answer(request, _plain(prefix(request), frames, shown))


@routes.get(
    "/scenes/{dataset}/{scene}/regions/{level}/{ordinal}/points",
    response_class=Response,
    responses=_BYTES,
    summary="The points of one part",
)
def region_points(
    request: Request, dataset: str, scene: str, level: str, ordinal: int, features: str | None = None
) -> Response:
    """Rows in stored order (uint32, little-endian), or with `Accept: model/ply` the points themselves."""
    here = served(request)
    found, info = _found(here, dataset, scene, level, ordinal, features)
    held = catalog.find_feature_set(here.store, found, info.features)
    loaded = catalog.load_points(here.store, found.id)
    if info.level == "thing":
        inside = np.isin(loaded.superpoint, info.superpoints)
    else:
        kind: Level = "object" if info.level == "object" else "superpoint"
        inside = catalog.features_file(here.store, held).regions(kind, loaded.superpoint) == ordinal
    rows = np.flatnonzero(inside)
    version = f"rows {found.content_digest} {held.content_digest} {info.name}"
    if _PLY in request.headers.get("accept", ""):
        cloud = loaded.points
        rgb = None if cloud.rgb is None else cloud.rgb[rows]
        return files.whole(request, f"{version} ply", _PLY, ply_bytes(cloud.xyz[rows], rgb))
    return files.whole(request, version, _ROWS, rows.astype("<u4").tobytes())


@routes.get("/scenes/{dataset}/{scene}/table", response_model=TableAnswer, summary="Superpoints and their objects")
def table(request: Request, dataset: str, scene: str, features: str | None = None) -> Response:
    """What colours superpoints by the scores of their objects; it changes only with the feature set."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    held = usual_set(here.store, found, features)
    parents = catalog.load_object_of_superpoint(here.store, found.id, held.name)
    infos = catalog.regions(here.store, found.id, "object", feature_set=held.name)
    objects = {one.ordinal: one.id for one in infos}
    made = TableAnswer(
        features=held.name,
        feature_set=held.id,
        superpoints=parents.tolist(),
        objects=[objects.get(number, 0) for number in range(max(objects, default=-1) + 1)],
    )
    return answer(request, made, f"table {held.content_digest} {held.id}")


def usual_set(store: Database, scene: SceneInfo, features: str | None) -> FeatureSetInfo:
    """The feature set of that name, the only one, or that which most scenes have."""
    if features is None and len(scene.features) > 1:
        usual = catalog.feature_kind(store).name
        features = usual if usual in scene.features else scene.features[0]
    return catalog.find_feature_set(store, scene, features)


def _found(
    here: Served, dataset: str, scene: str, level: str, ordinal: int, features: str | None
) -> tuple[SceneInfo, RegionInfo]:
    found = urls.scene_of(here.store, dataset, scene)
    name = urls.region_of(level, ordinal)
    if ordinal < 0:
        raise NotFound(f"{found.full_name} has no region {name}: ordinals begin at 0.")
    return found, region_names.find(here.store, f"{found.full_name}:{name}", features)


def _plain(prefix: str, frames: SceneFrames, info: RegionInfo) -> RegionAnswer:
    scene, box = frames.scene, info.oriented_box
    boxed = None if box is None else OrientedBoxAnswer(box.centre.tolist(), box.axes.tolist(), box.size.tolist())
    return RegionAnswer(
        ordinal=info.ordinal,
        id=info.id,
        name=info.name,
        level=info.level,
        parent=None if info.parent is None or info.parent < 0 else info.parent,
        point_count=info.point_count,
        seen_count=info.seen_count,
        centre=list(info.centre),
        box=BoxAnswer(list(info.box_min), list(info.box_max)),
        oriented_box=boxed,
        label=info.label,
        views=views(prefix, frames, info.views),
        superpoints=list(info.superpoints),
        url=urls.scene_page(prefix, scene.dataset, scene.name, {"region": info.name}),
    )
