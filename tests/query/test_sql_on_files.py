"""SQL over the Parquet files reads the views and nothing else, whatever stands in the statement."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import small_scene
from ovstore.core.errors import BadInput
from ovstore.query import sql
from ovstore.query.rows import Limits
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database

duckdb = pytest.importorskip("duckdb", reason="needs the extra 'sql'")


@pytest.fixture(scope="module")
def asked(shared_store: Database) -> Database:
    small_scene.make().publish(shared_store)
    return shared_store


READING = [
    "SELECT scene, count(*) FROM points GROUP BY ALL",
    "DESCRIBE points",
    "SUMMARIZE features",
    "SHOW TABLES",
    "SELECT * FROM (DESCRIBE correspondences)",
    "EXPLAIN SELECT count(*) FROM points",
    "explain analyze SELECT count(*) FROM points",
    "VALUES (1), (2)",
    "TABLE points",
    "SELECT 1 UNION ALL SELECT 2 ORDER BY 1",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t",
    "WITH low AS MATERIALIZED (SELECT * FROM points WHERE z < 1) SELECT count(*) FROM low",
    "SELECT p.x, f.view_count FROM points p JOIN features f ON p.scene = f.scene AND f.point_index = 3 LIMIT 1",
    "SELECT list_cosine_similarity(vector, vector) FROM features LIMIT 1",
    "PIVOT points ON superpoint IN (1, 2) USING count(*)",
    "SELECT x, row_number() OVER (ORDER BY x) AS n FROM points QUALIFY n < 3",
    "SELECT random() < 2, now() IS NULL, current_date IS NULL, [x * 2 FOR x IN [1, 2]], {'a': 1}.a",
    "SELECT * FROM range(3), generate_series(1, 2), unnest([1])",
    "SELECT histogram(superpoint), string_agg(DISTINCT scene, ','), max_by(x, y) FROM points",
    "SELECT count(*) FROM points WHERE x IN (SELECT x FROM points) AND regexp_matches(scene, 'r.*') USING SAMPLE 10%",
    "SELECT * EXCLUDE (x), COLUMNS('y.*'), CASE WHEN z > 1 THEN 'high' END, x::INT % 2 FROM points LIMIT 1",
]


@pytest.mark.parametrize("statement", READING)
def test_what_only_reads_is_answered(asked: Database, statement: str) -> None:
    assert sql.run_on_files(asked, statement).rows


def test_tables_that_are_shown_are_those_that_can_be_asked(asked: Database) -> None:
    shown = [name for (name,) in sql.run_on_files(asked, "SHOW TABLES").rows]
    assert shown == ["correspondences", "features", "points"]
    for name in shown:
        sql.run_on_files(asked, f"SELECT * FROM {name} LIMIT 1")


WRITING = [
    "COPY (SELECT 1) TO 'OUT'",
    "WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1",
    "WITH x AS (COPY (SELECT 1) TO 'POINTS') SELECT 1",
    "SELECT 1 WHERE EXISTS (WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1)",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1)",
    "WITH y AS (WITH x AS (COPY points TO 'OUT') FROM points) FROM y",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'OUT'",
    "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1",
    "EXPLAIN (ANALYZE) COPY (SELECT 1) TO 'OUT'",
    "DESCRIBE WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1",
    "SELECT 1 UNION (WITH x AS (COPY (SELECT 1) TO 'OUT') SELECT 1)",
    "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''OUT'') SELECT 1')",
    "SELECT 1; COPY (SELECT 1) TO 'OUT'",
    "ATTACH 'OUT'",
    "SELECT 1; ATTACH 'OUT'",
    "EXPORT DATABASE 'OUT'",
    "PRAGMA enable_profiling = 'json'",
    "SET profiling_output = 'OUT'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE TABLE t AS SELECT 1",
    "WITH x AS (INSERT INTO points VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM points RETURNING *) SELECT * FROM x",
    "DROP VIEW points",
    "CALL enable_logging()",
    "SELECT * FROM enable_logging()",
    "SELECT write_log('x')",
    "PREPARE x AS SELECT 1",
    "CHECKPOINT",
]
READING_ELSEWHERE = [
    "SELECT * FROM read_text('STORE/store.json')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('POINTS')",
    "SELECT * FROM parquet_metadata('POINTS')",
    "SELECT * FROM 'STORE/store.json'",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM statement",  # a variable of the program
    "SELECT * FROM pandas_scan(94000000)",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('home_directory')",
    "SELECT main.pg_sleep(1)",
    'SELECT "sleep_ms"(1)',
    "SELECT nextval('x')",
    "SELECT * FROM sqlite_master, (WITH sqlite_master AS (SELECT 1) SELECT 1)",
    "WITH a AS (SELECT * FROM duckdb_views), duckdb_views AS (SELECT 1) SELECT * FROM a",
    "SELECT * FROM (WITH PG_SETTINGS AS (SELECT 1) SELECT 1), pg_settings",
]


@pytest.mark.parametrize("statement", [*WRITING, *READING_ELSEWHERE, "", "-- nothing", "SELEC 1", "SELECT 1; SELECT 2"])
def test_what_does_more_is_refused_in_a_sentence_and_leaves_nothing(
    asked: Database, tmp_path: Path, statement: str
) -> None:
    points = catalog.files(asked)["points"][0][2]
    before = points.read_bytes()
    places = {"OUT": str(tmp_path / "out.csv"), "STORE": str(asked.path), "POINTS": str(points)}
    for word, path in places.items():
        statement = statement.replace(word, path)
    with pytest.raises(BadInput) as caught:
        sql.run_on_files(asked, statement)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert points.read_bytes() == before


def test_the_files_of_retired_features_are_not_read(store: Database) -> None:
    _, feature_set = small_scene.make().publish(store)
    from sqlalchemy import text

    with store.connect() as connection:
        connection.execute(text("UPDATE feature_sets SET state = 'retired' WHERE id = :id"), {"id": feature_set})
    assert sql.run_on_files(store, "SELECT count(*) FROM features").rows == [(0,)]


def test_an_empty_store_has_empty_views(store: Database) -> None:
    for view in ("points", "correspondences", "features"):
        assert sql.run_on_files(store, f"SELECT dataset, scene FROM {view}").rows == []


@pytest.mark.parametrize("harm", ["removed", "emptied", "cut"])
def test_a_damaged_file_is_named(store: Database, harm: str) -> None:
    small_scene.make().publish(store)
    path = catalog.files(store)["features"][0][2]
    whole = path.read_bytes()
    path.chmod(0o644)
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if harm == "cut" else b"")
    with pytest.raises(BadInput, match=r"features.*parquet (is missing|cannot be read): `ovstore doctor`"):
        sql.run_on_files(store, "SELECT count(*) FROM features")


def test_labels_have_their_scene_s_names(asked: Database) -> None:
    points = small_scene.make().scene.points
    assert points.labels is not None
    named = [points.label_names.get(label) for label in points.labels.tolist()]
    rows = sql.run_on_files(asked, "SELECT label_name, count(*) FROM points GROUP BY ALL").rows
    assert dict(rows) == {name: named.count(name) for name in set(named)}


def test_a_label_has_the_name_that_its_own_scene_gives_it(store: Database) -> None:
    for name, names in (("room", {0: "chair", 1: "table"}), ("hall", {0: "door", 2: "it's"})):
        small = small_scene.make(name)
        points = replace(small.scene.points, label_names=names)
        replace(small, scene=replace(small.scene, points=points)).publish(store)
    rows = sql.run_on_files(store, "SELECT DISTINCT scene, label, label_name FROM points WHERE label >= 0").rows
    assert set(rows) == {
        ("room", 0, "chair"), ("room", 1, "table"), ("room", 2, None),
        ("hall", 0, "door"), ("hall", 1, None), ("hall", 2, "it's"),
    }  # fmt: skip


def test_a_statement_is_broken_off_in_time(asked: Database) -> None:
    started = time.monotonic()
    with pytest.raises(BadInput, match="took over 1 s"):
        sql.run_on_files(asked, "SELECT sum(i * i % 7) FROM range(1000000000000) t(i)", limits=Limits(seconds=1))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
        "SELECT * FROM (SELECT 1 AS i) AS t0 "
        + "".join(f"JOIN (SELECT 1 AS i) AS t{n} USING (i) " for n in range(1, 300)),
    ],
    ids=["one function call", "planning"],
)
def test_what_duckdb_does_not_break_off_itself_ends_in_time(asked: Database, statement: str) -> None:
    started = time.monotonic()
    with pytest.raises(BadInput, match="took over 1 s"):
        sql.run_on_files(asked, statement, limits=Limits(seconds=1))
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT length(repeat('x', 900000000))",
        "SELECT string_agg(repeat('x', 20000000), '') FROM range(200)",
    ],
)
def test_memory_that_duckdb_does_not_count_is_limited(asked: Database, statement: str) -> None:
    with pytest.raises(BadInput, match="512 MB of memory") as caught:
        sql.run_on_files(asked, statement, limits=Limits(engine_megabytes=512))
    assert "\n" not in str(caught.value)


VALUES = [
    "1", "-170141183460469231731687303715884105727::HUGEINT", "1.500::DECIMAL(18, 3)", "0.1::FLOAT",
    "'infinity'::DOUBLE", "true", "NULL", "NULL::INTEGER[]", "'a\n\"\u2028'", "'\\x00\\xff'::BLOB",
    "DATE '2020-02-29'", "TIME '10:00:00.5'",
    "TIMESTAMP '2020-01-01 10:00:00.123456'", "TIMETZ '10:00:00+02'", "INTERVAL '-1 day 3 seconds'", "'infinity'::DATE",
    "DATE '-0044-01-01'", "'8f14e45f-ceea-467f-9575-11c2a3d4e5f6'::UUID", "[1, NULL]", "[1.5, 2.5]::FLOAT[2]",
    "{'a': 1, 'decimal': [1.5, 2.5]::DECIMAL(3, 1)[2]}", "row(1, 'b')", "MAP {1: [DATE '2020-01-01']}",
    "[{'a': 'x'::BLOB}]",
    "'b'::ENUM('a', 'b')", "'101'::BIT", "union_value(d := 1.5)", "'{\"a\": [1]}'::JSON",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_from_the_process_as_duckdb_gives_it(asked: Database, value: str) -> None:
    statement = f"SELECT {value} AS value"
    known = duckdb.connect().execute(statement).fetchall()
    found = sql.run_on_files(asked, statement).rows
    assert found == known
    assert repr(found) == repr(known)  # the types too, within lists as well


def test_the_process_ends_and_its_folder_goes_also_when_rows_are_left_or_the_asker_dies(
    asked: Database, tmp_path: Path
) -> None:
    def ask(statement: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "ovstore.cli", "--store", asked.path, "sql", "--files", "--format", "csv"]
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        return subprocess.Popen([*words, statement], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)

    left = ask("SELECT * FROM range(100000000)")
    assert left.stdout and left.stdout.readline() == b"range\n"
    left.stdout.close()
    left.wait(20)
    assert list(tmp_path.iterdir()) == []

    killed = ask("SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))")
    until(lambda: len(_children(killed.pid)) == 1)
    [process] = _children(killed.pid)
    until(lambda: "duckdb" in Path(f"/proc/{process}/maps").read_text())
    killed.kill()
    killed.communicate()
    until(lambda: list(tmp_path.iterdir()) == [] and not Path(f"/proc/{process}/maps").exists())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_death_of_the_process_is_one_sentence(asked: Database) -> None:
    with (
        pytest.raises(BadInput, match=r"died \(signal 9\), .* MB of memory that a statement may use") as caught,
        sql.opened(asked, "SELECT * FROM range(100000000)", files=True) as found,
    ):
        os.kill(_children()[0], signal.SIGKILL)
        for _ in found.blocks:
            pass
    assert "\n" not in str(caught.value)


def test_the_process_is_given_no_password_and_no_connection(asked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVSTORE_DATABASE_URL", "postgresql://user:secret@nowhere/db")
    monkeypatch.setenv("PGPASSWORD", "secret")
    with sql.opened(asked, "SELECT * FROM range(100000000)", files=True):
        (child,) = _children()
        assert b"secret" not in Path(f"/proc/{child}/environ").read_bytes()
        opened = [os.readlink(link) for link in Path(f"/proc/{child}/fd").iterdir()]
        limits = Path(f"/proc/{child}/limits").read_text()
    assert not [target for target in opened if target.startswith("socket:")]
    assert re.search(r"Max core file size +0 +0", limits)


def _children(parent: int | None = None) -> list[int]:
    """The processes of statements that the parent, or this process, has."""
    parent = parent or os.getpid()
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in map(int, found) if b"sql_on_files_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.parametrize(
    ("statement", "limits", "sentence"),
    [
        ("SELECT * FROM range(5000)", Limits(rows=3000), "more than 3,000 rows.*LIMIT"),
        ("SELECT repeat('x', 100000) FROM range(50)", Limits(megabytes=1), "more than 1 MB.*LIMIT"),
    ],
)
def test_more_rows_than_memory_holds_is_said_and_never_cut(
    asked: Database, statement: str, limits: Limits, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        sql.run_on_files(asked, statement, limits=limits)


def test_a_statement_longer_than_the_parser_takes_is_refused(asked: Database) -> None:
    with pytest.raises(BadInput, match="at most 50,000"):
        sql.run_on_files(asked, "SELECT 1" + " UNION ALL SELECT 1" * 20_000)
