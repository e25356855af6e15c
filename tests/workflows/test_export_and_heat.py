"""Exports and heat maps called from Python are those of the command line."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
from command_line import ovstore as typed
from glb_file import linear_colours
from ovstore.ingest.files.clouds import read_cloud
from ovstore.store.postgres.database import Database
from ovstore.workflows.export import ExportRequest


@pytest.mark.parametrize(
    ("name", "format", "arguments", "words"),
    [
        ("a.ply", "ply", {"level": "object"}, ["ply", "--level", "object"]),
        ("a.ply", "ply", {"query": "red"}, ["ply", "--query", "red"]),
        ("a.glb", "glb", {"level": "object"}, ["glb", "--level", "object"]),
        ("a.glb", "glb", {"query": "red"}, ["glb", "--query", "red"]),
        ("a.npz", "npz", {"features": "colours"}, ["npz", "--features", "colours"]),
    ],
)
def test_a_file_is_byte_for_byte_that_of_the_command_line(
    coloured: Database, tmp_path: Path, name: str, format: Any, arguments: dict[str, Any], words: list[str]
) -> None:
    done = ovstore.export(coloured, "room", tmp_path / name, format, **arguments)
    assert (done.path, done.points) == (tmp_path / name, 600)
    kind, *options = words
    assert typed(coloured, "export", kind, "room", tmp_path / f"typed-{name}", *options).exit_code == 0
    assert (tmp_path / name).read_bytes() == (tmp_path / f"typed-{name}").read_bytes()


def test_a_region_is_exported_by_its_name(coloured: Database, tmp_path: Path) -> None:
    [hit] = ovstore.search(coloured, "red", scenes="room", top=1)
    done = ovstore.export(coloured, hit.full_name, tmp_path / "thing.ply")
    assert done.points == hit.point_count == len(read_cloud(done.path).xyz)


def test_a_glb_has_the_points_of_the_ply_in_their_order_and_heat_where_the_words_fit(
    coloured: Database, tmp_path: Path
) -> None:
    trimesh = pytest.importorskip("trimesh", reason="needs the extra 'generate'")
    ovstore.export(coloured, "room", tmp_path / "a.ply")
    ovstore.export(coloured, "room", tmp_path / "a.glb", "glb", query="red")
    [mesh] = trimesh.load(tmp_path / "a.glb", process=False).geometry.values()
    np.testing.assert_array_equal(mesh.vertices, read_cloud(tmp_path / "a.ply").xyz)
    heat = ovstore.heat_map(coloured, "room", "red")
    warm = np.ptp(linear_colours(tmp_path / "a.glb")[:, :3], axis=1)  # of grey: 0
    assert warm[heat.value > 0.9].min() > 0.1
    assert warm[heat.value == 0].max() == 0


def test_a_region_is_a_glb_of_its_points(coloured: Database, tmp_path: Path) -> None:
    [hit] = ovstore.search(coloured, "red", scenes="room", top=1)
    done = ovstore.export(coloured, hit.full_name, tmp_path / "thing.glb", "glb", query="red")
    assert done.points == hit.point_count


def test_points_that_answer_a_query_are_counted(coloured: Database, tmp_path: Path) -> None:
    done = ovstore.export(coloured, "room", tmp_path / "red.ply", query="red")
    result = typed(coloured, "export", "ply", "room", tmp_path / "typed.ply", "--query", "red")
    assert done.answering and f"{done.answering} points of the scene answer 'red'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "there.ply"}, "there.ply exists: name another file"),
        ({"path": "none/room.ply"}, "There is no folder none to write room.ply in"),
        ({"path": "x.npz", "format": "npz", "level": "object"}, "Only PLY and GLB files have colours by level"),
        (
            {"path": "x.glb", "format": "glb", "level": "object", "query": "red"},
            "A GLB is coloured by region or by the scores of a query: give level or query",
        ),
        ({"path": "x.ply", "kind": "scannet"}, "Only OpenScene's files are written as one of its datasets"),
        ({"path": "x.ply", "format": "obj"}, "format must be 'ply' or 'glb' or 'npz' or 'openscene', not 'obj'."),
        ({"path": "x.ply", "scene": "rom"}, "Did you mean 'room'"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    coloured: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.ply").touch()
    with pytest.raises(ovstore.OvstoreError, match=said):
        ovstore.export(**({"store": coloured, "scene": "room"} | arguments))
    assert {path.name for path in tmp_path.iterdir()} == {"there.ply"}


def test_export_takes_the_fields_of_its_request() -> None:
    taken = list(inspect.signature(ovstore.export).parameters)
    assert taken == ["store", *(field.name for field in dataclasses.fields(ExportRequest)), "progress"]


def test_a_heat_map_is_hottest_where_the_words_fit(coloured: Database, tmp_path: Path) -> None:
    heat = ovstore.heat_map(coloured, "room", "red")
    assert heat.score.shape == heat.value.shape == (600,) == heat.points.labels.shape
    assert (np.isnan(heat.score)).sum() == 60  # each tenth point has no vector
    assert (heat.score[(heat.points.labels == 0) & ~np.isnan(heat.score)] > 0.999).all()
    heat.save_picture(tmp_path / "red.png")
    heat.save_ply(str(tmp_path / "red.ply"))
    assert (tmp_path / "red.png").read_bytes()[:4] == b"\x89PNG" and len(read_cloud(tmp_path / "red.ply").xyz) == 600


def test_a_heat_map_follows_the_order_that_was_asked_for(coloured: Database) -> None:
    in_scan, stored = (ovstore.heat_map(coloured, "room", "red", order=order) for order in ("scan", "stored"))
    place = np.lexsort(stored.points.xyz.T), np.lexsort(in_scan.points.xyz.T)
    assert np.array_equal(stored.score[place[0]], in_scan.score[place[1]], equal_nan=True)
    assert not np.array_equal(stored.points.xyz, in_scan.points.xyz)


def test_the_cloud_is_that_of_the_command_line_in_stored_order(coloured: Database, tmp_path: Path) -> None:
    ovstore.heat_map(coloured, "room", "red", order="stored").save_ply(tmp_path / "a.ply")
    assert typed(coloured, "show", "room", "--query", "red", "--save-ply", tmp_path / "b.ply").exit_code == 0
    assert (tmp_path / "a.ply").read_bytes() == (tmp_path / "b.ply").read_bytes()
