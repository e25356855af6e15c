"""/jobs: attempts at scenes."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from .. import urls
from ..rest import jobs
from ..served import served
from .rendering import page

routes = APIRouter()


@routes.get("/jobs")
def jobs_page(request: Request, state: jobs.JobState | None = None, after: str | None = None) -> Response:
    """As they are now; script keeps them so."""
    found = jobs.found(served(request), state, 100, after)
    twin = f"{urls.API}/jobs" + (f"?state={state}" if state else "")
    return page(request, "jobs.html", twin=twin, jobs=found, state=state)
