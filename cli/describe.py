"""ovstore describe: objects get a second vector, from crops of the images that show them."""

from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ..core.wording import counted
from ._options.completion import complete
from ._options.encoder_options import device_option
from ._options.from_dataclass import named_fields, options_of
from ._options.shared import misuse, opened_store
from ._output.scene_jobs import scene_lines, stored_lines, stored_summary

if TYPE_CHECKING:
    from ..ingest.crops.describe import DescribeSummary

_HELP = """Describe objects from crops of their images.

    Each object's best frames are cut out around it, several times with growing borders, and the encoder's own image
    tower turns the crops into one vector beside the fused one. `ovstore search --vectors crops` (or both) asks them.
    Up-to-date scenes are skipped. Options that are not given are those of the crops that a feature set has.

    \b
    Examples:
      ovstore describe
      ovstore describe scene0003_00 --features openclip --padding white
      ovstore describe --compat openmask3d --again
    """


def _params() -> list[click.Parameter]:
    from ..ingest.crops.options import CropOptions

    return [
        click.Argument(["scenes"], shell_complete=complete("scenes"), nargs=-1, metavar="[SCENE]..."),
        click.Option(["--dataset", "datasets"], shell_complete=complete("datasets"), multiple=True,
                     help="Only in this dataset; may be repeated."),
        click.Option(["--features"], shell_complete=complete("features"), metavar="NAME",
                     help="The feature sets, by name  [default: the feature set most scenes have]"),
        click.Option(["--compat"], type=click.Choice(["openmask3d"]),
                     help="The crops of OpenMask3D: the frames that see most of an object's points; explicit options "
                     "override it."),
        *options_of(CropOptions),
        device_option(),
        click.Option(["--workers"], type=click.IntRange(1), default=1, show_default=True,
                     help="Scenes processed at once."),
        click.Option(["--engine"], help="Where scenes are processed: " + ", ".join(plugins.names("ingest.engines"))
                     + "  [default: inline for one worker, processes for more]"),
        click.Option(["--again"], is_flag=True, help="Repeat the work even if the store is up to date."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
    ]  # fmt: skip


def _describe(**params: Any) -> None:
    from ..ingest.crops.options import CropOptions
    from ..workflows.describe import DescribeRequest, run

    own = named_fields(DescribeRequest, params)
    with misuse():
        request = DescribeRequest(**own, options=named_fields(CropOptions, params))
    with opened_store() as store:
        with scene_lines(stored_lines("described", _lines), params["as_json"]) as lines:
            run(store, request, lines.report, lines.finished)
        raise SystemExit(lines.close(stored_summary("described")))


def _lines(summary: "DescribeSummary") -> list[str]:
    crops = f"{summary.described:,} of {counted(summary.objects, 'object')} from {counted(summary.crops, 'crop')}"
    return [f"{summary.scene}  {crops}  {summary.seconds:.1f} s"]


command = click.Command("describe", params=_params(), callback=_describe, help=_HELP)
