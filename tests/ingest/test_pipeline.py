"""The whole flow on a room whose truth is known, without weights: files in, answers out."""

import json
import shutil
from pathlib import Path

import lseg_file
import numpy as np
import pytest
import toy_room
from click.testing import CliRunner, Result
from command_line import ovstore
from ovstore.cli import main
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room")


@pytest.fixture(scope="module")
def asked(shared_store: Database, room: Path) -> Database:
    """A store of the room, for tests that only ask."""
    assert ingest(shared_store, room).exit_code == 0
    return shared_store


def ingest(store: Database, room: Path, *more: object) -> Result:
    return ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", *more)


@pytest.mark.parametrize("colour", toy_room.BOXES)
def test_each_coloured_box_is_the_first_answer_to_its_colour(asked: Database, colour: str) -> None:
    result = ovstore(asked, "search", colour, "--top", 1, "--json")
    [hit] = json.loads(result.stdout)["hits"]
    low, high, _ = toy_room.BOXES[colour]
    assert np.all(np.array(hit["centre"]) > np.array(low) - 0.06)
    assert np.all(np.array(hit["centre"]) < np.array(high) + 0.06)


def test_ingest_again_is_up_to_date(store: Database, room: Path) -> None:
    first, second = ingest(store, room), ingest(store, room)
    assert "1 ingested, 0 up to date, 0 failed." in first.stdout, first.output
    assert "0 ingested, 1 up to date, 0 failed." in second.stdout
    assert len(catalog.scenes(store)) == 1


def test_the_same_inputs_give_the_same_content_whatever_the_memory(store: Database, room: Path) -> None:
    ingest(store, room)
    [before] = catalog.feature_sets(store)
    ingest(store, room, "--again", "--memory-mb", 1)
    [after] = catalog.feature_sets(store)
    assert after.content_digest == before.content_digest
    assert after.id == before.id  # publishing equal content changes nothing


def test_cameras_are_missed_before_a_network_is_loaded(store: Database, room: Path, tmp_path: Path) -> None:
    scan = shutil.copytree(room, tmp_path / "scan")
    network = ("--encoder", "tiny", "--weights", tmp_path / "absent.safetensors")
    assert "absent.safetensors" in ovstore(store, "ingest", "rgbd", scan, *network).output
    (scan / "intrinsics.txt").unlink()
    result = ovstore(store, "ingest", "rgbd", scan, *network)
    assert result.exit_code == 1
    assert "no intrinsics" in result.output and "give --fx --fy --cx --cy" in result.output
    assert "absent.safetensors" not in result.output


def test_another_encoder_reuses_the_geometry(store: Database, room: Path) -> None:
    ingest(store, room)
    [before] = catalog.scenes(store)
    assert ingest(store, room, "--features", "coarse", "--patch", 8).exit_code == 0
    [after] = catalog.scenes(store)
    assert after.id == before.id
    assert {found.name for found in catalog.feature_sets(store)} == {"color_words", "coarse"}


def test_equal_features_by_another_name_stand_beside_the_first(store: Database, room: Path) -> None:
    ingest(store, room)
    assert "1 ingested" in ingest(store, room, "--features", "colours").stdout
    assert [found.name for found in catalog.feature_sets(store)] == ["color_words", "colours"]


def test_compat_keeps_the_plain_mean_and_is_another_recipe(store: Database, room: Path) -> None:
    ingest(store, room)
    refused = ingest(store, room, "--compat", "openscene", "--features", "compat")  # another visibility
    assert (refused.exit_code, "stored geometry has no --compat, not --compat openscene" in refused.output) == (1, True)
    assert ingest(store, room, "--compat", "openscene", "--features", "compat", "--again").exit_code == 0
    [found] = catalog.feature_sets(store)
    assert found.name == "compat"
    features = catalog.load_features(store, found.scene_id, "compat")
    length = np.linalg.norm(features.vectors.astype(np.float32), axis=1)
    assert length.max() < 1.001
    assert (length < 0.99).any()  # where views disagree, their mean is shorter
    [hit] = json.loads(ovstore(store, "search", "red", "--top", 1, "--json").stdout)["hits"]
    assert hit["score"] > 0.9


def test_compat_makes_the_features_as_openscene_does_but_for_what_is_typed(
    store: Database, room: Path, tmp_path: Path
) -> None:
    lseg_file.save(tmp_path / "demo_e200.ckpt")
    lseg = ("--encoder", "lseg", "--weights", tmp_path / "demo_e200.ckpt", "--compat", "openscene", "--frame-limit", 2)
    for typed, expected in [((), ("openscene", False, "float32")), (("--unit",), ("openscene", True, "float32"))]:
        assert ovstore(store, "ingest", "rgbd", room, *lseg, *typed, "--again").exit_code == 0
        [found] = catalog.feature_sets(store)
        options = found.recipe["encoder"]["options"]
        assert (options["mode"], options["unit"], options["precision"]) == expected


def test_compat_and_weights_of_views_exclude_each_other(store: Database, room: Path) -> None:
    result = ingest(store, room, "--compat", "openscene", "--weighting", "view")
    assert result.exit_code == 2
    assert "--weighting" in result.stderr


def test_a_bad_scene_is_one_line_and_the_others_go_on(store: Database, room: Path, tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    toy_room.write(scans / "good", frames=6)
    bad = toy_room.write(scans / "bad", frames=6)
    for pose in (bad / "pose").glob("*.txt"):
        np.savetxt(pose, np.full((4, 4), np.nan))
    result = ovstore(store, "ingest", "rgbd", scans, "--encoder", "color_words")
    assert result.exit_code == 1
    assert "1 ingested, 0 up to date, 1 failed." in result.stdout
    assert "bad  failed:" in result.stderr
    assert [scene.name for scene in catalog.scenes(store)] == ["good"]
    failed = ovstore(store, "jobs", "--failed")
    assert "bad" in failed.stdout
    assert "good" not in failed.stdout


def test_what_is_closer_to_other_words_can_be_left_out(asked: Database) -> None:
    [green] = json.loads(ovstore(asked, "search", "--ungrouped", "green", "--top", 1, "--json").stdout)["hits"]

    def answers(*more: str) -> set[int]:
        found = ovstore(asked, "search", "--ungrouped", "red", *more, "--top", 100, "--json").stdout
        return {hit["region"] for hit in json.loads(found)["hits"]}

    assert answers() - answers("--not", "green") >= {green["region"]}
    assert answers("--not", "green") >= {
        json.loads(ovstore(asked, "search", "--ungrouped", "red", "--top", 1, "--json").stdout)["hits"][0]["region"]
    }


def test_a_box_of_a_picture_finds_what_it_shows(asked: Database) -> None:
    [wanted] = json.loads(ovstore(asked, "search", "--ungrouped", "blue", "--top", 1, "--json").stdout)["hits"]
    view = wanted["evidence"][0]
    box = ",".join(str(value) for value in view["box_xyxy"])
    result = ovstore(asked, "search", "--ungrouped", "--image", view["image_path"], "--box", box, "--top", 1, "--json")
    assert json.loads(result.stdout)["hits"][0]["region"] == wanted["region"]


def test_a_region_is_most_like_itself(asked: Database) -> None:
    [wanted] = json.loads(ovstore(asked, "search", "--ungrouped", "green", "--top", 1, "--json").stdout)["hits"]
    for name in (wanted["name"], f"room:{wanted['ordinal']}@object", f"room:{wanted['region']}", wanted["region"]):
        result = ovstore(asked, "search", "--ungrouped", "--like", name, "--top", 1, "--json")
        [hit] = json.loads(result.stdout)["hits"]
        assert hit["region"] == wanted["region"]
        assert hit["score"] == pytest.approx(1, abs=2e-3)
    elsewhere = ovstore(asked, "search", "--like", f"hall:{wanted['region']}")
    assert elsewhere.exit_code == 1
    assert "does not belong to 'hall'" in elsewhere.stderr


def test_words_in_sql_rank_as_search_does(asked: Database) -> None:
    hits = json.loads(ovstore(asked, "search", "--ungrouped", "yellow", "--top", 3, "--json").stdout)["hits"]
    statement = (
        "SELECT region FROM region_overview WHERE level = 'object' ORDER BY embedding <#> {text:yellow}, region LIMIT 3"
    )
    rows = json.loads(ovstore(asked, "sql", statement, "--format", "json").stdout)
    assert [row["region"] for row in rows] == [hit["region"] for hit in hits]


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM scenes", "SELECT 1; DROP TABLE scenes CASCADE", "COPY scenes TO PROGRAM 'true'", "SELEC 1", ""],
)
def test_sql_that_is_not_one_query_is_refused_in_one_line(asked: Database, statement: str) -> None:
    result = ovstore(asked, "sql", statement)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert len(catalog.scenes(asked)) == 1


def test_the_parquet_files_answer_sql_too(asked: Database) -> None:
    pytest.importorskip("duckdb")
    [scene] = catalog.scenes(asked)
    statement = "SELECT scene, count(*) AS points FROM points GROUP BY scene"
    rows = json.loads(ovstore(asked, "sql", "--files", statement, "--format", "json").stdout)
    assert rows == [{"scene": "room", "points": scene.point_count}]


def test_the_files_cannot_be_used_to_read_or_write_others(asked: Database, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    for statement in (
        "SELECT * FROM read_text('/etc/hostname')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"COPY (SELECT 1) TO '{asked.path}/out.csv'",
        f"EXPLAIN ANALYZE COPY (SELECT 1) TO '{asked.path}/out.csv'",
        f"SELECT 1; ATTACH '{asked.path}/out.csv'",
    ):
        result = ovstore(asked, "sql", "--files", statement)
        assert result.exit_code == 1, result.output
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()
    assert not (asked.path / "out.csv").exists()


def test_a_store_behind_a_link_answers_sql_over_its_files(asked: Database, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "link").symlink_to(asked.path)
    command = ["--store", str(tmp_path / "link"), "sql", "--files", "SELECT count(*) FROM features", "--format", "csv"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output


def test_pictures_and_clouds_are_written(asked: Database, tmp_path: Path) -> None:
    from PIL import Image

    ovstore(asked, "search", "red", "--save-picture", tmp_path / "red.png", "--save-ply", tmp_path / "red.ply")
    result = ovstore(asked, "show", "room", "--query", "red", "--save-picture", tmp_path / "heat.png")
    assert result.exit_code == 0, result.output
    heat = np.asarray(Image.open(tmp_path / "heat.png").convert("RGB")).astype(int)
    warm = (heat[:600, :, 0] > heat[:600, :, 2] + 60).sum()
    assert warm > 200  # the red box glows
    assert Image.open(tmp_path / "red.png").width > 300
    assert (tmp_path / "red.ply").read_bytes().startswith(b"ply\nformat binary_little_endian")


def test_python_gives_what_the_command_line_gives(asked: Database) -> None:
    import ovstore as package

    answer = package.search(asked, "blue", top=3)
    printed = json.loads(ovstore(asked, "search", "blue", "--top", 3, "--json").stdout)
    assert [hit.region for hit in answer] == [hit["region"] for hit in printed["hits"]]
    assert [hit.score for hit in answer] == [hit["score"] for hit in printed["hits"]]
    named = package.search(asked, "blue", scenes="room", top=3)  # one name needs no list
    assert [hit.region for hit in named] == [hit.region for hit in answer]
