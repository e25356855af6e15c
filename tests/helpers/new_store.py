"""Empty databases and stores of their own for tests, on the one server of a run."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from ovstore.store.postgres import database
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import USER, Server
from sqlalchemy import make_url

TEMPLATE = "ovstore_tests_empty"  # a database with today's schema and nothing in it


@dataclass(frozen=True)
class ExternalServer:
    """A PostgreSQL server that runs anyway, for tests alone: its databases are made and dropped."""

    given: str  # the URL of a database on it, of a role that may create databases
    folder: Path  # for stores that need one

    def url(self, database: str) -> str:
        return make_url(self.given).set(database=database).render_as_string(hide_password=False)

    conninfo = url  # a URL is a connection string of libpq


@contextmanager
def new_database(server: Server | ExternalServer) -> Iterator[str]:
    """The URL of a database with today's schema and nothing in it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        if isinstance(server, ExternalServer):
            yield server.url(name)
        else:
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
