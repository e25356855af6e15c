"""Commands that do a job a scene: the jobs run, a line each is printed, and the exit code says whether some failed."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import click

from ..store import plugins
from ._shared import print_json, why_failed

if TYPE_CHECKING:
    from ..ingest.engines import Outcome
    from ..store.database import Store


class Work(Protocol):
    """A file that does jobs: in a store of their own, or in one that is open."""

    def run(self, job: Any) -> Any: ...

    def run_in(self, store: "Store", job: Any, report: Any) -> Any: ...


def outcomes(
    work: Work, store: "Store", jobs: list[Any], workers: int, engine: str | None = None
) -> "Iterator[Outcome]":
    """As scenes finish, with a bar a scene on a terminal where they run in this process."""
    from ._progress import stages

    engine = engine or ("inline" if workers == 1 else "processes")
    run = plugins.load("ingest.engines", engine, noun="engine").run
    with stages(len(jobs)) as bar:
        task = (lambda job: work.run_in(store, job, bar.report)) if engine == "inline" else work.run
        for outcome in run(task, jobs, workers):
            bar.scene_done()
            yield outcome


def print_outcomes(found: "Iterable[Outcome]", done: str, line_of: Callable[[Any], str], as_json: bool) -> int:
    """A line a scene on stdout, `line_of` its summary unless it was up to date, and how many were `done`."""
    from dataclasses import asdict

    from ..store.wording import shown

    documents: list[dict[str, Any]] = []
    for outcome in found:
        scene = shown(outcome.item.scene)
        if outcome.error is not None:
            documents.append({"scene": scene, "failed": why_failed(outcome.error, scene)})
            line = f"{scene}  failed: {documents[-1]['failed']}"
        else:
            summary = outcome.result
            documents.append(asdict(summary))
            line = f"{summary.scene}  up to date (feature set {summary.feature_set})"
            if not summary.up_to_date:
                line = line_of(summary)
        if not as_json:
            click.echo(line)
    failed = sum("failed" in document for document in documents)
    if as_json:
        print_json(documents)
    else:
        unchanged = sum(document.get("up_to_date", False) for document in documents)
        told = f"{len(documents) - failed - unchanged} {done}, {unchanged} up to date, {failed} failed."
        click.echo(told + (" See: ovstore jobs --failed" if failed else ""))
    return 1 if failed else 0
