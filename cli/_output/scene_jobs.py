"""Commands that do a job a scene: the jobs run, a line each is printed, and the exit code says whether some failed."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ...core import plugins
from .._options.shared import print_json, say, typed_here, why_failed

if TYPE_CHECKING:
    from ...ingest.engines import Outcome
    from ...store.postgres.database import Database


class Work(Protocol):
    """A file that does jobs: in a store of their own, or in one that is open."""

    def run(self, job: Any) -> Any: ...

    def run_in(self, store: "Database", job: Any, report: Any) -> Any: ...


def outcomes(
    work: Work, store: "Database", jobs: list[Any], workers: int, engine: str | None = None
) -> "Iterator[Outcome]":
    """As scenes finish, with a bar a scene on a terminal where they run in this process."""
    from .progress import stages

    engine = engine or ("inline" if workers == 1 else "processes")
    run = plugins.load("ingest.engines", engine, noun="engine").run
    with stages(len(jobs)) as bar:
        task = (lambda job: work.run_in(store, job, bar.report)) if engine == "inline" else work.run
        for outcome in run(task, jobs, workers):
            bar.scene_done()
            yield outcome


def print_outcomes(found: "Iterable[Outcome]", done: str, lines_of: Callable[[Any], list[str]], as_json: bool) -> int:
    """A line a scene on stdout with notes below it, failures on stderr; how many were `done`.

    `lines_of` words what is not up to date.
    """
    from dataclasses import asdict

    from ...core.wording import shown

    documents: list[dict[str, Any]] = []
    for outcome in found:
        scene = shown(outcome.item.scene)
        if outcome.error is not None:
            documents.append({"scene": scene, "failed": why_failed(outcome.error, scene)})
            lines = [f"{scene}  failed: {documents[-1]['failed']}"]
        else:
            summary = outcome.result
            documents.append(asdict(summary))
            lines = [f"{summary.scene}  up to date (feature set {summary.feature_set})"]
            if not summary.up_to_date:
                lines = lines_of(summary)
            if geometry := getattr(summary, "geometry", ""):
                lines[0] += f"  {geometry}"
        if not as_json:
            say(lines[0], *(f"    {line}" for line in lines[1:]), err=outcome.error is not None)
    failed = sum("failed" in document for document in documents)
    if as_json:
        print_json(documents)
    else:
        unchanged = sum(document.get("up_to_date", False) for document in documents)
        told = f"{len(documents) - failed - unchanged} {done}, {unchanged} up to date, {failed} failed."
        say(told + (" See: " + typed_here("ovstore jobs --failed") if failed else ""))
    return 1 if failed else 0
