"""The command line: one file per command, its name is what people type; `CommandFile` says what it defines.

A command file imports click and the standard library at its top and everything else inside the function, so that
`ovstore --help` answers at once. Results go to stdout, everything else to stderr; what lists takes --json; help opens
with what the command does and closes with an example.
"""

import errno
import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import click

from .. import __version__
from ..core import plugins, settings, signals
from ..core.contracts import Contract
from ..core.errors import OvstoreError
from ..core.names import shortened
from ..core.wording import shown

_ORDER = (
    "ingest", "describe", "distill", "generate", "search", "web", "sql", "scenes", "show", "features", "encoders",
    "eval", "labels", "extract", "export", "preprocess", "mcp", "jobs", "index", "forget",
)  # fmt: skip


class CommandFile(Protocol):
    """What every command file defines."""

    command: click.Command


CONTRACT = Contract("command", CommandFile)


class _Commands(click.Group):
    """Finds commands by file name; a person's mistake ends as one line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        known = plugins.names("cli")
        return sorted(known, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return plugins.load("cli", name).command if name in plugins.names("cli") else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _store_first(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in plugins.names("cli"):
            plugins.load("cli", args[0], noun="command")  # raises NotFound with the nearest name
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **settings: Any) -> Any:
        _prepare_streams()
        return super().main(*args, **settings)

    def invoke(self, ctx: click.Context) -> object:
        try:
            with signals.raised(), _flushed():
                return super().invoke(ctx)
        except click.UsageError as error:
            message = error.format_message()
            explained = "\n".join(shown(line.replace("\t", "  ")) for line in message.split("\n")) + _hint(error)
            if explained != message:
                raise click.UsageError(explained, error.ctx) from error
            raise
        except OvstoreError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except ModuleNotFoundError as error:
            try:
                plugins.raise_missing_package("ovstore", error)
            except OvstoreError as sentence:
                click.echo(f"Error: {sentence}", err=True)
                sys.exit(1)
        except KeyboardInterrupt as error:
            with suppress(OSError):  # the terminal may be what went away
                click.echo("Interrupted.", err=True)
            sys.exit(128 + (error.number if isinstance(error, signals.Stopped) else signal.SIGINT))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                click.echo(f"Error: {shown(shortened(str(error.filename), 120))}...: {error.strerror}", err=True)
                sys.exit(1)
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            if error.errno == errno.ENOSPC:
                click.echo("Error: No space left on device.", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered still has nowhere to go
            sys.exit(1)


def _hint(error: click.UsageError) -> str:
    """What click leaves unsaid: which commands there are, and that words with blanks between them are one argument."""
    group = error.ctx.command if error.ctx else None
    if error.ctx and isinstance(group, click.Group) and error.message.startswith("No such command"):
        return f" Known: {', '.join(group.list_commands(error.ctx))}."
    if error.message.startswith("Got unexpected extra argument"):
        return ". Put an argument of several words in quotes."
    return ""


def _store_first(args: list[str]) -> list[str]:
    """--store and its value before the command, wherever they were typed; the last one counts."""
    end = args.index("--") if "--" in args else len(args)
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(args[:end])
    for arg in waiting:
        if arg == "--store":
            value = next(waiting, None)
            if value is None:
                raise click.UsageError("--store must be followed by the folder of a store.")
            first += [arg, value]
        else:
            (first if arg.startswith("--store=") else rest).append(arg)
    return [*first, *rest, *args[end:]]


class _OneLine(logging.Formatter):
    """Messages as they are, but for what would move a terminal's cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return shown(super().formatMessage(record))


def _prepare_streams() -> None:
    """What the terminal's encoding lacks is escaped; a closed stderr is nowhere, a closed stdout the person's mistake.

    A file or socket that is opened later would take the number of a closed stream, and be written into.
    """
    closed = sys.stdout is None
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if closed:
        sys.stderr.write("Error: Standard output is closed: redirect it to a file, or to /dev/null.\n")
        sys.exit(1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _flushed() -> Iterator[None]:
    """What was printed is out at the end, or that it could not be is noticed."""
    try:
        yield
    finally:
        sys.stdout.flush()


def _log_to_stderr(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    logging.getLogger("ovstore.query.towers").setLevel(logging.INFO)  # loading a network takes long enough to be told


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", prog_name="ovstore")
@click.option(
    "--store",
    "store_path",
    envvar="OVSTORE_HOME",
    type=click.Path(file_okay=False),
    help="The store's folder. It may also be set by OVSTORE_HOME or ovstore.toml; the first ingest creates it. "
    "Accepted before and after the command.  [default: ovstore-data]",
)
@click.option("-v", "--verbose", is_flag=True, help="Also print what is being done.")
@click.pass_context
def main(ctx: click.Context, store_path: str | None, verbose: bool) -> None:
    """A database of 3D scenes that you can query with words, images and SQL.

    \b
    Example:
      ovstore generate scannet scans/ --scenes 12 --seed 1
      ovstore ingest scannet scans/ --encoder tiny --frame-stride 1
      ovstore search "snoopy"
    """
    _log_to_stderr(verbose)
    ctx.obj = store_path or settings.store_folder()
