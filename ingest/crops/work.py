"""A job, wherever it runs: opens the store, describes a scene, and keeps the job's row true."""

from ...core.wording import counted
from ...store.catalog import catalog, jobs
from ...store.postgres.database import Database
from ...store.postgres.database import open as open_store
from ..report import Report, quiet
from .describe import DescribeJob, DescribeSummary, describe


def run(job: DescribeJob, report: Report = quiet) -> DescribeSummary:
    """Do the job in a store of its own; the row says how it ended, whatever ended it."""
    with open_store(job.store, create=False) as store:
        return run_in(store, job, report)


def run_in(store: Database, job: DescribeJob, report: Report = quiet) -> DescribeSummary:
    """Do the job in a store that is open already."""
    scene = catalog.find_scene(store, job.scene)
    started = jobs.start(store, scene.dataset, scene.name, {"describe": dict(job.options), "features": job.features})
    with jobs.failed_by_errors(store, started):
        summary = describe(store, job, jobs.telling(store, started, report))
    message = "up to date" if summary.up_to_date else f"{counted(summary.described, 'object')} from crops"
    jobs.finish(store, started, message)
    return summary
