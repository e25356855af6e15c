"""The doctor: each trouble of a store is named with what mends it, and a sound store has none."""

from pathlib import Path

import numpy as np
import psycopg
import pytest
import small_scene
from click.testing import CliRunner
from command_line import document, lines, ovstore
from ovstore.cli import main
from ovstore.core.errors import BadInput, DatabaseError
from ovstore.query import sql
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import verify
from ovstore.store.postgres import database, presence
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import Server


@pytest.fixture
def held(store: Database, tmp_path: Path) -> Database:
    return small_scene.publish_two(store, tmp_path)


def test_doctor_finds_nothing_wrong_with_a_sound_store(held: Database) -> None:
    result = ovstore(held, "doctor", "--contents")
    assert result.exit_code == 0, result.output
    assert lines(result)[-1] == "Nothing is wrong."
    told = document(ovstore(held, "doctor", "--json"))
    assert told["findings"] == []
    assert (told["holds"]["scenes"], told["holds"]["feature_sets"]) == (2, 2)
    assert "pgvector 0." in told["database"]
    assert told["installation"]["extras"][0]["versions"]["numpy"] == np.__version__


def test_doctor_names_each_trouble_and_what_mends_it(held: Database, tmp_path: Path) -> None:
    [hall, _] = catalog.scenes(held)
    [hall_features, room_features] = catalog.feature_sets(held)
    (held.path / "features" / "left.parquet").write_bytes(b"x" * 300_000)
    held.file(hall.correspondences_file).unlink()
    held.file(hall_features.features_file).unlink()
    (tmp_path / "room" / "0.jpg").unlink()
    job = jobs.start(held, "scans", "cellar", {})
    held.presence.release(presence.JOB, job)  # as if its worker had been killed
    result = ovstore(held, "doctor")
    assert result.exit_code == 1
    text = result.stdout
    assert f"scans/hall: {hall.correspondences_file} is missing\n    ingest it again from /scans/hall" in text
    assert f"scans/hall features toy: {hall_features.features_file} is missing\n" in text
    assert "features/left.parquet: no scene or feature set refers to it (0.3 MB" in text
    assert f"scans/room: its images are no longer where they were ({tmp_path}/room/0.jpg)" in text
    assert f"job {job} (scans/cellar): is marked as running, but " in text
    assert lines(result)[-1] == "5 problems found."
    cleaned = ovstore(held, "doctor", "--clean")
    assert "removed features/left.parquet" in cleaned.stdout
    assert "1 leftover removed (0.3 MB), 1 lost job closed." in cleaned.stdout
    assert lines(cleaned)[-1] == "3 problems found."
    assert held.file(room_features.features_file).exists()


def test_doctor_names_indexes_that_are_gone_or_left_behind(held: Database) -> None:
    with held.driver_connection() as connection:
        connection.execute(
            "INSERT INTO indexes (name, embedding_space_id, level, row_count, last_region_id, file) "
            "SELECT 'faiss', id, 'object', 4, (SELECT min(id) FROM regions), 'indexes/gone' FROM embedding_spaces"
        )
    assert "index faiss of toy/16, level object: indexes/gone is missing" in ovstore(held, "doctor").stdout
    held.file("indexes").mkdir(exist_ok=True)
    held.file("indexes/gone").touch()
    result = ovstore(held, "doctor")
    assert result.exit_code == 1
    assert "8 regions were added after its 4; searches are correct, but slower\n    ovstore --store" in result.stdout


def test_doctor_tells_a_changed_file_by_its_content(held: Database) -> None:
    [features, _] = catalog.feature_sets(held)
    path = held.file(features.features_file)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    assert ovstore(held, "doctor").exit_code == 0
    result = ovstore(held, "doctor", "--contents")
    assert result.exit_code == 1
    assert (
        f"scans/hall features toy: {features.features_file} is damaged: its bytes are not those that" in result.stdout
    )
    small_scene.with_other_points(small_scene.make()).publish_geometry(held, "other")
    [other, *_] = catalog.scenes(held)
    points = held.file(other.points_file)
    points.write_bytes(held.file(catalog.find_scene(held, "scans/room").points_file).read_bytes())
    assert f"other/room: {other.points_file} is damaged" in ovstore(held, "doctor", "--contents").stdout
    with held.driver_connection() as connection:
        connection.execute("UPDATE scenes SET up_axis = 'y' WHERE name = 'hall'")
    assert "scans/hall: its content is not what was published" in ovstore(held, "doctor", "--contents").stdout


def test_every_byte_of_a_file_counts_and_a_file_known_to_be_damaged_answers_no_sql(held: Database) -> None:
    [hall, _] = catalog.scenes(held)
    count = "SELECT count(*) FROM correspondences WHERE scene = 'room'"
    before = sql.run_on_files(held, count).rows
    path = held.file(hall.correspondences_file)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])  # in the footer, which has no page checksum
    [finding] = verify.check(held, contents=True)
    assert finding.problem.startswith(f"{hall.correspondences_file} is damaged: its bytes are not those")
    with pytest.raises(BadInput, match=r"of scans/hall is damaged .*`ovstore doctor` says what to do"):
        sql.run_on_files(held, count)
    path.write_bytes(whole)  # out of a backup
    assert verify.check(held, contents=True) == []
    assert sql.run_on_files(held, count).rows == before


def test_files_of_an_older_store_are_noted_once_they_were_found_sound(held: Database) -> None:
    with held.driver_connection() as connection:
        connection.execute("DELETE FROM files")
    assert verify.check(held, contents=True) == []
    [hall, _] = catalog.scenes(held)
    path = held.file(hall.points_file)
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    [finding] = verify.check(held, contents=True)
    assert hall.points_file in finding.problem


def test_doctor_leaves_what_a_running_ingest_unpacks(store: Database) -> None:
    for scene in ("running", "lost"):
        store.unpacked("scans", scene).mkdir(parents=True)
    jobs.start(store, "scans", "running", {})
    result = ovstore(store, "doctor", "--clean")
    assert not store.unpacked("scans", "lost").exists()
    assert store.unpacked("scans", "running").exists(), result.output


def test_doctor_examines_the_installation_where_there_is_no_store(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'torch'")
    result = CliRunner().invoke(main, ["--store", str(tmp_path / "none"), "doctor"])
    assert result.exit_code == 0, result.output
    assert "There is no store in" in result.stdout
    assert lines(result)[-1] == "Nothing is wrong with the installation; no store was checked."
    assert not (tmp_path / "none").exists()


def test_doctor_says_why_a_database_does_not_answer(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVSTORE_DATABASE_URL", "postgresql://nobody@/nothing?host=/nowhere")
    result = ovstore(store, "doctor")
    assert result.exit_code == 1
    assert "the store: " in result.stdout
    assert "/nowhere" in result.stdout


def test_pages_of_the_database_have_checksums_and_a_damaged_one_is_a_sentence(
    store: Database, embedded_server: Server
) -> None:
    with store.driver_connection() as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
    with pytest.raises(DatabaseError, match=r"is damaged: invalid page in block 7.*docs/reliability"), store.connect():
        raise psycopg.errors.DataCorrupted("invalid page in block 7 of relation base/1/2")


def test_repair_writes_a_store_json_that_rotted_again(quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_DATABASE_URL", raising=False)
    with database.open(quick_folder / "rotten", create=True) as held:
        told = (held.path / "store.json").read_bytes()
        for damage in (b"{", b"[]", told.replace(b"embedded", b"embeddee"), told[:9] + b"00000000" + told[17:]):
            (held.path / "store.json").write_bytes(damage)
            result = ovstore(held, "doctor")
            assert result.exit_code == 1
            assert "`ovstore doctor --repair` rebuilds it" in result.stdout, damage
            assert "rebuilt: store.json, from the database" in ovstore(held, "doctor", "--repair").stdout
            assert (held.path / "store.json").read_bytes() == told
            assert lines(ovstore(held, "doctor"))[-1] == "Nothing is wrong."
        (held.path / "store.json").unlink()
        assert "`ovstore doctor --repair` rebuilds it" in ovstore(held, "scenes").stderr
        assert ovstore(held, "doctor", "--repair").exit_code == 0
        assert (held.path / "store.json").read_bytes() == told
