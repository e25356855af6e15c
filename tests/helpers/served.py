"""A client of the web application over a store, in this process. Shared by tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ovstore.web.app import create_app
from ovstore.web.options import WebOptions
from ovstore.workflows.open_store import Store
from starlette.testclient import TestClient

BASE = "http://127.0.0.1:8000"


@contextmanager
def client(store: Store, **options: Any) -> Iterator[TestClient]:
    """One that is on loopback; errors of the application are answers, as in a server."""
    app = create_app(store, WebOptions(**options))
    with TestClient(app, base_url=BASE, raise_server_exceptions=False, follow_redirects=False) as found:
        found.get("/api/v1/suggest?q=r")
        yield found
