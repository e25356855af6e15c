"""Every error of the application ends as a problem, or as a page that says the same."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..core.errors import Cancelled, OvstoreError
from .limits import Gone
from .pages.errors import page_of, wanted_as_page
from .problems import Problem, problem_of, response_of
from .served import prefix, served


def install(app: FastAPI) -> None:
    """For what a person can mend, and for bugs."""
    for kind in (Problem, OvstoreError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)
    for kind in (Gone, Cancelled):
        app.add_exception_handler(kind, _nobody)


async def _answer(request: Request, error: Exception) -> Response:
    found = problem_of(error, [str(served(request).store.path)])
    if wanted_as_page(request):
        return page_of(request, found)
    return response_of(found, request.url.path, prefix(request))


async def _nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=499)
