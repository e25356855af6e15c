"""ovstore export ply|npz|openscene SCENE OUT: a scene as files for other programs."""

from pathlib import Path

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import opened_store, say

_out = click.argument("out", type=click.Path(path_type=Path))
_features = click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="The feature set  [default: the scene's only one]",
)
_force = click.option("--force", is_flag=True, help="Replace OUT if it exists.")


@click.group("export")
def command() -> None:
    """Write a scene as PLY, as NumPy arrays, or as OpenScene's files.

    Points are in the dataset's own order.

    \b
    Examples:
      ovstore export ply scene0003_00 room.ply --level object
      ovstore export npz scene0003_00 room.npz --features tiny
      ovstore export openscene scene0003_00 data/
    """


@command.command("ply")
@click.argument("scene", metavar="SCENE[:REGION]", shell_complete=complete("scenes"))
@_out
@click.option("--level", type=click.Choice(["object", "superpoint"]), help="Colour points by region  [default: own]")
@click.option(
    "--query",
    metavar="WORDS",
    help="Also write two columns: score, how well a point answers these words; and mask, 1 for the points that are "
    "the answer.",
)
@_features
@_force
def ply(scene: str, out: Path, level: str | None, query: str | None, features: str | None, force: bool) -> None:
    """Write the point cloud, or mesh, as binary PLY.

    Labels, instances and regions become properties of the vertices, the names of labels comments in the header
    ("label 5 chair"). For a region, only its points are written.

    \b
    Examples:
      ovstore export ply scene0003_00 room.ply --level object
      ovstore export ply scene0003_00:17@object thing.ply
      ovstore export ply scene0003_00 soft.ply --query "somewhere soft"
    """
    from typing import Any, cast

    from ..core.features import Level
    from ..store.catalog import catalog, region_names
    from ..store.maintain.export import export_ply

    _check(out, force)
    with opened_store() as store:
        found, region = region_names.scene_or_region(store, scene, features)
        wanted = features if region is None else region.features
        needed = level == "object" or wanted is not None
        chosen = catalog.find_feature_set(store, found, wanted) if needed else None
        more: dict[str, Any] = {}
        if query is not None:
            from ..query.scored_points import scored_points

            scored = scored_points(store, found, query, wanted)
            more = {"score": scored.score, "mask": scored.mask}
        count = export_ply(store, found, out, chosen, cast("Level | None", level), region, more)
        if query is not None:
            say(f"{counted(int(scored.mask.sum()), 'point')} of the scene answer {query!r} (mask)", err=True)
    _say(out, count)


@command.command("npz")
@click.argument("scene", shell_complete=complete("scenes"))
@_out
@_features
@_force
def npz(scene: str, out: Path, features: str | None, force: bool) -> None:
    """Write points, vectors and regions as NumPy arrays.

    np.load reads them without pickle: xyz, rgb, label, superpoint, object and more have one row for each of the N
    points; point_index, vectors and view_count have one for each point that some frame saw.

    \b
    Example:
      ovstore export npz scene0003_00 room.npz
      python -c "import numpy; print(numpy.load('room.npz')['vectors'].shape)"
    """
    from ..store.catalog import catalog
    from ..store.maintain.export import export_npz

    _check(out, force)
    with opened_store() as store:
        found = catalog.find_scene(store, scene)
        count = export_npz(store, found, out, catalog.find_feature_set(store, found, features))
    _say(out, count)


@command.command("openscene")
@click.argument("scenes", shell_complete=complete("scenes"), metavar="SCENE...", nargs=-1, required=True)
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="The feature set  [default: the scene's only one, if it has any]",
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["scannet", "matterport", "replica", "nuscenes", "custom"]),
    help="Which of OpenScene's datasets to write  [default: the one they came from, else custom]",
)
@click.option("--force", is_flag=True, help="Rewrite scenes that already exist in OUT.")
def openscene(scenes: tuple[str, ...], out: Path, features: str | None, kind: str | None, force: bool) -> None:
    """Write OpenScene's processed files.

    Points go to OUT/NAME_3d, images to OUT/NAME_2d, vectors to OUT/NAME_multiview_FEATURES as {feat, mask_full}, for
    OpenScene's own scripts and for `ovstore ingest openscene`.

    \b
    Example:
      ovstore export openscene scene0003_00 data/
      ovstore ingest openscene data/ --fused data/scannet_multiview_tiny --encoder tiny --name again
    """
    from functools import partial
    from typing import cast

    from ..core.errors import BadInput
    from ..ingest.formats.openscene.export import export_scene, kind_of_scene
    from ..ingest.formats.openscene.layout import Kind
    from ..ingest.formats.openscene.scene import is_written
    from ..store.catalog import catalog
    from ..workflows.openscene_labels import classes_of
    from ._output.progress import stages

    with opened_store(reading=True) as store, stages(len(scenes)) as bars:
        for name in scenes:
            found = catalog.find_scene(store, name)
            written_as = cast("Kind", kind) if kind else kind_of_scene(found)
            if not force and is_written(out, written_as, found.name):
                raise BadInput(f"{out} already contains {written_as} scene {found.name}: replace it with --force.")
            chosen = catalog.find_feature_set(store, found, features) if features or found.features else None
            files = export_scene(
                store, found, out, written_as, partial(classes_of, kind=written_as), chosen, bars.report
            )
            bars.scene_done()
            say(f"{files.points}  {files.point_count:,} points  {files.frame_count} frames")
            if files.features is not None:
                say(f"{files.features}  {files.feature_count:,} vectors")


def _check(out: Path, force: bool) -> None:
    """Before any work: OUT can be written, and nothing is lost."""
    from ..core.errors import BadInput

    if not out.parent.is_dir():
        raise BadInput(f"There is no folder {out.parent} to write {out.name} in: create it first.")
    if out.is_dir():
        raise BadInput(f"{out} is a folder: name a file.")
    if out.exists() and not force:
        raise BadInput(f"{out} exists: name another file, or replace it with --force.")


def _say(out: Path, count: int) -> None:
    say(f"{out}  {count:,} points  {out.stat().st_size / 1e6:,.1f} MB")
