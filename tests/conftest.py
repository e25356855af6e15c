"""One PostgreSQL for the whole run; each test that asks for `store` gets an empty one of its own."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from ovstore.store import database, flocks, migrate, pools
from ovstore.store.database import Store
from ovstore.store.server import USER, Server


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
            if flocks.take(lock):
                shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix="ovstore-tests-", dir=parent))
    flocks.take(lock := flocks.opened(folder / "lock"))
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
    with Store(folder, server.conninfo("empty")) as store, store.connect() as connected:
        migrate.upgrade(connected)
    yield server
    server.close()


@contextmanager
def new_database(server: Server) -> Iterator[str]:
    """The URL of a database with today's schema and nothing in it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE empty")
        yield f"postgresql://{USER}@/{name}?host={quote(str(server.folder / 'run'), safe='')}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_store(folder: Path, database_url: str) -> Iterator[Store]:
    """An open, empty store. The command line reaches it with `--store store.path`, in this process or another."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OVSTORE_DATABASE_URL", database_url)
        environment.setenv("OVSTORE_HOME", str(folder))
        with database.open(create=True) as store:
            yield store


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
def store(tmp_path: Path, database_url: str) -> Iterator[Store]:
    with new_store(tmp_path / "store", database_url) as store:
        yield store


@pytest.fixture(scope="module")
def shared_store(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all tests of a module that only read what is put into it."""
    with new_database(server) as url, new_store(tmp_path_factory.mktemp("shared") / "store", url) as store:
        yield store
