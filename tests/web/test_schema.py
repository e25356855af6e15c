"""The published schema is what the server keeps to, whatever it is asked."""

from typing import Any

import openapi
import pytest
import requests
from ovstore.core import tilde
from ovstore.store.catalog import catalog
from ovstore.workflows.open_store import Store
from served import BASE, client
from starlette.testclient import TestClient

pytest.importorskip("schemathesis", reason="needs the package schemathesis")

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

PUBLISHED = schemathesis.openapi.from_dict(openapi.schema()).exclude(path="/api/v1/events")
CHECKS = [
    schemathesis.checks.not_a_server_error, content_type_conformance, response_schema_conformance,
    status_code_conformance,
]  # fmt: skip
FEW = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip


@pytest.fixture(scope="module")
def api(rooms: Store):  # type: ignore[no-untyped-def]
    with client(rooms, sql=True) as found:
        yield found


def ask(api: TestClient, case: Any) -> Any:
    """The request of a case, byte by byte as it would go out."""
    words = case.as_transport_kwargs(base_url=BASE)
    names = ("method", "url", "params", "headers", "json", "files", "data", "cookies")
    ready = requests.Request(**{name: value for name, value in words.items() if name in names}).prepare()
    headers = {**ready.headers, "X-Ovstore": "1"}
    body = ready.body if isinstance(ready.body, bytes) else (ready.body or "").encode()
    return api.request(ready.method, ready.url, headers=headers, content=body)


def test_the_committed_schema_is_todays() -> None:
    """After a change that is meant: python tests/helpers/openapi.py"""
    assert openapi.FILE.read_text() == openapi.printed()


def test_it_is_openapi_3_1_and_every_answer_and_problem_is_described() -> None:
    document = openapi.schema()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        assert path.startswith("/api/v1/")
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]
            assert operation["responses"]["200"]["content"]


@PUBLISHED.parametrize()
@FEW
def test_whatever_is_asked_the_answer_is_in_the_schema(case: Any, api: TestClient) -> None:
    case.validate_response(ask(api, case), checks=CHECKS)


@PUBLISHED.parametrize()
@FEW
def test_nor_does_a_scene_that_is_there_answer_otherwise(case: Any, api: TestClient, rooms: Store) -> None:
    known = {"dataset": "rgbd", "scene": "room", "level": "object", "ordinal": 1, "id": 1}
    frame = catalog.load_frames(rooms, catalog.find_scene(rooms, "room").id)[0]
    known["name"] = tilde.encode(frame.name)
    for name in list(case.path_parameters or {}):
        case.path_parameters[name] = known[name]
    if isinstance(case.query, dict) and "q" in case.query:
        case.query["q"] = "red"
    case.validate_response(ask(api, case), checks=CHECKS)
