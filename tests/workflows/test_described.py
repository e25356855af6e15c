"""What Python is told of scenes, regions, encoders and label sets is what the command line prints."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.core import plugins
from ovstore.core.errors import NotFound, UnknownWords
from ovstore.evaluation.labels import label_files
from ovstore.query import sql
from ovstore.store.postgres.database import Database
from ovstore.workflows.encode_labels import encode_labels
from ovstore.workflows.encoders import find_encoder, find_encoders
from ovstore.workflows.show import RegionDescription, SceneDescription, describe


def as_printed(told: Any) -> Any:
    """After a way through JSON, times and paths as text."""
    return json.loads(json.dumps(told, default=str))


def test_a_scene_is_described_as_by_the_command_line(coloured: Database) -> None:
    found = describe(coloured, "room", top=3)
    assert isinstance(found, SceneDescription) and len(found.objects) == 3
    assert as_printed(found.to_dict()) == document(typed(coloured, "show", "room", "--top", "3", "--json"))


def test_a_region_is_described_with_its_images_best_first(coloured: Database) -> None:
    found = describe(coloured, "room:1@object")
    assert isinstance(found, RegionDescription) and found.region.full_name == "scans/room:1@object"
    told = document(typed(coloured, "show", "room:1@object", "--json"))
    assert as_printed(found.to_dict()) == told
    assert [view["frame"] for view in told["views"]] == [view.frame for view in found.views] != []


def test_what_is_not_there_is_not_described(coloured: Database) -> None:
    with pytest.raises(NotFound, match="Did you mean 'room'"):
        describe(coloured, "rom")


def test_encoders_are_those_of_the_command_line(coloured: Database) -> None:
    found = find_encoders()
    assert [each.name for each in found] == plugins.names("models.encoders")
    told = document(typed(coloured, "encoders", "--json"))
    assert [{**as_printed(each.to_dict()), "default": each.name == "openclip"} for each in found] == told
    one = find_encoder("color_words")
    assert as_printed(one.to_dict()) == document(typed(coloured, "encoders", "color_words", "--json"))
    assert (one.weights, one.missing_package) == ("none needed", None) and "red" in (one.vocabulary or ())


def test_label_sets_are_encoded_as_by_the_command_line(coloured: Database, labels: Path, tmp_path: Path) -> None:
    found = encode_labels(coloured, label_files.load(str(labels)))
    assert found.texts == ("red", "green", "blue", "yellow") and found.index.tolist() == [0, 1, 2, 3]
    found.save(tmp_path / "a.npz")
    result = typed(coloured, "labels", "encode", labels, "--out", tmp_path / "b.npz")
    assert result.stdout == f"colours: 4 texts as vectors of {found.space.name}\n"
    with np.load(tmp_path / "a.npz") as saved, np.load(tmp_path / "b.npz") as written:
        assert set(saved) == set(written) == {"texts", "index", "vectors"}
        assert all(np.array_equal(saved[name], written[name]) for name in saved)
        assert np.array_equal(saved["vectors"], found.vectors) and found.vectors.dtype == np.float32


def test_words_that_an_encoder_does_not_know_are_named(coloured: Database) -> None:
    with pytest.raises(UnknownWords, match="'wall' is not a colour name"):
        encode_labels(coloured, label_files.load("scannet20"))


def test_rows_of_sql_are_those_of_the_command_line(coloured: Database) -> None:
    statement = "SELECT 'NaN'::float8 AS a, ARRAY['Infinity'::float8, 1.5] AS b, scene FROM scene_overview ORDER BY 3"
    with sql.opened(coloured, statement) as rows:
        told = rows.as_dicts(sql.Limits())
    assert told == document(typed(coloured, "sql", statement, "--json"))
    assert told == [{"a": None, "b": [None, 1.5], "scene": scene} for scene in ("hall", "room")]
