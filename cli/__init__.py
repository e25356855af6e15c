"""The command line: one file a command, its name is what people type, `command` is what it defines.

A command file imports click and the standard library at its top and everything else inside the function, so that
`ovstore --help` answers at once. Results go to stdout, everything else to stderr; what lists takes --json; help opens
with what the command does and closes with an example.
"""

import errno
import logging
import os
import sys

import click

from .. import __version__
from ..store import plugins
from ..store.errors import OvstoreError

_ORDER = (
    "ingest", "distill", "generate", "search", "sql", "scenes", "show", "features", "eval", "labels", "extract",
    "export", "preprocess", "jobs", "index", "forget",
)  # fmt: skip


class _Commands(click.Group):
    """Finds commands by file name; a person's mistake ends as one line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        known = plugins.names("cli")
        return sorted(known, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return plugins.load("cli", name).command if name in plugins.names("cli") else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in plugins.names("cli"):
            plugins.load("cli", args[0], noun="command")  # raises NotFound with the nearest name
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except OvstoreError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except ModuleNotFoundError as error:
            try:
                plugins.raise_missing_package("ovstore", error)
            except OvstoreError as sentence:
                click.echo(f"Error: {sentence}", err=True)
                sys.exit(1)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            sys.exit(130)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            if error.errno == errno.ENOSPC:
                click.echo("Error: No space left on device.", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered still has nowhere to go
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", prog_name="ovstore")
@click.option(
    "--store",
    "store_path",
    envvar="OVSTORE_HOME",
    default="ovstore-data",
    show_default=True,
    type=click.Path(file_okay=False),
    help="The store's folder (or OVSTORE_HOME); the first ingest makes it.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also say what is being done.")
@click.pass_context
def main(ctx: click.Context, store_path: str, verbose: bool) -> None:
    """A database of 3D scenes that can be asked in words, pictures and SQL.

    \b
    Example:
      ovstore generate scannet scans/ --scenes 12 --seed 1
      ovstore ingest scannet scans/ --encoder tiny
      ovstore search "snoopy"
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(message)s", stream=sys.stderr)
    ctx.obj = store_path
