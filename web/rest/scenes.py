"""GET /scenes and GET /scenes/{dataset}/{scene}: what was ingested."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.wording import without_paths
from ...store.catalog import catalog
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from .. import paging, urls
from ..answers import FeatureSetAnswer, Page, SceneAnswer, SceneDetails
from ..documents import answer
from ..served import Served, prefix, served
from .store import space

routes = APIRouter(tags=["scenes"])

Sort = Literal["name", "-created_at", "-points"]


@routes.get("/scenes", response_model=Page[SceneAnswer], summary="Scenes, a part at a time")
def scenes(
    request: Request,
    dataset: str | None = None,
    split: str | None = None,
    features: str | None = None,
    name: Annotated[str | None, Query(max_length=512, description="a part of the name")] = None,
    sort: Sort = "name",
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 60,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Those of a dataset, a split, with features of a name, or with `name` in theirs."""
    return answer(request, found(served(request), prefix(request), dataset, split, features, name, sort, limit, after))


@routes.get("/scenes/{dataset}/{scene}", response_model=SceneDetails, summary="One scene")
def scene(request: Request, dataset: str, scene: str) -> Response:
    """What is known of it, its findings, and its feature sets."""
    here = served(request)
    return answer(request, details(here, prefix(request), urls.scene_of(here.store, dataset, scene)))


def found(
    here: Served,
    prefix: str,
    dataset: str | None = None,
    split: str | None = None,
    features: str | None = None,
    name: str | None = None,
    sort: Sort = "name",
    limit: int = 60,
    after: str | None = None,
) -> Page[SceneAnswer]:
    """What GET /scenes says."""
    held = catalog.scenes(
        here.store, dataset, split=split, features=features, name_contains=name, sort=sort, after=after, limit=limit
    )
    return Page([plain(prefix, one) for one in held], held.next, held.total)


def details(here: Served, prefix: str, one: SceneInfo) -> SceneDetails:
    """What GET /scenes/{dataset}/{scene} says."""
    sets = [_feature_set(each) for each in catalog.feature_sets(here.store, one.id)]
    return SceneDetails(
        **vars(plain(prefix, one)),
        feature_sets=sets,
        geometry=urls.scene_api(prefix, one.dataset, one.name, "/geometry"),
        picture=urls.scene_api(prefix, one.dataset, one.name, "/picture", width="960", v=urls.version(one)),
    )


def plain(prefix: str, one: SceneInfo) -> SceneAnswer:
    """A scene as lists have it."""
    return SceneAnswer(
        id=one.id,
        dataset=one.dataset,
        name=one.name,
        full_name=one.full_name,
        format=one.format,
        split=one.split,
        up_axis=one.up_axis,
        point_count=one.point_count,
        frame_count=one.frame_count,
        seen_point_count=one.seen_point_count,
        box_min=list(one.box_min),
        box_max=list(one.box_max),
        findings=[without_paths(finding) for finding in one.findings],
        features=list(one.features),
        digest=one.content_digest,
        created_at=one.created_at,
        url=urls.scene_page(prefix, one.dataset, one.name),
        api_url=urls.scene_api(prefix, one.dataset, one.name),
        thumbnail=urls.scene_api(prefix, one.dataset, one.name, "/thumbnail", v=urls.version(one)),
    )


def _feature_set(one: FeatureSetInfo) -> FeatureSetAnswer:
    return FeatureSetAnswer(
        id=one.id,
        name=one.name,
        space=space(one.space),
        source=one.source,
        point_count=one.point_count,
        object_count=one.object_count,
        superpoint_count=one.superpoint_count,
        crop_count=one.crop_count,
        digest=one.content_digest,
        created_at=one.created_at,
    )
