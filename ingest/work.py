"""A job, wherever it runs: opens the store, runs the pipeline, and keeps the job's row true."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..core.errors import BadInput, BadWeights, DatabaseError
from ..store.catalog import catalog, crop_sets, jobs
from ..store.maintain import forget
from ..store.postgres.database import Database
from ..store.postgres.database import open as open_store
from . import pipeline
from .crops.describe import DescribeJob, describe
from .crops.encoder import can_pool
from .pipeline import IngestJob, IngestSummary
from .recipe import geometry
from .report import Report, quiet


def run(job: IngestJob, report: Report = quiet) -> IngestSummary:
    """Do the job in a store of its own; the row says how it ended, whatever ended it."""
    with open_store(job.store, create=False) as store:
        return run_in(store, job, report)


def run_in(store: Database, job: IngestJob, report: Report = quiet) -> IngestSummary:
    """Do the job in a store that is open already; of a scene that is refused nothing stays."""
    started = jobs.start(store, job.geometry.dataset, job.scene, geometry(job.geometry))
    report = jobs.telling(store, started, report)
    try:
        with jobs.failed_by_errors(store, started):
            before = _described(store, job)
            summary = pipeline.ingest_scene(store, job, report)
            if job.crops or before is not None:
                summary = _described_again(store, job, summary, before, report)
    except BadWeights:
        raise
    except BadInput:  # the scan's fault, not the network's
        with suppress(DatabaseError):  # somebody publishes for long: `ovstore doctor` finds what stays
            forget.forget_refused(store, started)
        raise
    jobs.finish(store, started, "up to date" if summary.up_to_date else f"{summary.regions:,} regions")
    return summary


def _described(store: Database, job: IngestJob) -> dict[str, Any] | None:
    """The options of the crops that the feature set has, which it keeps when it is made anew; None without crops."""
    scene = catalog.held_scene(store, job.geometry.dataset, job.scene)
    if scene is None or job.features.name not in scene.features:
        return None
    held = crop_sets.crop_sets(store).get(catalog.find_feature_set(store, scene, job.features.name).id)
    return None if held is None else dict(held.recipe["crops"])


def _described_again(
    store: Database, job: IngestJob, summary: IngestSummary, options: dict[str, Any] | None, report: Report
) -> IngestSummary:
    """With the objects described from crops, by the options they were described by before."""
    if not job.crops and not can_pool(job.features.encoder):
        lost = f"dropped with the previous features: vectors from crops, which {job.features.encoder} cannot make"
        return replace(summary, findings=(*summary.findings, lost))
    full_name = f"{job.geometry.dataset}/{job.scene}"
    asked = DescribeJob(job.store, full_name, job.features.name, options or {}, job.device)
    made = describe(store, asked, report)  # up to date where nothing was replaced
    if made.up_to_date:
        return summary
    return replace(summary, up_to_date=False, crops=made.crops, seconds=summary.seconds + made.seconds)
