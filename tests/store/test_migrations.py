"""The diary of migrations leads to the schema that the code believes in, and back."""

import ast
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ovstore.store.postgres import migrate
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.schema import metadata
from ovstore.store.postgres.server import Server
from sqlalchemy import Connection, text

# What a table is, from PostgreSQL's own books: columns, constraints, indexes, comments.
COLUMNS = """
SELECT relname, attname, attnum, format_type(atttypid, atttypmod), attnotnull, attidentity,
       pg_get_expr(adbin, adrelid), col_description(pg_class.oid, attnum), obj_description(pg_class.oid, 'pg_class')
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
  AND relname <> 'alembic_version' ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version' AND contype <> 't'
ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"


def schema_of(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in connection.execute(text(query))] for query in (COLUMNS, CONSTRAINTS, INDEXES)]


@pytest.fixture
def bare(server: Server) -> Iterator[Connection]:
    """A connection to a database without any table, in a transaction."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        connection.execute("CREATE DATABASE bare")
    with Database(server.folder, server.conninfo("bare")) as store, store.connect() as connection:
        yield connection


def tables(connection: Connection) -> set[str]:
    names = connection.scalars(text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"))
    return {name for name in names if not name.startswith("alembic_version")}


def test_migrations_and_metadata_make_the_same_schema(store: Database, bare: Connection) -> None:
    bare.execute(text("CREATE EXTENSION vector"))
    metadata.create_all(bare)
    with store.connect() as migrated:
        for ours, theirs in zip(schema_of(migrated), schema_of(bare), strict=True):
            assert set(ours) ^ set(theirs) == set()


def test_autogenerate_finds_nothing_to_do(store: Database) -> None:
    with store.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_each_step_can_be_taken_back_and_again(bare: Connection) -> None:
    before = {None: tables(bare)}
    steps = [revision for revision, _ in migrate.history()]
    for step in steps:
        migrate.upgrade(bare, step)
        before[step] = tables(bare)
    for step, earlier in zip(reversed(steps), [*reversed(steps[:-1]), None], strict=True):
        migrate.downgrade(bare, earlier or "base")
        assert tables(bare) == before[earlier], step
    migrate.upgrade(bare)
    assert tables(bare) == before[steps[-1]]


def test_the_newest_step_is_the_last_file() -> None:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    assert scripts.get_heads() == [migrate.head()]
    for step in scripts.walk_revisions():
        assert step.path.rpartition("/")[2].startswith(f"{step.revision}_")


def test_the_diary_does_not_import_the_code_of_today() -> None:
    for path in (migrate.MIGRATIONS / "versions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not node.level and not (node.module or "").startswith("ovstore"), path.name
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("ovstore") for alias in node.names), path.name


def test_every_table_and_view_says_what_it_holds(store: Database) -> None:
    with store.connect() as connection:
        silent = connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') "
                "AND obj_description(oid, 'pg_class') IS NULL"
            )
        )
        assert set(silent) == {"alembic_version"}


def test_a_filter_on_the_region_overview_reaches_the_index_of_regions(store: Database) -> None:
    with store.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            connection.scalars(
                text("EXPLAIN SELECT region FROM region_overview WHERE scene_id = 7 AND embedding_space_id = 1")
            )
        )
    assert "ix_regions_scene_id_embedding_space_id_level" in plan
    assert "Seq Scan on regions" not in plan
