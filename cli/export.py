"""ovstore export ply|glb|npz|html|openscene SCENE OUT: a scene as files for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import opened_store
from ._output.printing import say

if TYPE_CHECKING:
    from ..core.features import Level
    from ..ingest.formats.openscene.layout import Kind
    from ..workflows.export import Exported

_LARGE = 50_000_000  # bytes of a page that people send one another

_out = click.argument("out", type=click.Path(path_type=Path))
_scene_or_region = click.argument("scene", metavar="SCENE[:REGION]", shell_complete=complete("scenes"))
_level = click.option(
    "--level", type=click.Choice(["object", "superpoint"]), help="Colour points by region  [default: own]"
)
_features = click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="The feature set  [default: the scene's only one]",
)
_force = click.option("--force", is_flag=True, help="Replace OUT if it exists.")


@click.group("export")
def command() -> None:
    """Write a scene as files for other programs, or as a page to send.

    Points are in the dataset's own order.

    \b
    Examples:
      ovstore export ply scene0003_00 room.ply --level object
      ovstore export glb scene0003_00 soft.glb --query "somewhere soft"
      ovstore export npz scene0003_00 room.npz --features tiny
      ovstore export html scene0003_00 room.html --ask "a red chair"
      ovstore export openscene scene0003_00 data/
    """


@command.command("ply")
@_scene_or_region
@_out
@_level
@click.option(
    "--query",
    metavar="WORDS",
    help="Also write two columns: score, how well a point answers these words; and mask, 1 for the points that are "
    "the answer.",
)
@_features
@_force
def ply(scene: str, out: Path, level: "Level | None", query: str | None, features: str | None, force: bool) -> None:
    """Write the point cloud, or mesh, as binary PLY.

    Labels, instances and regions become properties of the vertices, the names of labels comments in the header
    ("label 5 chair"). For a region, only its points are written.

    \b
    Examples:
      ovstore export ply scene0003_00 room.ply --level object
      ovstore export ply scene0003_00:17@object thing.ply
      ovstore export ply scene0003_00 soft.ply --query "somewhere soft"
    """
    from ..workflows.export import ExportRequest, export_by

    with opened_store() as store:
        done = export_by(store, ExportRequest(scene, out, "ply", features, level, query, force=force))
    if done.answering is not None:
        say(f"{counted(done.answering, 'point')} of the scene answer {query!r} (mask)", err=True)
    _say(done)


@command.command("glb")
@_scene_or_region
@_out
@_level
@click.option("--query", metavar="WORDS", help="Colour points by how well they answer these words: grey to bright.")
@_features
@_force
def glb(scene: str, out: Path, features: str | None, level: "Level | None", query: str | None, force: bool) -> None:
    """Write the point cloud, or mesh, as GLB (binary glTF 2.0).

    Web viewers, Blender, PowerPoint and phones open it. Colours are those of the scan, of regions or of a question, and
    are drawn without light; the y axis of the file points up. For a region, only its points are written.

    \b
    Examples:
      ovstore export glb scene0003_00 room.glb
      ovstore export glb scene0003_00 soft.glb --query "somewhere soft"
    """
    from ..workflows.export import ExportRequest, export_by

    with opened_store() as store:
        _say(export_by(store, ExportRequest(scene, out, "glb", features, level, query, force=force)))


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
    from ..workflows.export import ExportRequest, export_by

    with opened_store() as store:
        _say(export_by(store, ExportRequest(scene, out, "npz", features, force=force)))


@command.command("html")
@click.argument("scene", shell_complete=complete("scenes"))
@_out
@click.option("--ask", metavar="WORDS", multiple=True, help="Words that the page answers; may be repeated.")
@click.option("--no-photos", is_flag=True, help="Leave the images of the scan out.")
@click.option(
    "--max-points", type=click.IntRange(1), metavar="N", help="Draw at most N points, and no mesh with more vertices."
)
@_features
@_force
def html(
    scene: str,
    out: Path,
    ask: tuple[str, ...],
    no_photos: bool,
    max_points: int | None,
    features: str | None,
    force: bool,
) -> None:
    """Write the 3D view of a scene as one HTML file.

    The file needs no server and no network.

    It answers the words of --ask and the everyday words of the encoder; others need `ovstore web`. Images are reduced
    to 640 pixels, and of more than 60 those that show most go along.

    \b
    Example:
      ovstore export html scene0003_00 room.html --ask "a red chair" --ask "something soft"
    """
    from ..web.scene_file import SceneFileOptions, write_scene_file
    from ..workflows.export import require_writable
    from ._output.progress import stages

    require_writable(out, force)
    options = SceneFileOptions(ask, not no_photos, max_points, features)
    with opened_store() as store, stages(1) as bars:
        done = write_scene_file(store, scene, out, options, bars.report)
    words, images = counted(done.words, "word"), counted(done.photographs, "image")
    say(f"{done.path}  {done.points:,} points  {words}  {images}  {done.size / 1e6:,.1f} MB")
    if done.size > _LARGE:
        smaller = "--no-photos" if done.largest == "photographs" else "--max-points N"
        say(f"The file is large, most of it {done.largest}: {smaller} makes it smaller.", err=True)


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
def openscene(scenes: tuple[str, ...], out: Path, features: str | None, kind: "Kind | None", force: bool) -> None:
    """Write OpenScene's processed files.

    Points go to OUT/NAME_3d, images to OUT/NAME_2d, vectors to OUT/NAME_multiview_FEATURES as {feat, mask_full}, for
    OpenScene's own scripts and for `ovstore ingest openscene`.

    \b
    Example:
      ovstore export openscene scene0003_00 data/
      ovstore ingest openscene data/ --fused data/scannet_multiview_tiny --encoder tiny --name again
    """
    from ..workflows.export import ExportRequest, export_by
    from ._output.progress import stages

    with opened_store(reading=True) as store, stages(len(scenes)) as bars:
        for name in scenes:
            request = ExportRequest(name, out, "openscene", features, kind=kind, force=force)
            done = export_by(store, request, bars.report)
            bars.scene_done()
            say(f"{done.path}  {done.points:,} points  {done.frames} frames")
            if done.features_path is not None:
                say(f"{done.features_path}  {done.vectors:,} vectors")


def _say(done: "Exported") -> None:
    say(f"{done.path}  {done.points:,} points  {done.path.stat().st_size / 1e6:,.1f} MB")
