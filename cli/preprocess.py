"""ovstore preprocess FORMAT IN OUT: scans as OpenScene's processed files."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ._options.plugin_group import PluginGroup
from ._output.scene_jobs import SceneLines, scene_lines

if TYPE_CHECKING:
    from ..ingest.datasets import Dataset
    from ..ingest.preprocess import Written

_KINDS = ("scannet", "matterport", "replica", "nuscenes", "custom")


class _Preprocess(click.Command):
    """`ovstore preprocess NAME`."""

    def __init__(self, name: str, dataset: "Dataset") -> None:
        from ..ingest.compat.openscene import preprocessing_options
        from ._options.from_dataclass import options_of

        summary = (dataset.__doc__ or name).partition("\n")[0]
        super().__init__(
            name,
            callback=partial(_preprocess, name),
            help=f"{summary}\n\nIN and the options are those of `ovstore ingest {name}`, whose help shows the "
                 "folders; the defaults are those that OpenScene used.\n\n\b\nExample:\n  ovstore preprocess "
                 f"{name} scans/ data/",
            short_help=summary,
            params=[
                click.Argument(["source"], metavar="IN", type=click.Path(exists=True, path_type=Path)),
                click.Argument(["out"], metavar="OUT", type=click.Path(file_okay=False, path_type=Path)),
                *options_of(dataset.Options, preprocessing_options(name)),
                click.Option(["--as", "kind"], type=click.Choice(_KINDS),
                             help="Which of OpenScene's datasets to write  [default: FORMAT, else custom]"),
                click.Option(["--scene", "scenes"], multiple=True, help="Only this scene; may be repeated."),
                click.Option(["--workers"], type=click.IntRange(1), default=1, show_default=True,
                             help="Scenes written at once."),
                click.Option(["--again"], is_flag=True, help="Rewrite scenes that already exist."),
                click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
            ],
        )  # fmt: skip


@click.group("preprocess", cls=PluginGroup, registry="ingest.datasets", make=_Preprocess)
def command() -> None:
    """Write scans as OpenScene's processed files.

    Points go to OUT/NAME_3d, images to OUT/NAME_2d, in the sizes, numbers and labels that OpenScene works with, for
    its own scripts. `ovstore ingest` does not need them. Existing scenes are skipped; a failure is reported on one
    line and the rest continue.

    \b
    Examples:
      ovstore preprocess scannet scans/ data/
      ovstore preprocess matterport v1/scans/ data/ --labels 160
      ovstore preprocess rgbd my-room/ data/ --depth-scale 5000
    """


def _preprocess(format: str, source: Path, out: Path, **params: Any) -> None:
    from ..workflows import preprocess
    from ._options.from_dataclass import named_fields

    request = preprocess.PreprocessRequest(
        format,
        source,
        out,
        params["kind"],
        params["scenes"],
        named_fields(plugins.load("ingest.datasets", format).Options, params),
        params["workers"],
        params["again"],
    )
    with scene_lines(_lines, params["as_json"]) as lines:
        preprocess.run(request, lines.report, lines.finished)
    raise SystemExit(lines.close(_summary))


def _lines(result: "Written") -> tuple[str, list[str]]:
    if result.path is None:
        return "already there", [f"{result.scene}  already there"]
    line = f"{result.scene}  {result.frames} frames  {result.points:,} points  {result.path}"
    return "written", [line, *result.findings]


def _summary(lines: SceneLines) -> str:
    return ", ".join(f"{lines.count(kind)} {kind}" for kind in ("written", "already there", "failed")) + "."
