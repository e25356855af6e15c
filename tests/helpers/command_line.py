"""`ovstore` as a person types it, run in this process. Shared by tests."""

import json
from typing import Any

from click.testing import CliRunner, Result
from ovstore.cli import main
from ovstore.store.postgres.database import Database


def ovstore(store: Database, *arguments: object, input: str | None = None) -> Result:
    """`ovstore --store STORE ARGUMENTS`."""
    return CliRunner().invoke(main, ["--store", str(store.path), *map(str, arguments)], input=input)


def lines(result: Result) -> list[str]:
    """What was printed, without blanks at line ends."""
    return [line.rstrip() for line in result.stdout.splitlines()]


def document(result: Result) -> Any:
    """The JSON that was printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
