"""ovstore show SCENE: what the store knows of one scene or region, or how its points answer a question."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._options.completion import complete
from ._options.out_files import PictureFile, PlyFile
from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..workflows.show import RegionDescription, SceneDescription


@click.command("show")
@click.argument("scene", metavar="SCENE[:REGION]", shell_complete=complete("scenes"))
@click.option("--query", metavar="WORDS", help="A heat map: how well every point answers these words.")
@click.option(
    "--features",
    shell_complete=complete("features"),
    help="The feature sets to search  [default: the feature set most scenes have]",
)
@click.option("--save-ply", type=PlyFile(), help="Write the coloured point cloud.")
@click.option("--save-picture", type=PictureFile(), help="Write an image of it.")
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="Number of objects to list.")
@json_option
def command(
    scene: str,
    query: str | None,
    features: str | None,
    save_ply: Path | None,
    save_picture: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Show a scene, one of its regions, or a heat map for a query.

    Without --query, the image and the cloud have the scene's own colours.

    \b
    Examples:
      ovstore show scene0003_00
      ovstore show scene0003_00:17@object
      ovstore show scene0003_00 --query "somewhere soft" --save-picture soft.png --save-ply soft.ply
    """
    from ..workflows.show import RegionDescription, describe

    with opened_store() as store:
        found = describe(store, scene, features, top)
        if isinstance(found, RegionDescription):
            if query or save_ply or save_picture:
                raise click.UsageError(
                    "A region is described as text: leave --query, --save-ply and --save-picture out."
                )
            if as_json:
                print_json(found.to_dict())
            else:
                _print_region(found)
            return
        if query is not None:
            from ..drawing.clouds import heat_drawing
            from ..query import heat
            from ..query.question import Question

            if as_json:
                raise click.UsageError("--json describes a scene; it cannot contain a heat map: leave one of them out.")
            if save_ply is None and save_picture is None:
                raise click.UsageError(
                    "--query draws a heat map: name its file with --save-picture FILE.png or --save-ply FILE.ply."
                )
            drawing = heat_drawing(heat.heat_map(store, found.scene.full_name, Question(query), features))
        else:
            if as_json:
                print_json(found.to_dict())
            else:
                _print_scene(found)
            if save_ply is None and save_picture is None:
                return
            from ..drawing.clouds import scene_drawing

            drawing = scene_drawing(store, found.scene.full_name)
        if save_picture is not None:
            drawing.save_picture(save_picture)
            say(f"Picture: {save_picture}", err=True)
        if save_ply is not None:
            drawing.save_ply(save_ply)
            say(f"Cloud: {save_ply}", err=True)


def _print_region(found: "RegionDescription") -> None:
    """What a region is, and the images that show it best."""
    region, views = found.region, found.views
    size = (high - low for low, high in zip(region.box_min, region.box_max, strict=True))
    say(
        f"{region.full_name}  features {region.features}  (id {region.id})",
        f"  {region.point_count:,} points, {region.seen_count:,} of them with a vector",
        "  centre {:.2f} {:.2f} {:.2f} m, ".format(*region.centre) + "size {:.2f} {:.2f} {:.2f} m".format(*size),
        *([f"  labelled {region.label}"] if region.label else []),
        *(f"  seen in {view.frame} [{','.join(f'{value:.0f}' for value in view.box_xyxy)}]" for view in views),
        f"More like it: ovstore search --like {region.full_name}",
    )


def _print_scene(found: "SceneDescription") -> None:
    scene, regions = found.scene, found.objects
    say(f"{scene.dataset}/{scene.name}" + (f"  ({scene.split})" if scene.split else ""))
    say(f"  {scene.frame_count} frames, {scene.seen_point_count:,} of {scene.point_count:,} points seen")
    say(f"  from {scene.source}")
    for finding in scene.findings:
        say(f"  {finding}")
    if regions:
        say("", "Largest objects")
        print_table(
            ("scene:region", "features", "points", "centre (m)", "labelled"),
            [
                (f"{scene.name}:{region.name}", region.features, f"{region.point_count:,}",
                 "{:.2f} {:.2f} {:.2f}".format(*region.centre), region.label or "")
                for region in regions
            ],
            right=("points",),
        )  # fmt: skip
