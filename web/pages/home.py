"""/: the grid of scenes, or with a question the hits of all of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ...core.errors import OvstoreError, UnknownWords
from ...core.wording import without_paths
from ...query.question import Question
from ...store.catalog import catalog, region_names
from .. import urls
from ..asked import MOST_CHARACTERS
from ..limits import worked
from ..problems import Problem
from ..rest import scenes, search
from ..served import prefix, served
from .rendering import page

routes = APIRouter()

_GRID = 60


@routes.get("/")
async def home(
    request: Request,
    q: Annotated[str, Query(max_length=MOST_CHARACTERS)] = "",
    like: Annotated[str, Query(max_length=1_500)] = "",
    excluded: Annotated[list[str], Query(alias="not")] = [],  # noqa: B006
    dataset: str = "",
    split: str = "",
    features: str = "",
    where: str = "",
    level: search.ResultLevel = "thing",
    sort: scenes.Sort = "name",
    top: Annotated[int, Query(ge=1, le=100)] = 12,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Answers at once: while the network for words loads, the page says so and asks again by itself."""
    here = served(request)
    own = prefix(request)
    excluded = [words for words in excluded if words.strip()]
    said: dict[str, Any] = {
        "q": q, "like": like, "excluded": excluded, "dataset": dataset, "split": split, "features": features,
        "where": where, "sort": sort, "top": top,
    }  # fmt: skip
    kinds = catalog.feature_kinds(here.store)
    choices: dict[str, Any] = {
        "datasets": sorted(catalog.names(here.store)["datasets"]),
        "kinds": sorted({kind.name for kind in kinds}),
    }
    if not q.strip() and not like:
        shown = scenes.found(here, own, dataset or None, split or None, features or None, None, sort, _GRID, after)
        return page(request, "home.html", twin=_twin("/scenes", request), scenes=shown, answer=None, **said, **choices)
    found, trouble, warming = None, None, False
    try:
        asked = search.Asked(
            Question(text=q or None) if not like else Question(like=like),
            tuple(excluded),
            (dataset,) if dataset else (),
            (),
            features or None,
            level,
            where or None,
        )
        found = await worked(request, here.gates.searches, lambda: search.found_hits(here, own, asked, top, after))
    except Problem as problem:
        if problem.name != "warming":
            raise
        trouble, warming = problem.detail, True
    except UnknownWords as error:
        trouble = without_paths(str(error))
    except OvstoreError as error:
        trouble = without_paths(str(error))
    return page(
        request,
        "hits.html",
        twin=_twin("/search", request),
        answer=found,
        trouble=trouble,
        warming=warming,
        **said,
        **choices,
    )


@routes.get("/regions/{id}")
def region(request: Request, id: str) -> Response:
    """A database id, as the command line prints it, leads to the region's lasting URL."""
    here = served(request)
    if not id.isdecimal():
        raise Problem(404, "not-found", f"{id[:60]!r} is not the id of a region.", near=[])
    found = region_names.find(here.store, id)
    where = urls.scene_page(prefix(request), found.dataset, found.scene, {"region": found.name})
    return RedirectResponse(where, 302)


def _twin(rest: str, request: Request) -> str:
    query = request.url.query
    return f"{urls.API}{rest}" + (f"?{query}" if query else "")
