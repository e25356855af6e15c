"""ovstore export ply|npz SCENE OUT: a scene as a file for other programs."""

from pathlib import Path

import click

from ._shared import opened_store

_out = click.argument("out", type=click.Path(path_type=Path))
_features = click.option("--features", metavar="NAME", help="The feature set  [default: the scene's only one]")
_force = click.option("--force", is_flag=True, help="Replace OUT if it exists.")


@click.group("export")
def command() -> None:
    """Write a scene as PLY or as numpy arrays.

    Its points come in the dataset's own order.

    \b
    Examples:
      ovstore export ply scene0003_00 room.ply --level object
      ovstore export npz scene0003_00 room.npz --features tiny
    """


@command.command("ply")
@click.argument("scene")
@_out
@click.option("--level", type=click.Choice(["object", "superpoint"]), help="Colour points by region  [default: own]")
@_features
@_force
def ply(scene: str, out: Path, level: str | None, features: str | None, force: bool) -> None:
    """Write the cloud, or mesh, as binary PLY.

    Labels, instances and regions go along as properties of the vertices.

    \b
    Example:
      ovstore export ply scene0003_00 room.ply --level object
    """
    from typing import cast

    from ..store import catalog
    from ..store.export import export_ply
    from ..store.features import Level

    _check(out, force)
    with opened_store() as store:
        found = catalog.find_scene(store, scene)
        needed = level == "object" or features is not None
        chosen = catalog.find_feature_set(store, found, features) if needed else None
        count = export_ply(store, found, out, chosen, cast("Level | None", level))
    _say(out, count)


@command.command("npz")
@click.argument("scene")
@_out
@_features
@_force
def npz(scene: str, out: Path, features: str | None, force: bool) -> None:
    """Write points, vectors and regions as numpy arrays.

    np.load reads them without pickle: xyz, rgb, label, superpoint, object and more have a row for each of the N points;
    point_index, vectors and view_count one for each point that was seen.

    \b
    Example:
      ovstore export npz scene0003_00 room.npz
      python -c "import numpy; print(numpy.load('room.npz')['vectors'].shape)"
    """
    from ..store import catalog
    from ..store.export import export_npz

    _check(out, force)
    with opened_store() as store:
        found = catalog.find_scene(store, scene)
        count = export_npz(store, found, out, catalog.find_feature_set(store, found, features))
    _say(out, count)


def _check(out: Path, force: bool) -> None:
    """Before any work: OUT can be written, and nothing is lost."""
    from ..store.errors import BadInput

    if not out.parent.is_dir():
        raise BadInput(f"There is no folder {out.parent} to write {out.name} in: make it first.")
    if out.is_dir():
        raise BadInput(f"{out} is a folder: name a file.")
    if out.exists() and not force:
        raise BadInput(f"{out} exists: name another file, or replace it with --force.")


def _say(out: Path, count: int) -> None:
    click.echo(f"{out}  {count:,} points  {out.stat().st_size / 1e6:,.1f} MB")
