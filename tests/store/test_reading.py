"""The SQL of people reads the store's tables, and can do nothing else: on an embedded server, and on others."""

import os
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import new_store
import psycopg
import pytest
import small_scene
from ovstore.core.errors import BadInput, DatabaseError
from ovstore.query import sql
from ovstore.query.rows import Limits
from ovstore.store.postgres import database, migrate, reading
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.schema import metadata
from ovstore.store.postgres.server import USER, Server
from ovstore.store.search import filters
from sqlalchemy import Connection, text

OWNER = "plain"


def url(server: Server, name: str, user: str) -> str:
    return f"postgresql://{user}@/{name}?host={quote(str(server.folder / 'run'), safe='')}"


@pytest.fixture(scope="module")
def foreign(embedded_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store on a server whose rights are not ours to change, opened by the database's owner, who is no superuser."""
    with psycopg.connect(embedded_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN")
        connection.execute(f"CREATE DATABASE foreign_to_us OWNER {OWNER}")
    with psycopg.connect(embedded_server.conninfo("foreign_to_us"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("CREATE TABLE secrets AS SELECT 'secret' AS word")
        connection.execute("GRANT SELECT ON secrets TO PUBLIC")
    folder = tmp_path_factory.mktemp("foreign") / "store"
    with new_store.new_store(folder, url(embedded_server, "foreign_to_us", OWNER)) as store:
        small_scene.make().publish(store)
        yield store
    with psycopg.connect(embedded_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE foreign_to_us WITH (FORCE)")
        connection.execute(f"DROP ROLE {OWNER}")


@pytest.fixture(scope="module")
def by_superuser(foreign: Database, embedded_server: Server) -> Iterator[Database]:
    """The same, opened by a superuser."""
    with database.open(foreign.path, database_url=url(embedded_server, "foreign_to_us", USER)) as store:
        yield store


@pytest.fixture(scope="module")
def ours(shared_store: Database) -> Database:
    """A store on a server like the embedded one, where PUBLIC has no rights."""
    small_scene.make().publish(shared_store)
    return shared_store


@pytest.fixture(params=["ours", "foreign", "by_superuser"])
def asked(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


REFUSED = [
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT set_config('search_path', 'nowhere', false)",
    "SELECT set_config('role', 'none', false)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(hashtextextended('ovstore publishing', 0))",
    "SELECT count(*) FROM generate_series(1, 3) AS i WHERE pg_try_advisory_lock_shared(i) IS NOT NULL",
    "SELECT pg_sleep(0.1)",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT * FROM pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_creat(-1)",
    "SELECT lo_import('/etc/passwd')",
    "SELECT nextval('scenes_id_seq')",
    "SELECT setval('scenes_id_seq', 1)",
    "SELECT query_to_xml('SELECT pg_sleep(1)', true, true, '')",
    "SELECT table_to_xml('scenes', true, true, '')",
    "SELECT ts_stat('SELECT 1')",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_export_snapshot()",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT txid_current()",
    "SELECT current_setting('data_directory')",
    "SELECT inet_server_addr()",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_settings",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_class",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM alembic_version",
    "SELECT 1 FROM scenes WHERE EXISTS (WITH x AS (SELECT pg_sleep(1)) SELECT 1 FROM x)",
    "SELECT name FROM scenes ORDER BY (SELECT count(*) FROM pg_proc)",
    "SELECT sum(x) FILTER (WHERE pg_sleep(1) IS NULL) OVER () FROM generate_series(1, 2) AS x",
    "SELECT * FROM scenes FOR UPDATE",
    "WITH x AS (DELETE FROM scenes RETURNING 1) SELECT 1",
    "DELETE FROM scenes",
    "SELECT 1; DELETE FROM scenes",
    "SELECT 1; RESET ROLE",
    "SELECT 1) AS a, (SELECT 2",
    "SELECT 1) AS asked --",
    "RESET ROLE",
    "SET ROLE ovstore",
    "SHOW data_directory",
    "SELECT 1 INTO copied",
    "COPY scenes TO PROGRAM 'true'",
    "DO $$ BEGIN PERFORM pg_sleep(1); END $$",
    "",
]  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_what_does_more_than_read_is_refused_in_a_sentence(asked: Database, statement: str) -> None:
    with pytest.raises((BadInput, DatabaseError)) as caught:
        sql.run(asked, statement)
    assert "\n" not in str(caught.value)
    with asked.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM scenes")) == 1


ANSWERED = [
    "SELECT * FROM scene_overview",
    "SELECT region, ov_on(region, 1), ov_near(region, 1, 0.3), ov_distance(region, 1) FROM region_overview",
    "SELECT a.id, b.id FROM scenes a JOIN scenes b ON a.id = b.id -- two columns of one name",
    "SELECT region, 1 - (embedding <=> embedding) AS score, avg(point_count) OVER () FROM region_overview ORDER BY 2;",
    "SELECT l2_distance(embedding, embedding), embedding::vector FROM regions",
    "SELECT 'a' || 1, concat(1, 2), format('%s', 3), to_char(now(), 'YYYY'), current_user, version() IS NULL",
    "SELECT '{1,2}'::int[] || 3, ARRAY[1] @> ARRAY[1], jsonb_build_object('a', 1) ->> 'a', round(1.5), '1 h'::interval",
    "SELECT created_at::date, extract(year FROM created_at), created_at > '2020-01-01', findings::text FROM scenes",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY radius), string_agg(level, ','), stddev(radius) FROM regions",
    "SELECT * FROM json_to_recordset('[{\"a\": 1}]') AS r(a int), unnest(ARRAY[1, 2]), generate_series(1, 2)",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t",
    "SELECT label_names, box_min[1], recipes.body #>> '{encoder,name}' FROM scenes, recipes",
    "SELECT regexp_replace(name, 'r', 'x'), name ~* 'R', name LIKE 'r%', upper(name), md5(name) FROM scenes",
    "SELECT count(*) FROM regions TABLESAMPLE bernoulli (100)",
    "VALUES (1), (2)",
    "TABLE datasets",
]


@pytest.mark.parametrize("statement", ANSWERED)
def test_what_only_reads_is_answered(asked: Database, statement: str) -> None:
    assert sql.run(asked, statement).rows


def test_a_table_of_somebody_else_is_not_read(foreign: Database, by_superuser: Database) -> None:
    for store in (foreign, by_superuser):
        with pytest.raises(BadInput, match="secrets"):
            sql.run(store, "SELECT word FROM secrets")


def test_every_table_of_the_schema_can_be_read(asked: Database) -> None:
    for table in (*metadata.tables, *reading.VIEWS):
        sql.run(asked, f"SELECT * FROM {table} LIMIT 1")


def test_every_function_that_the_reader_may_call_is_on_the_list(ours: Database) -> None:
    def functions(condition: str) -> set[str]:
        statement = text(f"SELECT pg_proc.oid::regprocedure::text FROM pg_proc WHERE {condition}")
        with ours.connect() as connection:
            return set(connection.scalars(statement))

    callable_ones = functions(f"has_function_privilege('{reading.READER}', pg_proc.oid, 'EXECUTE')")
    assert callable_ones == functions(reading.HARMLESS)
    changing = (
        r"advisory|set_config|sleep|read_file|read_binary|pg_ls_|pg_stat|^lo_|^lo(read|write)|dblink|notify|backend|wal_"
        r"|(next|set|curr|last)val\(|to_xml|export_snapshot|txid_current|backup|replication|slot|reload|rotate|promote"
        r"|current_setting|_file|setseed|ts_stat|xact"
    )
    assert [name for name in callable_ones if re.search(changing, name)] == []
    volatile = functions("provolatile = 'v'") & callable_ones
    assert {name.partition("(")[0] for name in volatile} <= {
        "array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "random", "random_normal", "timeofday",
        "uuidv4", "uuidv7",
    }  # fmt: skip


def test_every_relation_that_the_reader_may_read_is_named(ours: Database) -> None:
    statement = text(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind <> 'i' AND (has_table_privilege(:role, oid, 'SELECT') "
        "OR relkind <> 'S' AND has_any_column_privilege(:role, oid, 'SELECT'))"
    ).bindparams(role=reading.READER)
    writing = text(
        "SELECT count(*) FROM pg_class WHERE relkind <> 'S' AND "
        f"has_table_privilege('{reading.READER}', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
    )
    with ours.connect() as connection:
        assert set(connection.scalars(statement)) == {*metadata.tables, *reading.VIEWS, "pg_type", "pg_extension"}
        assert connection.scalar(writing) == 0
        roles = text(f"SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = '{reading.READER}'")
        assert connection.execute(roles).one() == (False, False, False)
        member_of = text(f"SELECT count(*) FROM pg_auth_members WHERE member = '{reading.READER}'::regrole")
        assert connection.scalar(member_of) == 0


RIGHTS = [
    "SELECT proc.oid::regprocedure::text, grantee, privilege_type FROM pg_proc AS proc, "
    "aclexplode(coalesce(proacl, acldefault('f', proowner))) ORDER BY 1, 2, 3",
    "SELECT rel.oid::regclass::text, grantee, privilege_type FROM pg_class AS rel, "
    "aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE relkind IN ('r', 'v') ORDER BY 1, 2, 3",
    "SELECT attrelid::regclass::text, attname, grantee FROM pg_attribute, aclexplode(attacl) ORDER BY 1, 2, 3",
]


def rights(connection: Connection) -> list[set[tuple[Any, ...]]]:
    return [{tuple(row) for row in connection.execute(text(query))} for query in RIGHTS]


def test_a_store_made_before_gets_the_same_rights_and_going_back_restores_all(
    store: Database, embedded_server: Server
) -> None:
    with store.connect() as connection:
        new = rights(connection)
        migrate.downgrade(connection, "0007")
        back = rights(connection)
        migrate.upgrade(connection)
        assert rights(connection) == new
    with (
        Database(embedded_server.folder, embedded_server.conninfo("postgres")) as untouched,
        untouched.connect() as connection,
    ):
        before = rights(connection)
    of_system = [
        {row for row in found if row[0] in {row[0] for row in kept}} for found, kept in zip(back, before, strict=True)
    ]
    assert [found ^ kept for found, kept in zip(of_system, before, strict=True)] == [set(), set(), set()]


CONDITIONS = [
    "set_config('default_transaction_read_only', 'off', false) = 'off'",
    "pg_advisory_lock(1) IS NULL",
    "region = (SELECT count(*) FROM pg_class)",
    "pg_sleep(0.1) IS NULL",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_of_search_is_confined_too(asked: Database, condition: str) -> None:
    with pytest.raises(BadInput):
        filters.regions_where(asked, condition, 1, "object")
    assert len(filters.regions_where(asked, "point_count > 0", 1, "object"))


def test_nothing_that_a_session_holds_outlives_its_use(asked: Database) -> None:
    def session(statement: str) -> object:
        with asked.driver_connection(read_only=True) as driver:
            return driver.execute(statement).fetchone()

    with asked.driver_connection(read_only=True) as driver:
        process = driver.info.backend_pid
        driver.execute("SET search_path = nowhere")
        driver.execute("SET default_transaction_read_only = off")
        driver.execute("SET hnsw.iterative_scan = off")
        driver.commit()
    with asked.driver_connection(read_only=True) as driver:
        assert driver.info.backend_pid == process
    assert session("SHOW search_path") == ('"$user", public',)
    assert session("SHOW default_transaction_read_only") == ("on",)
    assert session("SHOW hnsw.iterative_scan") == ("relaxed_order",)


def test_a_superuser_without_a_reader_is_told_how_to_make_one(by_superuser: Database, server: Server) -> None:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {reading.READER} RENAME TO somebody_else")
        try:
            said = rf"does not run as a superuser.*CREATE ROLE {reading.READER}; GRANT SELECT"
            with pytest.raises(DatabaseError, match=said):
                sql.run(by_superuser, "SELECT 1")
        finally:
            connection.execute(f"ALTER ROLE somebody_else RENAME TO {reading.READER}")


def test_sql_of_a_superuser_s_store_runs_as_the_reader(by_superuser: Database, ours: Database) -> None:
    for store in (by_superuser, ours):
        assert sql.run(store, "SELECT current_user").rows == [(reading.READER,)]


def test_a_statement_ends_in_time_however_many_blocks_it_has(asked: Database) -> None:
    started = time.monotonic()
    with pytest.raises(BadInput, match="took over 1 s"):
        sql.run(asked, "SELECT count(*) FROM generate_series(1, 1000000000) AS i WHERE i % 7 = 8", limits=Limits(1))
    with pytest.raises(BadInput, match="took over 1 s"):
        sql.run(
            asked, "SELECT sha512(i::text::bytea) FROM generate_series(1, 1000000000) i", limits=Limits(1, 10**9, 10**9)
        )
    assert time.monotonic() - started < 30


def test_large_rows_come_in_small_blocks(ours: Database) -> None:
    with sql.opened(ours, "SELECT repeat('x', 1000000) FROM generate_series(1, 60)") as found:
        blocks = [len(block) for block in found.blocks]
    assert sum(blocks) == 60 and max(blocks) <= 8
    with pytest.raises(BadInput, match="more than 5 MB"):
        sql.run(ours, "SELECT repeat('x', 1000000) FROM generate_series(1, 60)", limits=Limits(megabytes=5))


def test_a_process_of_the_server_takes_at_most_half_of_the_machine_s_memory(
    quick_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with database.open(quick_folder / "bounded", create=True) as store:
        with store.driver_connection(read_only=True) as driver:
            backend = driver.info.backend_pid
        [limit] = re.findall(r"Max data size +(\d+) +(\d+)", Path(f"/proc/{backend}/limits").read_text())
        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        assert len(set(limit)) == 1 and int(limit[0]) <= max(half, 1 << 30)
        try:
            resource.prlimit(backend, resource.RLIMIT_DATA, (300 << 20, 300 << 20))
        except PermissionError:
            pytest.skip("this user may not lower the limits of the server's processes")
        with pytest.raises(BadInput, match=r"out of memory.* make it simpler"):
            sql.run(store, "SELECT repeat('x', 400000000) LIKE 'y%'")
        assert sql.run(store, "SELECT 1").rows == [(1,)]


@pytest.mark.parametrize("statement", ["SELECT 1\0 FROM nowhere", "SELECT '\ud800'"])
def test_characters_that_the_server_would_not_see_are_named(ours: Database, statement: str) -> None:
    with pytest.raises(BadInput, match=r"NUL|UTF-8"):
        sql.run(ours, statement)


def test_an_embedded_store_runs_it_as_a_role_that_can_log_in_and_nothing_else(quick_folder: Path) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("OVSTORE_DATABASE_URL", raising=False)
        with database.open(quick_folder / "reading", create=True) as store:
            assert sql.run(store, "SELECT current_user, session_user").rows == [(reading.READER, reading.READER)]
            with pytest.raises(BadInput, match="permission denied for function set_config"):
                sql.run(store, "SELECT set_config('search_path', 'nowhere', false)")


@pytest.fixture(scope="module")
def elsewhere(quick_folder: Path) -> Iterator[Server]:
    """A server that nobody made for ovstore: it knows no reader."""
    server = Server(quick_folder / "elsewhere" / "postgres")
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP ROLE {reading.READER}")
    yield server
    server.close()


@pytest.mark.parametrize("may", ["SUPERUSER", "CREATEROLE", "NOCREATEROLE"])
def test_the_first_ingest_makes_the_reader_where_it_may_and_leaves_others_their_rights(
    elsewhere: Server, tmp_path: Path, may: str
) -> None:
    owner = f"owner_{may.lower()}"
    with psycopg.connect(elsewhere.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN {may}")
        connection.execute(f"CREATE DATABASE {owner} OWNER {owner}")
    with psycopg.connect(elsewhere.conninfo(owner), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    with database.open(tmp_path / "store", database_url=url(elsewhere, owner, owner), create=True) as store:
        small_scene.make().publish(store)
        runs_as = owner if may == "NOCREATEROLE" else reading.READER
        assert sql.run(store, "SELECT current_user FROM scenes").rows == [(runs_as,)]
        for statement in ("SELECT pg_sleep(0.1)", "SELECT set_config('role', 'none', false)", "SELECT * FROM pg_roles"):
            with pytest.raises(BadInput, match="cannot be"):
                sql.run(store, statement)
        with store.connect() as connected:
            assert connected.scalar(text("SELECT has_function_privilege('public', 'pg_sleep(float8)', 'EXECUTE')"))
            assert connected.scalar(text("SELECT has_table_privilege('public', 'pg_class', 'SELECT')"))
            migrate.downgrade(connected, "0007")
            migrate.upgrade(connected)
        assert sql.run(store, "SELECT count(*) FROM scenes").rows == [(1,)]
    with psycopg.connect(elsewhere.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {owner} WITH (FORCE)")
        connection.execute(f"DROP ROLE IF EXISTS {reading.READER}")
        connection.execute(f"DROP ROLE {owner}")
