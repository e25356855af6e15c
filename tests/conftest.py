"""One PostgreSQL for the whole run; each test that asks for `store` gets an empty one of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from new_store import new_database, new_store
from ovstore.core import file_locks
from ovstore.store.postgres import migrate, pools
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import Server


@pytest.fixture(scope="session", autouse=True)
def one_connection() -> Iterator[None]:
    """A store of this process has one connection to write and one to read: a call that holds one may take no second."""
    with pytest.MonkeyPatch.context() as settings:
        settings.setattr(pools, "CONNECTIONS", 1)
        settings.setattr(pools, "PATIENCE", 10.0)
        yield


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """Where clusters are made: in memory where there is room, with a path as short as a user's home."""
    shared = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    roomy = shared is not None and shared.f_bavail * shared.f_frsize > 2 << 30
    parent = Path("/dev/shm" if roomy else tempfile.gettempdir())
    for left in parent.glob("ovstore-tests-*"):  # by a run that was killed
        with suppress(OSError):
            lock = os.open(left / "lock", os.O_RDWR)
            if file_locks.take(lock):
                shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix="ovstore-tests-", dir=parent))
    file_locks.take(lock := file_locks.opened(folder / "lock"))
    folder.chmod(0o755)
    yield folder
    os.close(lock)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(quick_folder: Path) -> Iterator[Server]:
    """A running embedded server with a migrated database `empty` to copy; what it writes need not survive a crash."""
    folder = quick_folder / "shared"
    server = Server(folder / "postgres")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE empty")
    with Database(folder, server.conninfo("empty")) as store, store.connect() as connected:
        migrate.upgrade(connected)
    yield server
    server.close()


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the ovstore.toml nor the notes of names of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            environment.setenv(name, str(tmp_path_factory.mktemp("user")))
        environment.delenv("OVSTORE_ENCODER", raising=False)
        yield


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    with new_database(server) as url:
        yield url


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with new_store(tmp_path / "store", database_url) as store:
        yield store


@pytest.fixture(scope="module")
def shared_store(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One for all tests of a module that only read what is put into it."""
    with new_database(server) as url, new_store(tmp_path_factory.mktemp("shared") / "store", url) as store:
        yield store
