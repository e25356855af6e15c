"""ovstore jobs: what was worked on, and how it ended."""

from typing import TYPE_CHECKING

import click

from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..store.catalog.jobs import Job


@click.command("jobs")
@click.option("--failed", is_flag=True, help="Only scenes whose latest attempt failed or was lost.")
@click.option("--top", type=click.IntRange(1), default=30, show_default=True, help="Number of jobs, newest first.")
@json_option
def command(failed: bool, top: int, as_json: bool) -> None:
    """List ingest jobs, newest first.

    They are running, done, failed, or stale (the worker is gone). A stale job blocks nothing: ingest its scene again.

    \b
    Example:
      ovstore jobs --failed
    """
    from dataclasses import asdict

    from ..store.catalog import jobs

    with opened_store() as store:
        found = jobs.failed(store)[:top] if failed else jobs.jobs(store, top)
    if as_json:
        print_json([asdict(job) for job in found])
        return
    if not found:
        nothing = "No scene's latest attempt failed." if failed else "No jobs yet: ovstore ingest --help"
        say(nothing, err=True)
        return
    print_table(
        ("job", "scene", "state", "started", "seconds", "worker", "message"),
        [
            (job.id, f"{job.dataset}/{job.scene}", job.state, f"{job.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
             _seconds(job), job.worker, _said(job))
            for job in found
        ],
        right=("job", "seconds"),
    )  # fmt: skip


def _said(job: "Job") -> str | None:
    """How it ended; how far it is, or was when its worker was lost."""
    if job.finished_at is not None or job.stage is None:
        return job.message
    at = f"{job.stage} {job.done:,}/{job.total:,}"
    return at if job.message is None else f"{at}: {job.message}"


def _seconds(job: "Job") -> str:
    return "" if job.finished_at is None else f"{(job.finished_at - job.started_at).total_seconds():.1f}"
