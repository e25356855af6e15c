"""GET /jobs, /jobs/{id} and /events: attempts at scenes, as they are and as they go on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...core.errors import BadInput, NotFound
from ...core.paging import token
from ...core.wording import without_paths
from ...store.catalog import jobs as stored
from ...store.catalog.jobs import Job
from .. import paging
from ..answers import JobAnswer, Page
from ..documents import answer
from ..problems import Problem
from ..served import Served, served

routes = APIRouter(tags=["jobs"])

JobState = Literal["running", "stale", "done", "failed"]
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}}
_TOPICS = ("jobs", "scenes")


@routes.get("/jobs", response_model=Page[JobAnswer], summary="Attempts at scenes, newest first")
def jobs(
    request: Request,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 60,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """All of them, or those in one state; of failed ones, those that are a scene's latest."""
    return answer(request, found(served(request), state, limit, after))


@routes.get("/jobs/{id}", response_model=JobAnswer, summary="One attempt")
def job(request: Request, id: int) -> Response:
    """How far it is, or how it ended."""
    here = served(request)
    [held] = stored.jobs(here.store, 1, after=token("-id", (id + 1,))) or [None] if 0 <= id < 1 << 62 else [None]
    if held is None or held.id != id:
        raise NotFound(f"No job {id}: it was forgotten with its scene, or never was. See: ovstore jobs")
    return answer(request, plain(held))


@routes.get("/events", response_class=Response, responses=_EVENTS, summary="What happens, as it does")
async def events(request: Request, topics: Annotated[str, Query(max_length=40)] = "jobs,scenes") -> Response:
    """Server-sent events: `job` with an attempt, `scene` with what became of a scene."""
    here = served(request)
    wanted = [topic for topic in topics.split(",") if topic]
    if unknown := [topic for topic in wanted if topic not in _TOPICS]:
        raise BadInput(f"There is no topic {unknown[0][:40]!r}: jobs and scenes are.")
    subscription = here.watcher.subscribed(wanted, request.headers.get("last-event-id"))
    if subscription is None:
        raise Problem(429, "busy", "Too many streams of events are open.", headers={"Retry-After": "30"})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(subscription.stream(), headers=headers, media_type="text/event-stream")


def found(here: Served, state: JobState | None, limit: int = 60, after: str | None = None) -> Page[JobAnswer]:
    """What GET /jobs says."""
    if state == "failed":
        failed = sorted(stored.failed(here.store), key=lambda one: -one.id)
        page = paging.part(failed, "failed", lambda one: -one.id, after, limit)
    else:
        page = stored.jobs(here.store, limit, after=after, state=state)
    return Page([plain(one) for one in page], page.next, page.total)


def plain(one: Job) -> JobAnswer:
    """A job as clients see it."""
    running = one.state == "running"
    return JobAnswer(
        id=one.id,
        dataset=one.dataset,
        scene=one.scene,
        state=one.state,
        worker=one.worker,
        message=None if one.message is None else without_paths(one.message),
        started_at=one.started_at,
        finished_at=one.finished_at,
        stage=one.stage if running else None,
        done=one.done if running else None,
        total=one.total if running else None,
    )
