"""ovstore scenes: what the store holds."""

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say


@click.command("scenes")
@click.option("--dataset", shell_complete=complete("datasets"), help="Only the scenes of this dataset.")
@json_option
def command(dataset: str | None, as_json: bool) -> None:
    """List the scenes.

    Each is listed with its frames, its points, the share of points that a frame sees, and its feature sets.

    \b
    Example:
      ovstore scenes --dataset scannet
    """
    from dataclasses import asdict

    from ..store.catalog import catalog

    with opened_store() as store:
        found = catalog.scenes(store, dataset)
    if as_json:
        print_json([asdict(scene) | {"full_name": scene.full_name} for scene in found])
        return
    if not found:
        say("The store has no scenes yet. Ingest scans first: ovstore ingest --help", err=True)
        return
    print_table(
        ("scene", "split", "frames", "points", "seen", "features", "notes"),
        [
            (scene.full_name, scene.split, scene.frame_count, f"{scene.point_count:,}",
             f"{scene.seen_point_count / scene.point_count:.0%}", ", ".join(scene.features), len(scene.findings) or "")
            for scene in found
        ],
        right=("frames", "points", "seen", "notes"),
    )  # fmt: skip
    say(
        f"{counted(len(found), 'scene')}. Details of one, with its findings: ovstore show {found[0].full_name}",
        err=True,
    )
