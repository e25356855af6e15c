"""One job per scene: run on an engine, with an outcome for each; a scene that fails does not stop the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from ..core import plugins
from ..core.errors import BadInput, OvstoreError
from ..core.wording import shown
from ..ingest.report import Report, quiet
from ..store.postgres.database import Database

Summary = TypeVar("Summary")

SCENES = "scenes"  # the stage whose steps are scenes that are finished


@dataclass(frozen=True)
class FailedScene:
    """A scene that was not done, and why."""

    scene: str
    reason: str  # one sentence, to stand after the scene's name
    error: BaseException = field(repr=False, compare=False)


@dataclass(frozen=True)
class SceneResults(Generic[Summary]):
    """What became of the scenes, in the order in which they finished."""

    done: tuple[Summary, ...]
    failed: tuple[FailedScene, ...] = ()


Finished = Callable[[Summary | FailedScene], None]  # called for each scene as it finishes


class Work(Protocol):
    """A module that does jobs: in a store of their own, or in one that is open."""

    def run(self, job: Any) -> Any: ...

    def run_in(self, store: Database, job: Any, report: Any) -> Any: ...


def require_counts(**counts: int) -> None:
    """BadInput unless each is at least 1."""
    for name, count in counts.items():
        if count < 1:
            raise BadInput(f"{name} must be at least 1, not {count}.")


def nobody(result: Any) -> None:
    """Told of nothing."""


def run_in_store(
    work: Work,
    store: Database,
    jobs: Sequence[Any],
    workers: int = 1,
    engine: str | None = None,
    report: Report = quiet,
    finished: Finished[Any] = nobody,
) -> SceneResults[Any]:
    """The jobs' summaries. Without `engine`: inline for one worker, processes for more."""
    store.require_writable()
    engine = engine or ("inline" if workers == 1 else "processes")
    task = (lambda job: work.run_in(store, job, report)) if engine == "inline" else work.run
    return run_jobs(task, jobs, workers, engine, report, finished)


def run_jobs(
    task: Callable[[Any], Summary],
    jobs: Sequence[Any],
    workers: int = 1,
    engine: str = "inline",
    report: Report = quiet,
    finished: Finished[Summary] = nobody,
    scene_of: Callable[[Any], str] = lambda job: str(job.scene),
) -> SceneResults[Summary]:
    """`task` done with every job; `report` hears how many scenes are finished as the stage "scenes"."""
    run = plugins.load("ingest.engines", engine, noun="engine").run
    workers = min(workers, max(len(jobs), 1))
    done: list[Summary] = []
    failed: list[FailedScene] = []
    report(SCENES, 0, len(jobs))
    for number, outcome in enumerate(run(task, jobs, workers), start=1):
        report(SCENES, number, len(jobs))
        if outcome.error is None:
            done.append(outcome.result)
            finished(outcome.result)
        else:
            failed.append(failure(scene_of(outcome.item), outcome.error))
            finished(failed[-1])
    return SceneResults(tuple(done), tuple(failed))


def failure(scene: str, error: BaseException) -> FailedScene:
    """The sentence about a scene that failed; for a bug of ours, its type and what it says."""
    said = str(error)
    reason = (
        said.removeprefix(f"{shown(scene)}: ") if isinstance(error, OvstoreError) else f"{type(error).__name__}: {said}"
    )
    return FailedScene(scene, reason, error)
