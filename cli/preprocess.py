"""ovstore preprocess FORMAT IN OUT: scans as OpenScene's processed files."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ._options.plugin_group import PluginGroup
from ._options.shared import print_json, say, why_failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ingest.datasets import Dataset
    from ..ingest.engines import Outcome
    from ..ingest.preprocess import PreprocessJob

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
    from ..ingest import preprocess
    from ..ingest.compat.openscene import kind_of_format, preprocessing_options
    from ._options.from_dataclass import from_params

    dataset = plugins.load("ingest.datasets", format)
    typed = {name: value for name, value in params.items() if value is not None}
    kind = params["kind"] or kind_of_format(format)
    options = from_params(dataset.Options, {**preprocessing_options(format), **typed})
    larger_set = kind == format == "matterport" and options.labels in ("40", "80", "160")
    variant = f"_{options.labels}" if larger_set else ""
    root = source.resolve()
    names = list(params["scenes"]) or dataset.scene_names(root, options)
    jobs = [
        preprocess.PreprocessJob(format, root, out.absolute(), kind, options, name, variant, params["again"])
        for name in names
    ]
    raise SystemExit(_print_outcomes(_run(jobs, kind, larger_set, params["workers"]), params["as_json"]))


def _run(jobs: "list[PreprocessJob]", kind: str, numbered: bool, workers: int) -> "Iterator[Outcome]":
    from ..ingest import preprocess
    from ..workflows.openscene_labels import classes_of
    from ._output.progress import stages

    run = plugins.load("ingest.engines", "inline" if workers == 1 else "processes").run
    task = partial(preprocess.run, classes=partial(classes_of, kind=kind, numbered=numbered))
    with stages(len(jobs)) as bars:
        for outcome in run(partial(task, report=bars.report) if workers == 1 else task, jobs, workers):
            bars.scene_done()
            yield outcome


def _print_outcomes(outcomes: "Iterator[Outcome]", as_json: bool) -> int:
    """A line a scene on stdout, failures on stderr; the exit code says whether some failed."""
    from dataclasses import asdict

    from ..core.wording import shown

    documents: list[dict[str, Any]] = []
    counts = {"written": 0, "already there": 0, "failed": 0}
    for outcome in outcomes:
        scene, result = shown(outcome.item.scene), outcome.result
        if outcome.error is not None:
            reason = why_failed(outcome.error, scene)
            counts["failed"] += 1
            documents.append({"scene": scene, "failed": reason})
            lines = [f"{scene}  failed: {reason}"]
        elif result.path is None:
            counts["already there"] += 1
            documents.append(asdict(result))
            lines = [f"{scene}  already there"]
        else:
            counts["written"] += 1
            documents.append(asdict(result))
            lines = [f"{scene}  {result.frames} frames  {result.points:,} points  {result.path}", *result.findings]
        if not as_json:
            say(lines[0], *(f"    {line}" for line in lines[1:]), err=outcome.error is not None)
    if as_json:
        print_json(documents)
    else:
        say(", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    return 1 if counts["failed"] else 0
