"""What Python is told of scenes, regions, encoders and label sets is what the command line prints."""

import json
from typing import Any

from command_line import document
from command_line import ovstore as typed
from ovstore.core import plugins
from ovstore.store.postgres.database import Database
from ovstore.workflows.encoders import find_encoder, find_encoders


def as_printed(told: Any) -> Any:
    """After a way through JSON, times and paths as text."""
    return json.loads(json.dumps(told, default=str))


def test_encoders_are_those_of_the_command_line(coloured: Database) -> None:
    found = find_encoders()
    assert [each.name for each in found] == plugins.names("models.encoders")
    told = document(typed(coloured, "encoders", "--json"))
    assert [{**as_printed(each.to_dict()), "default": each.name == "openclip"} for each in found] == told
    one = find_encoder("color_words")
    assert as_printed(one.to_dict()) == document(typed(coloured, "encoders", "color_words", "--json"))
    assert (one.weights, one.missing_package) == ("none needed", None) and "red" in (one.vocabulary or ())
