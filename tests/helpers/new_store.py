"""Empty databases and stores of their own for tests, on the one server of a run."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from ovstore.store.postgres import database
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import USER, Server


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    """The URL of a database with today's schema and nothing in it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE empty")
        yield f"postgresql://{USER}@/{name}?host={quote(str(server.folder / 'run'), safe='')}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_store(folder: Path, database_url: str) -> Iterator[Database]:
    """An open, empty store. The command line reaches it with `--store store.path`, in this process or another."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OVSTORE_DATABASE_URL", database_url)
        environment.setenv("OVSTORE_HOME", str(folder))
        with database.open(create=True) as store:
            yield store
