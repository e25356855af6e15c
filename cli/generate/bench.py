"""ovstore generate bench DIR: the frozen benchmark of retrieval."""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from .._options.shared import json_option
from .._output.printing import say


@click.command("bench")
@click.argument("root", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Scenes generated at once; the files are the same.",
)
@click.option("--force", is_flag=True, help="Replace existing scenes.")
@json_option
def command(root: Path, workers: int, force: bool, as_json: bool) -> None:
    """Generate the frozen retrieval benchmark: 60 rooms, rare things in few of them.

    The rooms are posed RGB-D folders for `ovstore ingest rgbd`. 24 kinds of rare things occur in one to three rooms
    each, many with 30 to 100 points; 12 kinds, listed in DIR/absent.txt, occur nowhere. Depth, images and poses are
    noisy; segments are merged, split and frayed. DIR/queries holds an image of each rare thing, from a frame that is
    not part of the scan; DIR/bench.json lists the position of every thing. The set has a version and no options, so
    that figures can be compared.

    \b
    Example:
      ovstore generate bench bench/ --workers 2
      ovstore ingest rgbd bench/ --encoder tiny --name bench
      ovstore eval retrieval --dataset bench --max-scenes 3 --absent bench/absent.txt --pictures bench/queries
    """
    from ...core.wording import counted
    from ...ingest.generated.benchmark.plan import SCENES
    from ...workflows import generate
    from .._output.generated_line import line_of
    from .._output.printing import print_json
    from .._output.progress import stages

    started = time.monotonic()
    with stages(SCENES) as bars:

        def finished(truth: dict[str, Any]) -> None:
            bars.scene_done()
            say(line_of(truth), err=as_json)

        bench = generate.run_benchmark(root, workers, force, finished)
    for sentence in bench["differs"]:
        say(f"Warning: {sentence}", err=True)
    queries, absent, path = (shlex.quote(str(place)) for place in (root / "queries", root / "absent.txt", root))
    scenes, seconds = counted(len(bench["digests"]), "scene"), time.monotonic() - started
    say(
        f"{scenes} of {bench['version']} in {seconds:.0f} s. Next:",
        f"  ovstore ingest rgbd {path} --encoder tiny --name bench",
        f"  ovstore eval retrieval --dataset bench --max-scenes 3 --absent {absent} --pictures {queries}",
        err=True,
    )
    if as_json:
        print_json(bench)
    sys.stdout.flush()
