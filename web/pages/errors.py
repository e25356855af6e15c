"""Errors on pages: the same sentence as the API's problem, readable."""

from starlette.requests import Request
from starlette.responses import Response

from ..problems import TITLES, Problem
from .rendering import page


def wanted_as_page(request: Request) -> bool:
    """Whether a person looks: a page was asked for, not an answer of the API."""
    return not request.url.path.startswith(("/api/", "/static/", "/mcp")) and "text/html" in request.headers.get(
        "accept", ""
    )


def page_of(request: Request, found: Problem) -> Response:
    """The sentence, and ways to go on."""
    near = found.further.get("near") or []
    response = page(request, "error.html", found.status, title=TITLES[found.name], detail=found.detail, near=near)
    for name, value in found.headers.items():
        response.headers[name] = value
    return response
