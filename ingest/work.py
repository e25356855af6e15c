"""A job, wherever it runs: opens the store, runs the pipeline, and keeps the job's row true."""

from contextlib import suppress

from ..core.errors import BadInput, BadWeights, DatabaseError
from ..store.catalog import jobs
from ..store.maintain import forget
from ..store.postgres.database import Database
from ..store.postgres.database import open as open_store
from . import pipeline
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
    try:
        with jobs.failed_by_errors(store, started):
            summary = pipeline.ingest_scene(store, job, report)
    except BadWeights:
        raise
    except BadInput:  # the scan's fault, not the network's
        with suppress(DatabaseError):  # somebody publishes for long: `ovstore doctor` finds what stays
            forget.forget_refused(store, started)
        raise
    jobs.finish(store, started, "up to date" if summary.up_to_date else f"{summary.regions:,} regions")
    return summary
