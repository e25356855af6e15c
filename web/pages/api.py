"""/api: every endpoint with an example that runs, made from the schema; and what the problems mean."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...core import tilde
from ...store.catalog import catalog
from ..documents import answer
from ..problems import TITLES, Problem
from ..served import Served, served
from .rendering import page

routes = APIRouter()

_WORDS = "chair"


@routes.get("/api")
def api(request: Request) -> Response:
    """Read from the same document that programs get."""
    made = request.app.openapi()
    examples = _examples(served(request))
    endpoints = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "text": operation.get("description", ""),
            "parameters": operation.get("parameters", []),
            "example": _example(method, path, operation, examples),
        }
        for path, operations in made["paths"].items()
        for method, operation in operations.items()
    ]
    return page(request, "api.html", twin="/api/openapi.json", endpoints=endpoints, titles=TITLES)


@routes.get("/api/openapi.json")
def openapi(request: Request) -> Response:
    """OpenAPI 3.1."""
    return answer(request, request.app.openapi())


@routes.get("/api/problems/{name}")
def problem(request: Request, name: str) -> Response:
    """What `type` of a problem leads to."""
    if name not in TITLES:
        raise Problem(404, "not-found", f"There is no kind of problem called {name[:60]!r}.", near=sorted(TITLES))
    return page(request, "problem.html", name=name, title=TITLES[name])


def _examples(here: Served) -> dict[str, str]:
    held = catalog.scenes(here.store)[:1]
    if not held:
        return {}
    [scene] = held
    frames = catalog.load_frames(here.store, scene.id)[:1]
    found = {
        "dataset": tilde.encode(scene.dataset), "scene": tilde.encode(scene.name), "level": "object", "ordinal": "0",
        "id": "1", "q": _WORDS, "box": "10,10,100,80", "u": "80", "v": "60",
    }  # fmt: skip
    if frames:
        found["name"] = tilde.encode(frames[0].name)
    return found


def _example(method: str, path: str, operation: dict[str, Any], examples: dict[str, str]) -> str | None:
    """The URL of a GET whose parameters can be filled in."""
    if method != "get" or path.endswith("/events"):
        return None
    query = []
    for parameter in operation.get("parameters", []):
        name, wanted = parameter["name"], parameter.get("required") or (parameter["name"] == "q" and "/search" in path)
        if parameter["in"] == "path":
            if name not in examples:
                return None
            path = path.replace(f"{{{name}}}", examples[name])
        elif wanted:
            if name not in examples:
                return None
            query.append(f"{name}={examples[name]}")
    return path + ("?" + "&".join(query) if query else "")
