"""A store is a folder and its database: opened together, held together, refused in one sentence."""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import ovstore
import psycopg
import pytest
import small_scene
from click.testing import CliRunner
from new_store import TEMPLATE
from ovstore.cli import main
from ovstore.core import plugins
from ovstore.core.errors import BadInput, DatabaseError, NotFound, SchemaVersion
from ovstore.core.features import Query
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres import cluster, database, migrate
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database_url import described, redacted
from ovstore.store.postgres.schema import datasets
from ovstore.store.postgres.server import Server
from ovstore.store.search.search import search
from pgvector import HalfVector
from sqlalchemy import func, insert, select, text


@pytest.fixture(scope="module")
def embedded_path(quick_folder: Path) -> Path:
    """A store with its own server, closed."""
    with database.open(quick_folder / "embedded", create=True) as store:
        return store.path


@pytest.fixture
def embedded(embedded_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with database.open(embedded_path) as store:
        yield store


def add_dataset(store: Database, name: str) -> None:
    with store.connect() as connection:
        connection.execute(insert(datasets).values(name=name, format="rgbd"))


def names(store: Database) -> list[str]:
    with store.connect() as connection:
        return list(connection.scalars(select(datasets.c.name).order_by(datasets.c.id)))


def test_what_a_transaction_wrote_is_there_and_what_failed_is_not(store: Database) -> None:
    add_dataset(store, "kept")
    with pytest.raises(ZeroDivisionError), store.connect() as connection:
        connection.execute(insert(datasets).values(name="lost", format="rgbd"))
        raise ZeroDivisionError
    assert names(store) == ["kept"]


def test_every_connection_knows_vectors_and_keeps_looking_until_a_filter_is_served(store: Database) -> None:
    with store.driver_connection() as connection:
        [found] = connection.execute("SELECT '[1,2]'::halfvec").fetchone() or [None]
        assert found == HalfVector(np.array([1, 2], np.float16))
        assert connection.execute("SHOW hnsw.iterative_scan").fetchone() == ("relaxed_order",)


def test_a_reading_connection_cannot_write(store: Database) -> None:
    with pytest.raises(DatabaseError, match="read-only transaction"), store.connect(read_only=True) as connection:
        connection.execute(insert(datasets).values(name="no", format="rgbd"))


@pytest.mark.parametrize(
    "statement",
    [
        "COMMIT; BEGIN; SET TRANSACTION READ WRITE; DELETE FROM datasets",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
def test_the_embedded_reader_has_no_way_round(embedded: Database, statement: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), embedded.connect(read_only=True) as connection:
        connection.execute(text(statement))


def test_files_stay_inside_the_store(store: Database) -> None:
    assert store.file("scenes/room/points.parquet") == store.path / "scenes/room/points.parquet"
    (store.path / "link").symlink_to("/etc")
    for outside in ("../other", "/etc/passwd", "scenes/../../x", "link/passwd"):
        with pytest.raises(BadInput, match="outside the store"):
            store.file(outside)


def test_a_folder_without_a_store_is_not_made_by_asking(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"There is no store in .*create one with `ovstore ingest`"):
        database.open(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_an_older_schema_is_refused_with_the_command_to_type(store: Database) -> None:
    with store.connect() as connection:
        migrate.downgrade(connection, "0003")
    with pytest.raises(SchemaVersion, match=f"at 0003.*ovstore --store {store.path} db upgrade"):
        database.open()
    result = CliRunner().invoke(main, ["--store", str(store.path), "db", "upgrade"])
    assert result.output == f"The schema went from 0003 to {migrate.head()}.\n"
    database.open().close()


def test_a_newer_schema_is_refused(store: Database) -> None:
    with store.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaVersion, match="written by a newer ovstore"):
        database.open()


def test_going_back_asks_for_yes(store: Database) -> None:
    command = ["--store", str(store.path), "db", "downgrade", "0003"]
    assert CliRunner().invoke(main, command).exit_code == 2
    assert CliRunner().invoke(main, [*command, "--yes"]).exit_code == 0
    result = CliRunner().invoke(main, ["--store", str(store.path), "db", "current"])
    assert "0004  no " in result.stdout
    assert "ovstore db upgrade" in result.stderr


def test_a_step_that_does_not_exist_is_named(store: Database) -> None:
    result = CliRunner().invoke(main, ["--store", str(store.path), "db", "upgrade", "12"])
    steps = sorted(path.name[:4] for path in (Path(ovstore.__path__[0]) / "migrations" / "versions").glob("0*.py"))
    known = ", ".join(["base", *steps, "head"])
    assert result.stderr == f"Error: The schema has no step '12'. Known: {known}.\n"


def test_a_database_answers_to_one_folder_only(store: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="belongs to a store in another folder"):
        database.open(tmp_path / "other", create=True)
    (tmp_path / "other" / "store.json").write_text('{"id": "not-this", "database": "external"}')
    with pytest.raises(DatabaseError, match="belongs to another store"):
        database.open(tmp_path / "other", create=True)


def test_a_store_does_not_look_empty_beside_the_wrong_database(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL")
    with pytest.raises(DatabaseError, match="set OVSTORE_DATABASE_URL"):
        database.open(store.path)


def test_an_embedded_store_refuses_another_server(embedded_path: Path, database_url: str) -> None:
    with pytest.raises(DatabaseError, match="unset OVSTORE_DATABASE_URL"):
        database.open(embedded_path, database_url=database_url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://me:secret@127.0.0.1:1/scenes", r"Cannot reach the database me@127.0.0.1:1/scenes: .*refused"),
        ("postgresql+psycopg://me:secret@no-such-host.invalid/x", r"Cannot reach the database me@no-such-host.invalid"),
        ("sqlite:///x.db", r"The database URL cannot be read"),
    ],
)
def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path, url: str, sentence: str) -> None:
    with pytest.raises(DatabaseError, match=sentence) as caught:
        database.open(tmp_path / "store", database_url=url, create=True)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:PASS%WORD@127.0.0.1:1/scenes",
        "postgresql://me:%zzPASSWORD@127.0.0.1:1/scenes",
        "postgresql://me:p@PASSWORD@127.0.0.1:1/scenes",
        "postgresql://me:PASSWORD/1@127.0.0.1:1/scenes",
        "postgresql://me:1/PASSWORD@127.0.0.1:1/scenes",
        "postgresql://me:1/?PASSWORD@127.0.0.1:1/scenes",
        "postgresql://me:PASSWORD#1?@127.0.0.1:1/scenes",
        "postgresql://me:PASS WORD@127.0.0.1:1/scenes",
        "postgresql://me:PASSWORD@[::1/scenes",
        "postgresql://me:PASSWORD@127.0.0.1:port/scenes",
        "postgresql://me:PASSWORD@127.0.0.1:99999/scenes",
        "postgresql://127.0.0.1:1/scenes?user=me&password=PASSWORD",
        "postgresql://127.0.0.1:1/scenes?user=me&password=PASS%WORD",
        "postgresql://127.0.0.1:1/scenes?sslpassword=PASSWORD",
        "postgresql://me:PASSWORD@127.0.0.1:1/scenes?no_such=option",
        "mysql://me:PASSWORD@127.0.0.1/scenes",
        "me:PASSWORD@127.0.0.1/scenes",
        "host=127.0.0.1 port=1 user=me password=PASSWORD",
        "host=127.0.0.1 port=1 user=me password='PASS WORD",
        "host=127.0.0.1 port=1 user=me password=PASS WORD",
    ],
)
def test_a_password_is_never_shown(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseError) as caught:
        database.open(tmp_path / "store", database_url=url, create=True)
    monkeypatch.setenv("OVSTORE_DATABASE_URL", url)
    shown = "".join(traceback.format_exception(caught.value))
    shown += CliRunner().invoke(main, ["--store", str(tmp_path / "store"), "doctor"]).output
    assert "PASS" not in shown and "WORD" not in shown
    assert "\n" not in str(caught.value)


def test_a_store_shows_its_database_without_the_password(store: Database) -> None:
    assert "PASSWORD" not in described("postgresql://me:PASSWORD@host:5/scenes")
    assert described("postgresql://me:PASS%40WORD@host:5/scenes?sslmode=require") == "me@host:5/scenes"
    said = "could not use PASS@WORD of postgresql://me:other@host/x"
    assert (
        redacted(said, "postgresql://me:PASS%40WORD@host/scenes") == "could not use ... of postgresql://me:...@host/x"
    )


def test_a_database_that_is_not_there_is_named(tmp_path: Path, server: Server) -> None:
    with pytest.raises(DatabaseError, match="no such database: create it there"):
        database.open(tmp_path / "store", database_url=server.conninfo("absent"), create=True)


@pytest.fixture
def guest_url(embedded_server: Server) -> Iterator[str]:
    """The URL of a role whose password the server asks for, with a wrong one."""
    rules = embedded_server.folder / "access.conf"
    before = rules.read_text()
    url = embedded_server.conninfo(TEMPLATE, "guest") + " password=wrong"
    with psycopg.connect(embedded_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        rules.write_text(f"local all guest scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        with pytest.raises(psycopg.OperationalError):
            for _ in range(1000):  # until the rules are read
                psycopg.connect(url).close()
        yield url
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("DROP ROLE guest")


def test_a_wrong_password_is_said(tmp_path: Path, guest_url: str) -> None:
    with pytest.raises(DatabaseError, match="rejects the password: check OVSTORE_DATABASE_URL"):
        database.open(tmp_path / "store", database_url=guest_url, create=True)


def test_a_server_without_pgvector_is_told_apart_from_one_with_an_old_one(
    tmp_path: Path, embedded_server: Server
) -> None:
    with psycopg.connect(embedded_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare")
        connection.execute("CREATE DATABASE bare")
        connection.execute("ALTER DATABASE bare SET extension_control_path = '/nowhere'")
    with pytest.raises(DatabaseError, match=r"has no pgvector: install version 0\.7 or newer there"):
        database.open(tmp_path / "store", database_url=embedded_server.conninfo("bare"), create=True)


def test_too_old_a_pgvector_says_how_to_update(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'")
    with pytest.raises(DatabaseError, match=r"has pgvector 0\.6\.2, but 0\.7 or newer is needed: run ALTER EXTENSION"):
        database.open(tmp_path / "store", database_url=database_url, create=True)


def kill_the_server(store: Database) -> None:
    os.kill(cluster.noted_pid(store.path / "postgres") or 0, signal.SIGKILL)


def test_a_store_survives_the_death_of_its_server(embedded: Database) -> None:
    add_dataset(embedded, "before")
    with pytest.raises(DatabaseError, match="was lost in the middle"), embedded.connect() as connection:
        connection.execute(insert(datasets).values(name="unfinished", format="rgbd"))
        kill_the_server(embedded)
        connection.execute(text("SELECT pg_sleep(20)"))
    assert names(embedded) == ["before"]


def test_a_copy_that_loses_its_server_leaves_no_row(embedded: Database) -> None:
    before = names(embedded)
    with pytest.raises(DatabaseError, match="was lost in the middle"), embedded.driver_connection() as connection:  # noqa: SIM117
        with connection.cursor().copy("COPY datasets (name, format) FROM STDIN") as copy:
            copy.write_row(("half", "rgbd"))
            kill_the_server(embedded)
            for _ in range(100_000):
                copy.write_row(("half", "rgbd" * 1000))
    assert names(embedded) == before


def test_processes_that_open_an_empty_store_at_once_agree(tmp_path: Path, server: Server) -> None:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        connection.execute("CREATE DATABASE bare")
    program = "import ovstore, sys; ovstore.open(sys.argv[1], database_url=sys.argv[2], create=True).close()"
    command = [sys.executable, "-c", program, str(tmp_path / "store"), server.conninfo("bare")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
    with (
        database.open(tmp_path / "store", database_url=server.conninfo("bare"), create=True) as store,
        store.connect() as connection,
    ):
        assert connection.scalar(select(func.count()).select_from(text("store_identity"))) == 1


def test_a_fork_and_its_parent_do_not_share_connections(store: Database) -> None:
    names(store)  # one connection is open
    child = os.fork()
    if child == 0:
        try:
            add_dataset(store, "child")
        finally:
            os._exit(0)
    add_dataset(store, "parent")
    os.waitpid(child, 0)
    assert sorted(names(store)) == ["child", "parent"]


def test_a_store_that_was_moved_while_it_was_open_says_so(store: Database, tmp_path: Path) -> None:
    small_scene.make().publish(store)
    store.path.rename(tmp_path / "elsewhere")
    query = Query(np.ones(16, np.float32) / 4, small_scene.SPACE)
    for ask in (
        lambda: search(store, query),
        lambda: catalog.load_points(store, 1),
        lambda: verify.check(store, contents=True),
        lambda: verify.clean(store),
        lambda: small_scene.make("other").publish(store),
        lambda: plugins.load("store.search.indexes", "faiss").build(store, 1, "object"),
    ):
        with pytest.raises(NotFound, match=r"was moved or removed while it was open\. Open it at its new location\."):
            ask()
    assert not store.path.exists()
    (tmp_path / "elsewhere").rename(store.path)
    assert len(search(store, query)) > 0


def test_an_embedded_store_that_was_moved_while_it_was_open_says_so(quick_folder: Path, monkeypatch) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with database.open(quick_folder / "moving", create=True) as store:
        store.engine.dispose()
        store.path.rename(quick_folder / "moved")
        with pytest.raises(NotFound, match="was moved or removed while it was open"), store.connect():
            pass
        (quick_folder / "moved").rename(store.path)
