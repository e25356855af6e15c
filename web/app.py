"""The application: REST, pages and static files over one open store, behind the guard."""

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.gzip import GZipMiddleware

from .. import __version__
from ..store.catalog import catalog, changes
from ..store.catalog import jobs as stored_jobs
from ..workflows.open_store import Store
from . import error_handlers, mcp_http, pages, problems, static_files
from .answers import ProblemAnswer
from .events import Watcher
from .options import WebOptions
from .rest import frames, geometry, jobs, pictures, regions, scenes, scores, search, segment, sql
from .rest import store as store_resource
from .security import Guard
from .served import Served
from .urls import API
from .words import Words

log = logging.getLogger(__name__)

RESOURCES = (store_resource, scenes, geometry, regions, scores, frames, pictures, search, segment, jobs, sql)
_PROBLEM = {"description": "What went wrong", "content": {problems.MEDIA_TYPE: {}}, "model": ProblemAnswer}


def create_app(store: Store, options: WebOptions) -> Guard:
    """All that `ovstore web` serves; the store stays the caller's to close."""
    app = bare_app(store, options)
    return Guard(app, options, app.state.served.closing)


def bare_app(store: Store, options: WebOptions) -> FastAPI:
    """The same without the guard, for the schema."""
    closing = threading.Event()
    watcher = Watcher(lambda: changes.changes(store), lambda: _looked(store), closing)
    here = Served(store, options, Words(store), watcher, closing=closing)
    app = FastAPI(
        title="ovstore",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.served = here
    error_handlers.install(app)
    api = APIRouter(prefix=API, responses={"4XX": _PROBLEM, "5XX": _PROBLEM})
    for resource in RESOURCES:
        api.include_router(resource.routes)
    app.include_router(api)
    app.state.agents = mcp_http.install(app, store, options.sql)
    app.mount("/static", static_files.app())
    app.include_router(pages.routes)
    if not options.host.startswith("127."):  # bytes are free on the same machine
        app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=1)
    app.openapi = lambda: schema(app)  # type: ignore[method-assign]
    return app


def schema(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of /api/v1; what is wrong with a request is a problem like any other."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="ovstore", version="1", openapi_version="3.1.0", routes=app.routes,
            description="A store of 3D scenes: search, geometry, images. Reads only. See docs/web.md.",
        )  # fmt: skip
        for path in made["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if problems.MEDIA_TYPE in content and "application/json" in content:
                        content[problems.MEDIA_TYPE] = content.pop("application/json")
        for name in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    here: Served = app.state.served
    here.words.warm()
    async with app.state.agents:
        yield
    here.closing.set()


def _looked(store: Store) -> dict[tuple[str, Any], Any]:
    """What events are told of: attempts and scenes as they are now."""
    now: dict[tuple[str, Any], Any] = {("jobs", one.id): jobs.plain(one) for one in stored_jobs.jobs(store, 200)}
    for scene in catalog.scenes(store):
        now["scenes", scene.full_name] = {
            "dataset": scene.dataset, "name": scene.name, "digest": scene.content_digest,
            "features": list(scene.features),
        }  # fmt: skip
    return now
