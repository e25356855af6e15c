"""ovstore generate FORMAT DIR: scenes whose truth is known."""

import shlex
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core import plugins
from .._options.plugin_group import PluginGroup
from .._output.printing import say
from .bench import command as bench
from .bench2 import command as bench2

if TYPE_CHECKING:
    from ...ingest.generated.formats import Format

REGISTRY = "ingest.generated.formats"


class _Generate(click.Command):
    """`ovstore generate NAME`."""

    def __init__(self, name: str, form: "Format") -> None:
        from ...ingest.generated.folder import FolderOptions
        from .._options.from_dataclass import options_of

        summary = (form.__doc__ or name).partition("\n")[0]
        super().__init__(
            name,
            callback=partial(_generate, name),
            help=f"{summary}\n\nThe same seed and options make the same files. DIR/truth.json lists the position of "
                 "every thing; rare things (a snoopy among them) occur in one scene each.\n\n\b\nExample:\n  "
                 f"ovstore generate {name} scans/ --scenes 12 --seed 1",
            short_help=summary,
            params=[
                click.Argument(["folder"], metavar="DIR", type=click.Path(file_okay=False, path_type=Path)),
                click.Option(["--scenes"], type=click.IntRange(1), default=12, show_default=True,
                             help="Number of scenes."),
                click.Option(["--seed"], type=click.IntRange(0), default=0, show_default=True,
                             help="Random seed; another seed gives other scenes."),
                *options_of(FolderOptions),
                click.Option(["--workers"], type=click.IntRange(1), default=1, show_default=True,
                             help="Scenes generated at once; the files are the same."),
                click.Option(["--force"], is_flag=True, help="Replace existing scenes."),
                click.Option(["--json", "as_json"], is_flag=True, help="Print the ground truth as JSON."),
            ],
        )  # fmt: skip


@click.group(cls=PluginGroup, registry=REGISTRY, make=_Generate)
def command() -> None:
    """Generate labelled scenes by ray casting.

    \b
    Examples:
      ovstore generate scannet scans/ --scenes 12 --seed 1
      ovstore generate bench bench/
      ovstore generate bench2 bench2/
    """


command.add_command(bench)
command.add_command(bench2)


def _generate(
    name: str, folder: Path, scenes: int, seed: int, workers: int, force: bool, as_json: bool, **params: Any
) -> None:
    from ...core.wording import counted
    from ...ingest.generated.folder import FolderOptions
    from ...workflows import generate
    from .._options.from_dataclass import named_fields
    from .._output.generated_line import line_of
    from .._output.printing import print_json
    from .._output.progress import stages

    started = time.monotonic()
    request = generate.GenerateRequest(name, folder, scenes, seed, named_fields(FolderOptions, params), workers, force)
    with stages(scenes) as bars:

        def finished(truth: dict[str, Any]) -> None:
            bars.scene_done()
            say(line_of(truth), err=as_json)

        truth = generate.run(request, finished)
    following = plugins.load(REGISTRY, name).NEXT.format(path=shlex.quote(str(folder)))
    say(f"{counted(scenes, 'scene')} in {time.monotonic() - started:.0f} s. Next: {following}", err=True)
    if as_json:
        print_json(truth)
    sys.stdout.flush()
