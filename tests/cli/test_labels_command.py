"""The words of `ovstore labels`, and its legends."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from ovstore.cli import main
from ovstore.evaluation.labels import label_files
from ovstore.evaluation.labels.legend import legend
from ovstore.store.postgres.database import Database
from small_scene import make

SETS = label_files.names()


def said(*arguments: str, store: Database | None = None) -> Result:
    where = [] if store is None else ["--store", str(store.path)]
    return CliRunner().invoke(main, [*where, "labels", *arguments])


def test_a_legend_shows_every_colour_of_its_set() -> None:
    scannet = label_files.load("scannet200")
    shown = {colour for _, colour in legend(scannet).getcolors(1 << 24)}
    assert {each.rgb for each in scannet.classes} <= shown


def test_list_names_all_sets() -> None:
    result = said("list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == SETS
    assert [each["name"] for each in json.loads(said("list", "--json").stdout)] == SETS


def test_show_prints_classes_and_where_they_come_from(tmp_path: Path) -> None:
    result = said("show", "scannet20", "--save-picture", str(tmp_path / "legend.png"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "name", "colour", "queries", "also"]
    assert lines[1].split() == ["1", "wall", "#aec7e8"]
    assert "Labels of the dataset: 148 map to these classes, 465 to none." in lines
    assert (tmp_path / "legend.png").stat().st_size > 1000


def labelled(store: Database, names: dict[int, str]) -> None:
    """A scene 'scans/room' of 600 points; labels go round."""
    small = make("room")
    labels = np.resize(np.array([*names, -1], np.int32), len(small.scene.points))
    points = replace(small.scene.points, labels=labels, label_names=names)
    replace(small, scene=replace(small.scene, points=points)).publish_geometry(store)


def test_map_counts_points_and_reports_what_the_set_does_not_know(store: Database) -> None:
    labelled(store, {0: "wall", 1: "trashcan", 2: "office chair", 3: "ceiling"})
    result = said("map", "scannet20", "room", store=store)
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["id", "class", "points", "share", "labels"],
        ["1", "wall", "120", "20.0%", "wall"],
        ["5", "chair", "120", "20.0%", "office", "chair"],
        ["(no", "class", "of", "the", "set)", "120", "20.0%", "ceiling"],
        ["(unknown", "label)", "120", "20.0%", "see", "below"],
        ["(no", "label)", "120", "20.0%"],
        [],
        ["1", "scene,", "600", "points;", "2", "of", "20", "classes", "of", "scannet20", "occur."],
        result.stdout.splitlines()[8].split(),
        [],
        ["Labels", "that", "scannet20", "does", "not", "know,", "left", "out"],
        ["label", "points", "nearest", "known", "label"],
        ["trashcan", "120", "trash", "can"],
    ]
    report = json.loads(said("map", "scannet20", "--all", "--json", store=store).stdout)
    assert report["unknown"] == [{"label": "trashcan", "points": 120, "near": "trash can"}]
    assert report["ignored"] == {"ceiling": 120}
    assert report["classes"][4] == {"id": 5, "name": "chair", "points": 120, "labels": {"office chair": 120}}


def test_map_takes_a_table_of_ones_own_and_names_each_scene_once(store: Database, tmp_path: Path) -> None:
    labelled(store, {0: "trashcan"})
    table = tmp_path / "labels.tsv"
    table.write_text("raw_category\tnyu40id\ntrashcan\t39\n")
    result = said("map", "scannet20", "room", "scans/room", "--table", str(table), "--json", store=store)
    report = json.loads(result.stdout)
    assert (report["points"], report["classes"][19]["points"], report["unknown"]) == (600, 300, [])


def test_map_of_an_empty_store_names_the_next_step(store: Database) -> None:
    result = said("map", "scannet20", "--all", store=store)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ovstore ingest --help" in result.stderr


@pytest.mark.parametrize("arguments", [["map", "scannet20"], ["map", "scannet20", "room", "--all"]])
def test_map_wants_scenes_or_all(store: Database, arguments: list[str]) -> None:
    result = said(*arguments, store=store)
    assert result.exit_code == 2
    assert "Name scenes, or give --all." in result.stderr


@pytest.mark.parametrize("name", SETS)
def test_what_show_prints_as_json_is_a_file_of_the_same_set(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text(said("show", name, "--json").stdout)
    assert label_files.load(str(path)) == label_files.load(name)
