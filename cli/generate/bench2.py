"""ovstore generate bench2 DIR: the frozen benchmark of things."""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from .._options.shared import json_option
from .._output.printing import say


@click.command("bench2")
@click.argument("root", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Scenes generated at once; the files are the same.",
)
@click.option(
    "--simulated",
    is_flag=True,
    help="Also write the maps of a simulated encoder at three levels of noise to DIR/simulated (0.5 GB).",
)
@click.option("--force", is_flag=True, help="Replace existing scenes.")
@json_option
def command(root: Path, workers: int, simulated: bool, force: bool, as_json: bool) -> None:
    """Generate the frozen benchmark of things: 216 small rooms in nine houses.

    Each house is searched by itself. Of 43 kinds, chance puts 24 into each house, one into each room; the others are
    absent from it. Many rooms have equal things that touch, and things in the colour and size of another kind. Depth,
    images and poses are noisy; segments are merged, split and frayed. DIR/queries holds an image of each of these
    things that is not part of the scan, DIR/masks has 2D masks with a segmenter's faults, DIR/bench.json says what each
    house holds, DIR/truth.json what stands where. The set has a version and no options, so that figures can be
    compared.

    \b
    Example:
      ovstore generate bench2 bench2/ --workers 2
      ovstore ingest rgbd bench2/ --encoder tiny --name bench2
      ovstore eval retrieval --bench bench2/
    """
    from ...core.wording import counted
    from ...ingest.generated.benchmark2.plan import HOUSES, ROOMS
    from ...workflows import generate
    from .._output.generated_line import line_of
    from .._output.printing import print_json
    from .._output.progress import stages

    started = time.monotonic()
    with stages(HOUSES * ROOMS) as bars:

        def finished(truth: dict[str, Any]) -> None:
            bars.scene_done()
            say(line_of(truth), err=as_json)

        bench = generate.run_benchmark2(root, workers, force, finished, simulated)
    for sentence in bench["differs"]:
        say(f"Warning: {sentence}", err=True)
    path, seconds = shlex.quote(str(root)), time.monotonic() - started
    say(
        f"{counted(len(bench['digests']), 'scene')} of {bench['version']} in {seconds:.0f} s. Next:",
        f"  ovstore ingest rgbd {path} --encoder tiny --name bench2",
        f"  ovstore eval retrieval --bench {path}",
        err=True,
    )
    if as_json:
        print_json(bench)
    sys.stdout.flush()
