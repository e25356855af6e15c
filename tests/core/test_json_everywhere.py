"""Whatever a command lists, programs get as one JSON document."""

import json
from collections.abc import Iterator

import click
import pytest
import small_scene
from command_line import ovstore
from ovstore.cli import main
from ovstore.store.postgres.database import Database

ACTS = {  # what they do is done when they end, or is a file; there is nothing to list
    "completion", "db downgrade", "db upgrade", "export glb", "export html", "export npz", "export openscene",
    "export ply", "forget", "index build", "index drop", "labels encode", "mcp", "train supervised",
    "train tiny", "web",
}  # fmt: skip
LISTS = [
    "scenes", "features", "features room", "show room", "encoders color_words", "jobs", "jobs --failed", "index list",
    "labels list", "labels show scannet20", "labels map scannet20 room", "db current", "db tables", "doctor",
    "search --like room:0@object", "index check",
]  # fmt: skip


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, (*words, name))


def test_every_command_takes_json_but_those_that_only_act() -> None:
    without = {
        name
        for name, command in leaves(main)
        if not any("--json" in parameter.opts or "json" in _choices(parameter) for parameter in command.params)
    }
    assert without == ACTS


def _choices(parameter: click.Parameter) -> tuple[str, ...]:
    """What --format may be, where it is a choice."""
    return tuple(parameter.type.choices) if isinstance(parameter.type, click.Choice) else ()


@pytest.fixture(scope="module")
def held(shared_store: Database) -> Database:
    small_scene.make().publish(shared_store)
    return shared_store


@pytest.mark.parametrize("typed", LISTS)
def test_a_list_is_one_document_and_nothing_else(held: Database, typed: str) -> None:
    said = ovstore(held, *typed.split(), "--json")
    assert said.exit_code in (0, 1), said.output  # doctor and jobs may have something to say
    assert isinstance(json.loads(said.stdout), list | dict)


@pytest.mark.parametrize("typed", ["scenes", "features", "jobs", "encoders", "labels list", "db tables"])
def test_an_empty_store_lists_nothing_and_succeeds(store: Database, typed: str) -> None:
    said = ovstore(store, *typed.split(), "--json")
    assert said.exit_code == 0
    assert isinstance(json.loads(said.stdout), list)
