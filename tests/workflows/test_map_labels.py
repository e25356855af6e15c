"""Labels mapped from Python are those that the command line maps."""

import json
from pathlib import Path

from command_line import document
from command_line import ovstore as typed
from ovstore.store.postgres.database import Database
from ovstore.workflows.map_labels import map_labels_of


def test_points_by_class_are_those_of_the_command_line(coloured: Database, labels: Path) -> None:
    found = map_labels_of(coloured, str(labels))
    assert json.loads(json.dumps(found.to_dict())) == document(
        typed(coloured, "labels", "map", labels, "--all", "--json")
    )
    assert (found.scenes, sum(found.uses.values()), found.unlabelled) == (2, 1200, 0)


def test_a_scene_named_twice_counts_once(coloured: Database, labels: Path) -> None:
    assert map_labels_of(coloured, str(labels), ["room", "scans/room"]).scenes == 1
