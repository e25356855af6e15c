"""One PostgreSQL for the whole run; each test that asks for `store` gets an empty one of its own."""

import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from new_store import TEMPLATE, ExternalServer, new_database, new_store
from ovstore.core import file_locks, plugins
from ovstore.store.postgres import migrate, pools
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import Server

EXTERNAL_URL = os.environ.pop("OVSTORE_DATABASE_URL", None)  # tests set their own


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that imports a package of an extra that is not installed is skipped."""
    report = yield
    if report.failed and (reason := _missing_extra(report.longreprtext)):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 1, f"Skipped: {reason}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """So is a test that fails for want of one."""
    report = yield
    if report.failed and (reason := _missing_extra(report.longreprtext)):
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1] or 0, f"Skipped: {reason}")
    return report


def _missing_extra(failure: str) -> str | None:
    for package in re.findall(r"(?:No module named|needs the package) '(\w+)", failure):
        sentence = plugins.missing_package_sentence("the test", package)
        if "ovstore[" in sentence and find_spec(package) is None:
            return sentence
    return None


@pytest.fixture(scope="session", autouse=True)
def one_connection() -> Iterator[None]:
    """A store of this process has one connection to write and one to read: a call that holds one may take no second."""
    with pytest.MonkeyPatch.context() as settings:
        settings.setattr(pools, "USUAL", pools.PoolLimits(connections=1, patience=10.0))
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
def server(quick_folder: Path) -> Iterator[Server | ExternalServer]:
    """The server of OVSTORE_DATABASE_URL, else an embedded one whose writes need not survive a crash.

    Its database TEMPLATE has today's schema, to be copied.
    """
    folder = quick_folder / "shared"
    server = ExternalServer(EXTERNAL_URL, folder) if EXTERNAL_URL else Server(folder / "postgres")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        if isinstance(server, Server):
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    with Database(folder, server.conninfo(TEMPLATE)) as store, store.connect() as connected:
        migrate.upgrade(connected)
    yield server
    if isinstance(server, Server):
        server.close()


@pytest.fixture(scope="session")
def embedded_server(server: Server | ExternalServer) -> Server:
    """The same, for tests that change the server's own rules, roles or programs."""
    if isinstance(server, ExternalServer):
        pytest.skip("changes the server, which is not the embedded one")
    return server


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
