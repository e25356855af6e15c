"""Every `ovstore ...` in the README and docs/ is one that the command line takes."""

import click
import pytest
from ovstore.cli import main
from pages import PAGES, Command, commands

DEFAULT = {"eval": "points"}  # the subcommand of a group that need not be typed
ALL = [command for page in PAGES for command in commands(page)]


def refusal(command: Command) -> str:
    """What is wrong with it: a command, option or value that does not exist; "" where nothing is."""
    group: click.Command = main
    context = click.Context(main, info_name="ovstore")
    words = [word for word in command.words[1:] if word not in ("...", "…")]
    words = _without_store(words)
    while isinstance(group, click.Group):
        if group.name in DEFAULT and words and words[0].startswith("--") and words[0] != "--help":
            words = [DEFAULT[group.name], *words]
        options, words, _ = group.make_parser(context).parse_args(args=words)
        if not words or options.get("help") or options.get("version"):
            return ""
        if words[0].isupper():  # COMMAND, FORMAT: any of them
            return ""
        found = group.get_command(context, words[0]) if words[0] in group.list_commands(context) else None
        if found is None:
            return f"no command {words[0]!r}"
        group, words = found, words[1:]
        if isinstance(group, click.Group):
            context = click.Context(group, info_name=words[0] if words else "", parent=context)
    try:
        group.make_context(group.name, [word for word in words if word != "--help"], parent=context)
    except click.MissingParameter as error:
        needs = "--help" not in words and command.whole
        return error.format_message() if needs else ""
    except click.BadParameter as error:  # a file of the reader's
        return "" if isinstance(getattr(error.param, "type", None), click.Path) else error.format_message()
    except click.NoSuchOption as error:
        return error.format_message()
    except click.BadOptionUsage as error:  # `ovstore extract --labels` in running text means the option
        return error.format_message() if command.whole else ""
    except click.ClickException as error:
        return error.format_message()
    return ""


def _without_store(words: list[str]) -> list[str]:
    """--store FOLDER may stand anywhere."""
    if "--store" not in words:
        return words
    at = words.index("--store")
    return words[:at] + words[at + 2 :]


def test_there_are_command_lines_to_look_at() -> None:
    assert len(ALL) > 200
    assert {command.page for command in ALL} >= {"README.md", "docs/search.md", "docs/datasets.md"}


@pytest.mark.parametrize("page", sorted({command.page for command in ALL}))
def test_commands_and_options_in_the_docs_exist(page: str) -> None:
    wrong = {str(command): said for command in ALL if command.page == page and (said := refusal(command))}
    assert not wrong, "\n".join(f"{command}\n    {said}" for command, said in wrong.items())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ovstore serach chair", "no command 'serach'"),
        ("ovstore search chair --tpo 3", "No such option '--tpo'"),
        ("ovstore ingest nowhere scans/", "no command 'nowhere'"),
        ("ovstore ingest scannet scans/ --encoder tiny --long-side x", "long-side"),
        ("ovstore eval points --labels", "--labels"),
    ],
)
def test_a_wrong_command_line_would_be_found(words: str, said: str) -> None:
    assert said in refusal(Command("page", 1, tuple(words.split()), True))
