"""ovstore features: the vectors that can be asked."""

import click

from ._options.completion import complete
from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say


@click.command("features")
@click.argument("scene", shell_complete=complete("scenes"), required=False)
@json_option
def command(scene: str | None, as_json: bool) -> None:
    """List the feature sets, of all scenes or of SCENE.

    Each is listed with its embedding space and its numbers of points and regions.

    \b
    Example:
      ovstore features scene0003_00
    """
    from dataclasses import asdict

    from ..store.catalog import catalog

    with opened_store() as store:
        held = catalog.find_scene(store, scene) if scene is not None else None
        found = catalog.feature_sets(store, held.id if held else None)
    if as_json:
        print_json([asdict(features) for features in found])
        return
    if not found:
        whose = "The store holds" if held is None else f"{held.full_name} has"
        say(f"{whose} no features yet. Ingest scans first: ovstore ingest --help", err=True)
        return
    print_table(
        ("scene", "features", "space", "made by", "points", "objects", "superpoints", "since"),
        [
            (f"{features.dataset}/{features.scene}", features.name, features.space.name, features.source,
             f"{features.point_count:,}", f"{features.object_count:,}", f"{features.superpoint_count:,}",
             f"{features.created_at.astimezone():%Y-%m-%d %H:%M}")
            for features in found
        ],
        right=("points", "objects", "superpoints"),
    )  # fmt: skip
