"""A job, wherever it runs: opens the store, runs the pipeline, and keeps the job's row true."""

from contextlib import suppress
from dataclasses import dataclass

from ..core.errors import BadInput, BadWeights, DatabaseError
from ..store.catalog import jobs
from ..store.maintain import forget
from ..store.postgres.database import Database
from ..store.postgres.database import open as open_store
from . import pipeline
from .pipeline import IngestSummary, Report, quiet
from .recipe import Request, geometry


@dataclass(frozen=True)
class IngestJob:
    """One scene to bring up to date. Pickles: it may run in another process or on another machine."""

    store: str  # the store's folder
    request: Request
    scene: str


def run(job: IngestJob, report: Report = quiet) -> IngestSummary:
    """Do the job in a store of its own; the row says how it ended, whatever ended it."""
    with open_store(job.store, create=False) as store:
        return run_in(store, job, report)


def run_in(store: Database, job: IngestJob, report: Report = quiet) -> IngestSummary:
    """Do the job in a store that is open already; of a scene that is refused nothing stays."""
    started = jobs.start(store, job.request.dataset, job.scene, geometry(job.request))
    try:
        with jobs.failed_by_errors(store, started):
            summary = pipeline.ingest_scene(store, job.request, job.scene, report)
    except BadWeights:
        raise
    except BadInput:  # the scan's fault, not the network's
        with suppress(DatabaseError):  # somebody publishes for long: `ovstore doctor` finds what stays
            forget.forget_refused(store, started)
        raise
    jobs.finish(store, started, "up to date" if summary.up_to_date else f"{summary.regions:,} regions")
    return summary
