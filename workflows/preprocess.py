"""Preprocess: scans written as OpenScene's processed files, for its own scripts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core import plugins
from ..core.options import chosen
from ..ingest.report import Report, quiet
from .scene_jobs import Finished, SceneResults, nobody, run_jobs

if TYPE_CHECKING:
    from ..ingest.preprocess import Written


@dataclass(frozen=True)
class PreprocessRequest:
    """Scans in a format, and what is to be written. No store is needed."""

    format: str  # the dataset plug-in
    path: Path  # the scans
    out: Path
    kind: Literal["scannet", "matterport", "replica", "nuscenes", "custom"] | None = None  # None: by the format
    scenes: tuple[str, ...] = ()  # empty: all
    dataset_options: Mapping[str, Any] = field(default_factory=dict)  # chosen explicitly; others are OpenScene's
    workers: int = 1  # scenes written at once, in processes of their own
    again: bool = False  # rewrite scenes that already exist


def run(
    request: PreprocessRequest, report: Report = quiet, finished: Finished["Written"] = nobody
) -> "SceneResults[Written]":
    """Existing scenes are skipped; a failure does not stop the rest."""
    from ..ingest import preprocess
    from ..ingest.compat.openscene import kind_of_format, preprocessing_options
    from .openscene_labels import classes_of

    dataset = plugins.load("ingest.datasets", request.format, noun="format")
    kind = request.kind or kind_of_format(request.format)
    options = chosen(
        dataset.Options, {**preprocessing_options(request.format), **request.dataset_options}, request.format
    )
    larger_set = kind == request.format == "matterport" and options.labels in ("40", "80", "160")
    variant = f"_{options.labels}" if larger_set else ""
    root, out = request.path.resolve(), request.out.absolute()
    names = request.scenes or dataset.scene_names(root, options)
    jobs = [
        preprocess.PreprocessJob(request.format, root, out, kind, options, name, variant, request.again)
        for name in names
    ]
    task = partial(preprocess.run, classes=partial(classes_of, kind=kind, numbered=larger_set))
    if request.workers == 1:
        return run_jobs(partial(task, report=report), jobs, report=report, finished=finished)
    return run_jobs(task, jobs, request.workers, "processes", report, finished)
