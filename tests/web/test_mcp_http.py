"""/mcp of the web server: the tools of `ovstore mcp`, behind the guard of every other path."""

from typing import Any

import pytest
from ovstore.workflows.open_store import Store
from served import BASE, client

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
TOKEN = "a-token-of-enough-characters"


def asked(name: str, **arguments: Any) -> dict[str, Any]:
    return CALL | {"params": {"name": name, "arguments": arguments}}


def test_a_tool_answers_with_json_and_without_a_session(rooms: Store) -> None:
    with client(rooms) as api:
        answer = api.post("/mcp", json=asked("search", question="red", top=2), headers=HEADERS)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        found = answer.json()["result"]["structuredContent"]
        expected = api.get("/api/v1/search?q=red&limit=2").json()
        assert [(hit["region"], hit["score"]) for hit in found["hits"]] == [
            (hit["name"], hit["score"]) for hit in expected["hits"]
        ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_the_guard_stands_before_it(rooms: Store, headers: dict[str, str], status: int) -> None:
    with client(rooms) as api:
        assert api.post("/mcp", json=asked("store_overview"), headers=HEADERS | headers).status_code == status


def test_a_token_is_asked_for_where_there_is_one(rooms: Store) -> None:
    with client(rooms, token=TOKEN) as api:
        assert api.post("/mcp", json=asked("store_overview"), headers=HEADERS).status_code == 401
        shown = HEADERS | {"Authorization": f"Bearer {TOKEN}", "Origin": BASE}
        assert api.post("/mcp", json=asked("store_overview"), headers=shown).status_code == 200


def test_sql_is_a_tool_only_where_it_is_switched_on(rooms: Store) -> None:
    for allowed in (False, True):
        with client(rooms, sql=allowed) as api:
            answer = api.post("/mcp", json=asked("sql", statement="SELECT 1 AS one"), headers=HEADERS).json()
            assert answer["result"]["isError"] is not allowed
