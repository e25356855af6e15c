"""GET /scenes/{dataset}/{scene}/regions and /table: the parts of a scene, and which superpoint is in which object."""

from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import NotFound
from ...core.features import LEVELS, Evidence, Level, Region
from ...store.catalog import catalog, region_names
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.catalog.regions import RegionInfo, load_regions, region_views
from ...store.files.ply_writer import ply_bytes
from ...store.postgres.database import Database
from .. import files, paging, urls
from ..answers import BoxAnswer, OrientedBoxAnswer, Page, RegionAnswer, TableAnswer
from ..documents import answer
from ..served import Served, prefix, served
from ..views import SceneFrames, views

routes = APIRouter(tags=["regions"])

_ROWS, _PLY = "application/octet-stream", "model/ply"
_BYTES = files.described(_ROWS, _PLY)
Ordinal = Annotated[int, Query(ge=0, le=2**31 - 1)]


@routes.get("/scenes/{dataset}/{scene}/regions", response_model=Page[RegionAnswer], summary="The parts of a scene")
def regions(
    request: Request,
    dataset: str,
    scene: str,
    features: str | None = None,
    level: Level = "object",
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 100,
    after: Annotated[str | None, Query(max_length=2000)] = None,
    order: Literal["-points", "ordinal"] = "-points",
) -> Response:
    """Those of one feature set and level, a part at a time."""
    here = served(request)
    found = urls.scene_of(here.store, dataset, scene)
    held = usual_set(here.store, found, features)
    infos = [one for one in catalog.regions(here.store, found.id, level) if one.feature_set_id == held.id]
    parents = parents_of(here.store, found, held) if level == "superpoint" else {}
    if order == "-points":
        key, kinds = (lambda one: (-one.point_count, one.ordinal)), (int, int)
        taken, more = paging.part(infos, key, paging.key_of(after, kinds), limit)
    else:
        taken, more = paging.part(infos, lambda one: (one.ordinal,), paging.key_of(after, (int,)), limit)
    stored = {one.ordinal: one for one in load_regions(here.store, held.id, held.space, level).regions}
    frames = SceneFrames.of(here.store, found)
    items = [_plain(prefix(request), frames, one, stored.get(one.ordinal), parents.get(one.ordinal)) for one in taken]
    return answer(request, Page(items, more, len(infos)))


@routes.get(
    "/scenes/{dataset}/{scene}/regions/{level}/{ordinal}", response_model=RegionAnswer, summary="One part of a scene"
)
def region(
    request: Request, dataset: str, scene: str, level: str, ordinal: int, features: str | None = None
) -> Response:
    """A region, or a thing, which is a node of the tree of things."""
    here = served(request)
    found, info = _found(here, dataset, scene, level, ordinal, features)
    frames = SceneFrames.of(here.store, found)
    held = catalog.find_feature_set(here.store, found, info.features)
    shown = region_views(here.store, info.id)
    stored = None
    if info.level != "thing":
        every = load_regions(here.store, held.id, held.space, "object" if info.level == "object" else "superpoint")
        stored = next((one for one in every.regions if one.ordinal == ordinal), None)
    parent = parents_of(here.store, found, held).get(ordinal) if info.level == "superpoint" else None
    return answer(request, _plain(prefix(request), frames, info, stored, parent, shown))


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
    parents = parents_of(here.store, found, held)
    objects = {
        one.ordinal: one.id for one in catalog.regions(here.store, found.id, "object") if one.feature_set_id == held.id
    }
    made = TableAnswer(
        features=held.name,
        feature_set=held.id,
        superpoints=[parents.get(number, -1) for number in range(max(parents, default=-1) + 1)],
        objects=[objects.get(number, 0) for number in range(max(objects, default=-1) + 1)],
    )
    return answer(request, made, f"table {held.content_digest} {held.id}")


def usual_set(store: Database, scene: SceneInfo, features: str | None) -> FeatureSetInfo:
    """The feature set of that name, the only one, or that which most scenes have."""
    if features is None and len(scene.features) > 1:
        usual = catalog.feature_kind(store).name
        features = usual if usual in scene.features else scene.features[0]
    return catalog.find_feature_set(store, scene, features)


def oriented(found: Region) -> OrientedBoxAnswer:
    """The box of a stored region."""
    box = found.oriented_box
    return OrientedBoxAnswer(box.centre.tolist(), box.axes.tolist(), box.size.tolist())


def _found(
    here: Served, dataset: str, scene: str, level: str, ordinal: int, features: str | None
) -> tuple[SceneInfo, RegionInfo]:
    found = urls.scene_of(here.store, dataset, scene)
    name = urls.region_of(level, ordinal)
    if ordinal < 0:
        raise NotFound(f"{found.full_name} has no region {name}: ordinals begin at 0.")
    return found, region_names.find(here.store, f"{found.full_name}:{name}", features)


def parents_of(store: Database, scene: SceneInfo, held: FeatureSetInfo) -> dict[int, int]:
    """The object of each superpoint that a frame saw: rows of the file of features are grouped by both."""
    infos = {
        level: sorted(
            (one for one in catalog.regions(store, scene.id, level) if one.feature_set_id == held.id),
            key=lambda one: one.row_start,
        )
        for level in LEVELS
    }
    starts = np.array([one.row_start for one in infos["object"]])
    own = np.array([one.row_start for one in infos["superpoint"]])
    places = np.searchsorted(starts, own, side="right") - 1 if len(starts) else np.empty(0, int)
    return {
        one.ordinal: infos["object"][place].ordinal
        for one, place in zip(infos["superpoint"], places.tolist(), strict=bool(len(starts)))
        if place >= 0
    }


def _plain(
    prefix: str,
    frames: SceneFrames,
    info: RegionInfo,
    stored: Region | None,
    parent: int | None,
    shown: list[Evidence] | None = None,
) -> RegionAnswer:
    scene = frames.scene
    if shown is None:
        names = list(frames.frames)
        shown = [
            Evidence(names[view.frame], "", view.box_xyxy, view.visible_points)
            for view in (stored.views if stored else ())
        ]
    return RegionAnswer(
        ordinal=info.ordinal,
        id=info.id,
        name=info.name,
        level=info.level,
        parent=parent,
        point_count=info.point_count,
        seen_count=info.seen_count,
        centre=list(info.centre),
        box=BoxAnswer(list(info.box_min), list(info.box_max)),
        oriented_box=None if stored is None else oriented(stored),
        label=info.label,
        views=views(prefix, frames, shown),
        url=urls.scene_page(prefix, scene.dataset, scene.name, {"region": info.name}),
    )
