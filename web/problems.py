"""Errors as RFC 9457 problem documents: one sentence, a status, and no path of the server."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..core import errors
from ..core.errors import OvstoreError
from ..core.wording import without_paths
from .documents import dumped

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TITLES = {
    "bad-input": "The request cannot be answered as it stands",
    "unknown-words": "The encoder does not know these words",
    "space-mismatch": "Vectors of two embedding spaces cannot be compared",
    "not-found": "There is nothing of that name",
    "missing-package": "A package is not installed on the server",
    "database": "The database does not answer",
    "warming": "The network that reads words is still loading",
    "busy": "Too much is being asked at once",
    "switched-off": "This is switched off here",
    "too-large": "The request is too large",
    "too-slow": "The request took too long to arrive",
    "method": "This can only be asked in another way",
    "media-type": "The body is of another kind than was expected",
    "foreign-host": "The server is not known under this name",
    "foreign-origin": "Requests from other sites are refused",
    "no-token": "A token is needed",
    "range": "There is no such part",
    "bug": "Something went wrong here",
}
_KINDS: tuple[tuple[type[OvstoreError], str, int], ...] = (  # the first that fits
    (errors.UnknownWords, "unknown-words", 422),
    (errors.SpaceMismatch, "space-mismatch", 409),
    (errors.NotFound, "not-found", 404),
    (errors.MissingPackage, "missing-package", 501),
    (errors.DatabaseError, "database", 503),
    (OvstoreError, "bad-input", 400),
)
_STATUS = {404: "not-found", 405: "method", 413: "too-large", 415: "media-type", 416: "range"}


class Problem(Exception):
    """An answer that is a problem."""

    def __init__(
        self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None, **further: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail = status, name, detail
        self.headers, self.further = dict(headers or {}), further


def busy(detail: str, seconds: int = 1) -> Problem:
    """Too much at once; when to try again."""
    return Problem(503, "busy", detail, headers={"Retry-After": str(seconds)})


def problem_of(error: BaseException, roots: Sequence[str] = ()) -> Problem:
    """What an exception is to a client; what nobody foresaw gets a number that the log has, too.

    `roots` are folders whose paths may hold blanks, such as the store's.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, OvstoreError):
        name, status = next((name, status) for kind, name, status in _KINDS if isinstance(error, kind))
        near = list(error.near)
        further: dict[str, Any] = {"near": near} if status in (404, 422) else {}
        headers = {"Retry-After": "5"} if status == 503 else {}
        return Problem(status, name, without_paths(str(error), roots), headers=headers, **further)
    if isinstance(error, RequestValidationError):
        said = [
            {"field": ".".join(map(str, one["loc"][1:] or one["loc"])), "said": str(one["msg"])}
            for one in error.errors()
        ]
        first = f"{said[0]['field']}: {said[0]['said']}" if said else "The request is not valid."
        return Problem(400, "bad-input", first, errors=said)
    if isinstance(error, HTTPException):
        name = _STATUS.get(error.status_code, "bad-input")
        return Problem(error.status_code, name, TITLES[name] + ".", headers=error.headers)
    number = secrets.token_hex(4)
    log.error("Error %s", number, exc_info=error)
    return Problem(500, "bug", f"Error {number}: the server's log says more.", number=number)


def response_of(found: Problem, path: str, prefix: str = "") -> Response:
    """The document of a problem."""
    document = {
        "type": f"{prefix}/api/problems/{found.name}",
        "title": TITLES[found.name],
        "status": found.status,
        "detail": found.detail,
        "instance": path,
        **found.further,
    }
    headers = {"Cache-Control": "no-store"} | found.headers
    return Response(dumped(document), found.status, headers, MEDIA_TYPE)
