"""What commands have in common: the store they work on, --json, and how misuse ends."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .named_store import store_folder

if TYPE_CHECKING:
    from ...store.postgres.database import Database


FC = TypeVar("FC", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def vectors_option(default: str | None, otherwise: str = "") -> Callable[[FC], FC]:
    """--vectors; `otherwise` says what holds without it where that is no fixed default."""
    return click.option(
        "--vectors",
        type=click.Choice(["fused", "crops", "both"]),
        default=default,
        show_default=default is not None,
        help="Compare objects by the means of their points' vectors, by vectors from crops of their images (see "
        f"`ovstore describe`), or by the mean of the two.{otherwise}",
    )


def typed_here(command: str) -> str:
    """An `ovstore ...` that can be typed as it stands: with the store, where it was named on the command line."""
    root = click.get_current_context().find_root()
    named = root.get_parameter_source("store_path") is click.core.ParameterSource.COMMANDLINE
    if not named or not command.startswith("ovstore "):
        return command
    return f"ovstore --store {shlex.quote(root.obj)} {command.removeprefix('ovstore ')}"


@contextmanager
def misuse() -> Iterator[None]:
    """Options that make no sense together end as click's usage errors do: exit code 2."""
    from ...core.errors import Misused

    try:
        yield
    except Misused as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def opened_store(create: bool = False, reading: bool = False) -> "Iterator[Database]":
    """The store that --store names; unless `create`, a folder without a store is the person's mistake.

    With `reading`, what the catalog names stays readable until the end, whoever replaces it meanwhile.
    """
    from contextlib import nullcontext

    from ...store.catalog import leases
    from ...store.postgres.database import open as open_store
    from . import completion

    with open_store(store_folder(), create=create) as store, leases.reading(store) if reading else nullcontext():
        try:
            yield store
        except SystemExit:  # how commands that count failures end
            completion.note_names(store)
            raise
        completion.note_names(store)
