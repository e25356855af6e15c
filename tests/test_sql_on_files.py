"""SQL over the Parquet files reads the views and nothing else, whatever stands in the statement."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import small_scene
from ovstore.query import sql
from ovstore.query.rows import Limits
from ovstore.store import catalog
from ovstore.store.database import Store
from ovstore.store.errors import BadInput

duckdb = pytest.importorskip("duckdb", reason="needs the extra 'sql'")


@pytest.fixture(scope="module")
def asked(shared_store: Store) -> Store:
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
def test_what_only_reads_is_answered(asked: Store, statement: str) -> None:
    assert sql.run_on_files(asked, statement).rows


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
]


@pytest.mark.parametrize("statement", [*WRITING, *READING_ELSEWHERE, "", "-- nothing", "SELEC 1", "SELECT 1; SELECT 2"])
def test_what_does_more_is_refused_in_a_sentence_and_leaves_nothing(
    asked: Store, tmp_path: Path, statement: str
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


def test_the_files_of_retired_features_are_not_read(store: Store) -> None:
    _, feature_set = small_scene.make().publish(store)
    from sqlalchemy import text

    with store.connect() as connection:
        connection.execute(text("UPDATE feature_sets SET state = 'retired' WHERE id = :id"), {"id": feature_set})
    assert sql.run_on_files(store, "SELECT count(*) FROM features").rows == [(0,)]


def test_an_empty_store_has_empty_views(store: Store) -> None:
    for view in ("points", "correspondences", "features"):
        assert sql.run_on_files(store, f"SELECT dataset, scene FROM {view}").rows == []


@pytest.mark.parametrize("harm", ["removed", "emptied", "cut"])
def test_a_damaged_file_is_named(store: Store, harm: str) -> None:
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


def test_labels_have_their_scene_s_names(asked: Store) -> None:
    points = small_scene.make().scene.points
    assert points.labels is not None
    named = [points.label_names.get(label) for label in points.labels.tolist()]
    rows = sql.run_on_files(asked, "SELECT label_name, count(*) FROM points GROUP BY ALL").rows
    assert dict(rows) == {name: named.count(name) for name in set(named)}


def test_a_label_has_the_name_that_its_own_scene_gives_it(store: Store) -> None:
    for name, names in (("room", {0: "chair", 1: "table"}), ("hall", {0: "door", 2: "it's"})):
        small = small_scene.make(name)
        points = replace(small.scene.points, label_names=names)
        replace(small, scene=replace(small.scene, points=points)).publish(store)
    rows = sql.run_on_files(store, "SELECT DISTINCT scene, label, label_name FROM points WHERE label >= 0").rows
    assert set(rows) == {
        ("room", 0, "chair"), ("room", 1, "table"), ("room", 2, None),
        ("hall", 0, "door"), ("hall", 1, None), ("hall", 2, "it's"),
    }  # fmt: skip


def test_a_statement_is_broken_off_in_time(asked: Store) -> None:
    started = time.monotonic()
    with pytest.raises(BadInput, match="took over 1 s"):
        sql.run_on_files(asked, "SELECT sum(i * i % 7) FROM range(1000000000000) t(i)", limits=Limits(seconds=1))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("statement", "limits", "sentence"),
    [
        ("SELECT * FROM range(5000)", Limits(rows=3000), "more than 3,000 rows.*LIMIT"),
        ("SELECT repeat('x', 100000) FROM range(50)", Limits(megabytes=1), "more than 1 MB.*LIMIT"),
    ],
)
def test_more_rows_than_memory_holds_is_said_and_never_cut(
    asked: Store, statement: str, limits: Limits, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        sql.run_on_files(asked, statement, limits=limits)


def test_a_statement_longer_than_the_parser_takes_is_refused(asked: Store) -> None:
    with pytest.raises(BadInput, match="at most 50,000"):
        sql.run_on_files(asked, "SELECT 1" + " UNION ALL SELECT 1" * 20_000)
