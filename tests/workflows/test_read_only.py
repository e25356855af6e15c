"""A store that is open read-only answers everything and changes nothing: by its role in the database, and in words."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coloured_scenes
import numpy as np
import ovstore
import psycopg
import pytest
from new_store import new_database
from ovstore.core.errors import Misused, NotFound, ReadOnlyStore, SchemaVersion
from ovstore.store.catalog import catalog, jobs, leases
from ovstore.store.maintain import forget, verify
from ovstore.store.postgres import migrate
from ovstore.store.postgres.schema import metadata
from ovstore.store.postgres.server import VIEWER, Server
from ovstore.workflows.ingest import IngestRequest, plan, run
from sqlalchemy import Connection, func, select, text


@pytest.fixture(scope="module", params=["embedded", "external"])
def folder(
    request: pytest.FixtureRequest, server: Server, quick_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Of a store with two scenes; OVSTORE_DATABASE_URL is as it needs to be."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OVSTORE_DATABASE_URL", raising=False)
        if request.param == "embedded":
            path = quick_folder / "read-only"
            with ovstore.open(path, create=True) as store:
                _fill(store)
                yield path
        else:
            path = tmp_path_factory.mktemp("read-only") / "store"
            with new_database(server) as url:
                environment.setenv("OVSTORE_DATABASE_URL", url)
                with ovstore.open(path, create=True) as store:
                    _fill(store)
                yield path


def _fill(store: ovstore.Store) -> None:
    coloured_scenes.publish(store, "hall", 0)
    coloured_scenes.publish(store, "room", 1, rare=True)


@pytest.fixture
def viewed(folder: Path) -> Iterator[ovstore.Store]:
    with ovstore.open(folder, read_only=True) as store:
        yield store


def rows(connection: Connection) -> dict[str, int]:
    return {name: connection.scalar(select(func.count()).select_from(table)) for name, table in metadata.tables.items()}


def test_it_runs_as_a_role_that_may_write_nothing(viewed: ovstore.Store) -> None:
    writing = text(
        "SELECT count(*) FROM pg_class WHERE relkind <> 'S' AND relnamespace = 'public'::regnamespace AND "
        f"has_table_privilege('{VIEWER}', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    )
    with viewed.connect() as connection:
        assert connection.scalar(text("SELECT current_user")) == VIEWER
        assert connection.scalar(text("SHOW transaction_read_only")) == "on"
        assert connection.scalar(writing) == 0
        assert connection.scalar(text(f"SELECT rolsuper FROM pg_roles WHERE rolname = '{VIEWER}'")) is False
    with pytest.raises(ReadOnlyStore, match="open read-only"), viewed.connect() as connection:
        connection.execute(text("SET TRANSACTION READ WRITE"))  # the role refuses even so
        connection.execute(text("DELETE FROM scenes"))


def test_it_answers_as_the_store_does_and_keeps_no_words(folder: Path, viewed: ovstore.Store) -> None:
    with viewed.connect() as connection:
        before = rows(connection)
    said = viewed.search("yellow", ungrouped=True)
    assert said[0].full_name.startswith("scans/room:")
    assert viewed.search("yellow") and viewed.search(like=said[0].full_name)
    assert viewed.sql("SELECT count(*) FROM scenes").to_pylist() == [{"count": 2}]
    assert len(viewed.scene("room").points()) and viewed.features() and viewed.feature_sets()
    assert jobs.jobs(viewed) == [] and jobs.failed(viewed) == []
    assert verify.check(viewed) == verify.check(viewed)
    with leases.reading(viewed):
        assert len(viewed.scene("room").points())
    with viewed.connect() as connection:
        assert rows(connection) == before
    with ovstore.open(folder) as store:
        assert store.search("yellow", ungrouped=True).to_dict() == said.to_dict()
        with store.connect() as connection:
            assert rows(connection)["text_vectors"] > before["text_vectors"]  # one that writes keeps them


WRITING: dict[str, Callable[[ovstore.Store], Any]] = {
    "add features": lambda store: store.add_features("room", "mine", np.ones((600, 13), np.float32), "color_words"),
    "start a job": lambda store: jobs.start(store, "scans", "new", {}),
    "publish": lambda store: coloured_scenes.publish(store, "third", 2),
    "forget a scene": lambda store: forget.forget_scenes(store, catalog.scenes(store)),
    "forget features": lambda store: forget.forget_features(store, catalog.feature_sets(store)),
    "clean": verify.clean,
    "distill": lambda store: ovstore.distill(store, features="colours", out="student"),
}


@pytest.mark.parametrize("name", WRITING)
def test_each_call_that_would_write_is_refused_by_name_and_leaves_every_file(
    folder: Path, viewed: ovstore.Store, name: str
) -> None:
    def files() -> list[tuple[str, int]]:
        kept = (path for path in folder.rglob("*") if "postgres" not in path.parts and path.is_file())
        return sorted((str(path), path.stat().st_size) for path in kept)

    before = files()
    with pytest.raises(ReadOnlyStore, match=r"is open read-only, which changes nothing in it: open it without"):
        WRITING[name](viewed)
    assert files() == before


def test_workers_in_other_processes_write_no_more_than_this_one(viewed: ovstore.Store, tmp_path: Path) -> None:
    import generated_room

    scans = generated_room.write("rgbd", tmp_path / "scans")
    with pytest.raises(ReadOnlyStore):
        run(viewed, plan(IngestRequest("rgbd", scans, encoder="color_words", workers=2)))


def test_a_store_is_not_made_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with pytest.raises(NotFound, match="There is no store in"):
        ovstore.open(tmp_path / "none", read_only=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Misused, match="neither created nor"):
        ovstore.open(tmp_path / "none", read_only=True, create=True)


def test_the_schema_of_an_older_store_is_left_as_it_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_database(server) as url:
        monkeypatch.setenv("OVSTORE_DATABASE_URL", url)
        with ovstore.open(tmp_path / "old", create=True) as store, store.connect() as connection:
            migrate.downgrade(connection, "0016")
        with pytest.raises(SchemaVersion, match="db upgrade"):
            ovstore.open(tmp_path / "old", read_only=True)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0016",)


def test_without_the_role_transactions_are_read_only_and_it_is_said(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a server of somebody else, where a user may make none."""
    if not isinstance(server, Server):
        pytest.skip("renames a role of the server")
    with new_database(server) as url, psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        monkeypatch.setenv("OVSTORE_DATABASE_URL", url)
        with ovstore.open(tmp_path / "theirs", create=True) as store:
            _fill(store)
        connection.execute(f"ALTER ROLE {VIEWER} RENAME TO somebody_else")
        try:
            with caplog.at_level(logging.WARNING), ovstore.open(tmp_path / "theirs", read_only=True) as store:
                assert f"no role {VIEWER} that this user may take: the store is open read-only by" in caplog.text
                assert store.search("yellow", ungrouped=True)
                with pytest.raises(ReadOnlyStore), store.connect() as writing:
                    writing.execute(text("DELETE FROM scenes"))
        finally:
            connection.execute(f"ALTER ROLE somebody_else RENAME TO {VIEWER}")
