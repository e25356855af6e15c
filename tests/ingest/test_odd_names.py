"""Names that people give: kept through the whole flow where a terminal can show them, refused in one line elsewhere."""

import json
import os
import shutil
from pathlib import Path

import pytest
import toy_room
from command_line import ovstore
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database

KEPT = [
    'it\'s "quoted"; DROP TABLE scenes;--', "🪑 Küche 👩\u200d🍳 厨房", "a:7", "50% {} \\ $HOME", "-dash", " ",
    "x" * 250,
]  # fmt: skip
FRAMES = ["0", 'it\'s "1"; --', "👩\u200d🍳" + "x" * 200]
REFUSED = {"a\nb": r"a\nb", "\x1b[31mred\t": r"\x1b[31mred\t", os.fsdecode(b"lat\xe9in"): r"lat\udce9in"}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("room") / "room", frames=3)


def with_frames_called(folder: Path, names: list[str]) -> None:
    for kind in ("color", "depth", "pose"):
        for path, name in zip(sorted((folder / kind).iterdir()), names, strict=True):
            path.rename(path.with_name(name + path.suffix))


@pytest.fixture(scope="module")
def asked(shared_store: Database, room: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    scans = tmp_path_factory.mktemp("scans")
    for name in KEPT:
        with_frames_called(shutil.copytree(room, scans / name), FRAMES)
    result = ovstore(shared_store, "ingest", "rgbd", scans, "--encoder", "color_words")
    assert result.exit_code == 0, result.output
    return shared_store


@pytest.mark.slow
def test_names_come_back_as_they_were(asked: Database) -> None:
    assert [scene.name for scene in catalog.scenes(asked)] == sorted(KEPT)
    assert verify.check(asked) == []
    for scene in catalog.scenes(asked):
        assert {frame.name for frame in catalog.load_frames(asked, scene.id)} == set(FRAMES)


@pytest.mark.parametrize("name", KEPT)
def test_every_command_takes_them(asked: Database, name: str, tmp_path: Path) -> None:
    assert json.loads(ovstore(asked, "show", "--json", "--", name).stdout)["name"] == name
    result = ovstore(asked, "export", "ply", "--level", "object", "--", name, tmp_path / "out.ply")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.ply").read_bytes().startswith(b"ply\n")
    [hit] = json.loads(ovstore(asked, "search", "red", "--scene", name, "--top", 1, "--json").stdout)["hits"]
    assert hit["scene"] == name
    like = json.loads(
        ovstore(asked, "search", "--like", f"{name}:{hit['region']}", "--scene", name, "--top", 1, "--json").stdout
    )
    assert like["hits"][0]["region"] == hit["region"]
    quoted = name.replace("'", "''")
    rows = ovstore(
        asked, "sql", f"SELECT DISTINCT scene FROM region_overview WHERE scene = '{quoted}'", "--format", "json"
    )
    assert json.loads(rows.stdout) == [{"scene": name}]


def test_each_scene_is_one_line_of_a_table(asked: Database) -> None:
    assert len(ovstore(asked, "scenes").stdout.splitlines()) == 1 + len(KEPT)
    assert len(ovstore(asked, "jobs").stdout.splitlines()) == 1 + len(KEPT)


@pytest.mark.parametrize("name, shown", REFUSED.items())
def test_what_cannot_be_shown_on_one_line_is_refused_on_one(
    store: Database, room: Path, tmp_path: Path, name: str, shown: str
) -> None:
    try:
        shutil.copytree(room, tmp_path / "scans" / name)
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    shutil.copytree(room, tmp_path / "scans" / "zoo")
    result = ovstore(store, "ingest", "rgbd", tmp_path / "scans", "--encoder", "color_words")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"{shown}  failed: The name '{shown}")
    assert [scene.name for scene in catalog.scenes(store)] == ["zoo"]
    assert verify.check(store) == []
    result = ovstore(store, "show", name)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1 and shown in result.stderr


def test_a_frame_that_cannot_be_shown_on_one_line_is_refused(store: Database, room: Path, tmp_path: Path) -> None:
    with_frames_called(shutil.copytree(room, tmp_path / "room"), ["0", "1\n2", "3"])
    result = ovstore(store, "ingest", "rgbd", tmp_path / "room", "--encoder", "color_words")
    assert result.exit_code == 1
    assert r"failed: The name '1\n2' contains control characters or line breaks:" in result.stderr
    assert catalog.scenes(store) == []
