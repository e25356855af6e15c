"""ovstore ingest FORMAT PATH: scans become searchable."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ..core.wording import counted
from ._options.encoder_options import EncoderCommand, device_option, encoder_option
from ._options.plugin_group import PluginGroup
from ._options.shared import misuse, opened_store
from ._output.dry_run import print_rehearsal
from ._output.scene_jobs import scene_lines, stored_lines, stored_summary

if TYPE_CHECKING:
    from ..ingest.datasets import Dataset
    from ..workflows.ingest import IngestRequest


class _Ingest(EncoderCommand):
    """`ovstore ingest NAME`: the options of the dataset, of the encoder that --encoder names, and of every stage."""

    def __init__(self, name: str, dataset: "Dataset") -> None:
        from ._options.from_dataclass import options_of

        summary = (dataset.__doc__ or name).partition("\n")[0]
        super().__init__(
            name,
            callback=partial(_ingest, name),
            help=f"{_unwrapped(dataset.__doc__ or name)}\n\n\b\n"
            f"Example:\n  ovstore ingest {name} scans/ --encoder openclip",
            short_help=summary,
            params=[
                click.Argument(["path"], type=click.Path(exists=True)),
                *options_of(dataset.Options),
                *_common(dataset),
            ],
        )


def _common(dataset: "Dataset") -> list[click.Parameter]:
    own_masks = "masks" in {field.name for field in fields(dataset.Options)}  # of pixels that are not used at all
    return [
        encoder_option(),
        click.Option(["--name", "dataset"], help="The dataset's name in the store  [default: the format]"),
        click.Option(["--scene", "scenes"], multiple=True, help="Only this scene; may be repeated."),
        click.Option(["--features"], help="Name of the feature sets  [default: the encoder]"),
        click.Option(["--compat"], type=click.Choice(["openscene", "maskclustering"]),
                     help="openscene: reproduce the numbers of OpenScene's fusion exactly, including its oddities; "
                          "lseg and openseg then process images as they did there. This changes visibility: use "
                          "--name to keep other features of the same scans. maskclustering: with --masks, objects by "
                          "MaskClustering's rules for points in two masks of one frame."),
        click.Option(["--depth-tolerance"], type=float,
                     help="Share of the depth reading by which a point may differ from it and still count as seen  "
                          "[default: 0.05]"),
        click.Option(["--splat-radius"], type=float,
                     help="Metres: for frames without depth, a depth image is drawn from the points, each as a "
                          "square of this half-width; choose about the spacing of the points. Without it nothing "
                          "occludes anything."),
        click.Option(["--weighting"], type=click.Choice(["mean", "view"]),
                     help="How the views of a point are averaged: all alike, or weighted by distance, angle and "
                          "image border  [default: mean]"),
        click.Option(["--memory-mb"], type=int, default=2048, show_default=True,
                     help="Memory for the feature maps of a scene; what exceeds it is kept on disk, with equal "
                          "results."),
        click.Option(["--crops"], is_flag=True,
                     help="Also describe the objects from crops of their images, by the encoder's own image tower: "
                     "see `ovstore describe`."),
        click.Option([*([] if own_masks else ["--masks"]), "--object-masks", "object_masks"],
                     type=click.Path(path_type=Path),
                     help="Folder of 2D masks of things, of any class: FOLDER/SCENE/FRAME.png with a number per mask, "
                          "SAM's or COCO's JSON, npy or npz. Objects are made from them: see docs/regions.md."),
        click.Option(["--objects"], type=click.Choice(["features", "masks", "both"]),
                     help="Objects are superpoints merged by their features, by --masks, or by both: masks first, "
                          "features for what no mask holds  [default: both where there are masks]"),
        click.Option(["--instances"], type=click.Path(exists=True, path_type=Path),
                     help="Objects that other tools found, in place of merging by features where they lie: a folder "
                     "with SCENE.txt (ScanNet's predicted instances), .npz (pred_masks), .npy or .ply (an id per "
                     "point), or the file of one scene."),
        device_option(),
        click.Option(["--workers"], type=click.IntRange(1), default=1, show_default=True,
                     help="Scenes processed at once."),
        click.Option(["--engine"], help="Where scenes are processed: " + ", ".join(plugins.names("ingest.engines"))
                     + "  [default: inline for one worker, processes for more]"),
        click.Option(["--again"], is_flag=True,
                     help="Repeat the work even if the store is up to date; geometry "
                     "with other options or from other files replaces the stored "
                     "one, together with its features."),
        click.Option(["--dry-run"], is_flag=True,
                     help="Read and check the scans, print their contents and an "
                     "estimate of time and space, and write nothing."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
    ]  # fmt: skip


@click.group("ingest", cls=PluginGroup, registry="ingest.datasets", make=_Ingest)
def command() -> None:
    """Ingest scans into the store.

    The result is points, frames, features, regions and their vectors. Up-to-date scenes are skipped; a failure is
    reported on one line and the rest continue. Geometry options that are not given are those of the stored scene.
    Anything that would drop existing features is refused unless --again is given.

    \b
    Examples:
      ovstore ingest scannet scans/ --encoder openclip --frame-stride 20
      ovstore ingest rgbd my-room/ --depth-scale 1000 --encoder color_words
      ovstore ingest scannet --encoder tiny --help
    """


def _ingest(format: str, **params: Any) -> None:
    from ..workflows import ingest

    with misuse():
        plan = ingest.plan(_request(format, params))
    if params["dry_run"]:
        raise SystemExit(print_rehearsal(plan, params["as_json"]))
    with opened_store(create=True) as store:
        with scene_lines(stored_lines("ingested", _lines), params["as_json"]) as lines:
            ingest.run(store, plan, lines.report, lines.finished)
        raise SystemExit(lines.close(stored_summary("ingested")))


def _request(format: str, params: dict[str, Any]) -> "IngestRequest":
    from ..workflows.ingest import IngestRequest
    from ._options.from_dataclass import named_fields

    own = named_fields(IngestRequest, params)
    return IngestRequest(
        **own | {"format": format, "path": Path(params["path"]), "scenes": params["scenes"]},
        dataset_options=named_fields(plugins.load("ingest.datasets", format).Options, params),
        encoder_options=named_fields(plugins.load("models.encoders", params["encoder"]).Options, params),
    )


def _lines(summary: Any) -> list[str]:
    if not summary.points:  # nothing but the crops was made
        return [f"{summary.scene}  features up to date  {counted(summary.crops, 'crop')}  {summary.seconds:.1f} s"]
    parts = [
        f"{summary.scene}  {counted(summary.frames, 'frame')}",
        f"{summary.seen:,} of {summary.points:,} points seen",
        f"{summary.regions:,} regions",
        *([counted(summary.crops, "crop")] if summary.crops else []),
        f"{summary.seconds:.1f} s",
    ]
    return ["  ".join(parts), *summary.findings]


def _unwrapped(text: str) -> str:
    """The text with its indented paragraphs marked, so that click keeps their lines."""
    return "\n\n".join(f"\b\n{part}" if part.startswith("    ") else part for part in text.strip().split("\n\n"))
