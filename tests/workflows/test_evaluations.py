"""Evaluations called from Python say what the command line says, and take what it takes."""

import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.store.postgres.database import Database
from ovstore.workflows.evaluate_instances import InstancesRequest
from ovstore.workflows.evaluate_points import PointsRequest
from ovstore.workflows.evaluate_retrieval import RetrievalRequest


def as_printed(told: dict[str, Any]) -> Any:
    """After a way through JSON."""
    return json.loads(json.dumps(told))


def test_points_have_the_figures_of_the_command_line(coloured: Database, labels: Path) -> None:
    report = ovstore.evaluate_points(coloured, labels, protocol="openscene", scenes="room")
    words = ("--protocol", "openscene", "--scene", "room")
    assert as_printed(report.to_dict()) == document(typed(coloured, "eval", "--labels", labels, *words, "--json"))
    assert report.means["mIoU"] == 1
    assert report.counts.sum() == 600 and report.counts[:, -1].sum() == 60  # each tenth has no vector


def test_instances_have_the_figures_of_the_command_line(coloured: Database, labels: Path) -> None:
    report = ovstore.evaluate_instances(coloured, labels, level="superpoint", min_points=20)
    words = ("--level", "superpoint", "--min-points", "20", "--json")
    assert as_printed(report.to_dict()) == document(typed(coloured, "eval", "instances", "--labels", labels, *words))
    assert report.precision.instances.tolist() == [2, 2, 2, 1]


def test_retrieval_has_the_figures_of_the_command_line(coloured: Database) -> None:
    report = ovstore.evaluate_retrieval(coloured, absent=["purple", "pink"])
    told = document(typed(coloured, "eval", "retrieval", "--absent", "purple,pink", "--json"))
    assert as_printed(report.to_dict()) == told
    [section] = report.sections
    assert [each.question.text for each in section.here] == ["yellow"]
    assert section.ranks("best point").recall_at_1 == 1


def test_tables_are_rows_of_text_under_their_columns(coloured: Database, labels: Path) -> None:
    _, classes, scenes = ovstore.evaluate_points(coloured, labels).tables(per_scene=True)
    assert classes.columns[1] == "class" and [row[1] for row in classes.rows] == ["red", "green", "blue", "yellow"]
    assert [row[0] for row in scenes.rows] == ["scans/hall", "scans/room", "mean of scenes"]


def test_progress_counts_scenes_and_steps(coloured: Database, labels: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    ovstore.evaluate_points(coloured, labels, progress=lambda *step: heard.append(step))
    assert heard == [("scenes", 1, 2), ("scenes", 2, 2)]
    heard.clear()
    ovstore.evaluate_instances(coloured, labels, scenes="room", progress=lambda *step: heard.append(step))
    assert heard == [("scenes", 1, 1)]
    heard.clear()
    ovstore.evaluate_retrieval(coloured, absent="purple", progress=lambda *step: heard.append(step))
    assert [done for _, done, _ in heard] == list(range(1, heard[-1][2] + 1))


def test_what_is_kept_is_what_the_command_line_keeps(coloured: Database, labels: Path, tmp_path: Path) -> None:
    kept = {name: str(tmp_path / name) for name in ("write_predictions", "save_npy", "save_ply")}
    ovstore.evaluate_points(coloured, labels, scenes=["room"], **kept)
    assert (tmp_path / "write_predictions" / "room.txt").read_text().count("\n") == 600
    assert np.load(tmp_path / "save_npy" / "room_openscene_feat_fusion.npy").shape == (600, 13)
    assert {path.name for path in (tmp_path / "save_ply").iterdir()} > {"legend.png", "room_error.ply"}
    again = ovstore.evaluate_points(coloured, labels, predictions=kept["write_predictions"])
    assert again.means["mIoU"] == pytest.approx(0.9, abs=0.01)


def test_a_word_for_what_is_not_there_is_a_word(coloured: Database) -> None:
    with pytest.raises(ovstore.OvstoreError, match="A text to ask with has no words"):
        ovstore.evaluate_retrieval(coloured, absent=["purple", " "])


@pytest.mark.parametrize(
    ("call", "request_class"),
    [
        (ovstore.evaluate_points, PointsRequest),
        (ovstore.evaluate_instances, InstancesRequest),
        (ovstore.evaluate_retrieval, RetrievalRequest),
    ],
)
def test_a_verb_takes_the_fields_of_its_request(call: Callable[..., Any], request_class: type) -> None:
    taken = list(inspect.signature(call).parameters.values())
    fields = dataclasses.fields(request_class)
    assert [one.name for one in taken] == ["store", *(field.name for field in fields), "progress"]
    for one, field in zip(taken[1:-1], fields, strict=True):
        missing = field.default is dataclasses.MISSING
        assert one.default == (inspect.Parameter.empty if missing else field.default), one.name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"predictions": "x", "features": "y"}, "--predictions have no vectors"),
        ({"passes": 3}, "--passes requires --protocol openscene"),
        ({"run": "x"}, "--run names the student for --passes"),
        ({"protocol": "openscene", "passes": 0}, "The number of passes must be at least 1, not 0."),
        ({"protocol": "openscene", "passes": 1, "voxel_size": 0.0}, "The size of a voxel must be above 0 metres"),
        ({"seed": -1}, "The seed must be from 0 to 4294967295, not -1."),
        ({"scenes": "hal"}, "Did you mean 'hall'"),
        ({"features": "none"}, "has the features none"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(
    coloured: Database, labels: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ovstore.OvstoreError, match=said):
        ovstore.evaluate_points(coloured, labels, **wrong)
