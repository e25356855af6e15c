"""One line per scene as it finishes, notes below it, and the counts at the end; or all of it as one JSON document."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...core.errors import OvstoreError
from ...core.wording import shown
from .._options.shared import typed_here
from .._output.printing import print_json, say

if TYPE_CHECKING:
    from ...ingest.report import Report
    from ...workflows.scene_jobs import FailedScene


class SceneLines:
    """Hears of scenes as they finish; `close` prints how they ended and returns the exit code."""

    def __init__(
        self,
        report: "Report",
        lines_of: Callable[[Any], tuple[str, list[str]]],
        as_json: bool,
        failure: str = "failed",
        failures_to_stderr: bool = True,
    ) -> None:
        """`lines_of` gives the kind of ending that is counted, and the lines."""
        self.report = report
        self._lines_of, self._as_json = lines_of, as_json
        self._failure, self._failures_to_stderr = failure, failures_to_stderr
        self.documents: list[dict[str, Any]] = []
        self._counts: dict[str, int] = {}

    def finished(self, result: "Any | FailedScene") -> None:
        """Print the scene's lines."""
        from ...workflows.scene_jobs import FailedScene

        if isinstance(result, FailedScene):
            if not isinstance(result.error, OvstoreError):
                traceback.print_exception(result.error)  # a bug of ours also says where
            scene = shown(result.scene)
            self.documents.append({"scene": scene, "failed": result.reason})
            kind, lines = "failed", [f"{scene}  {self._failure}: {result.reason}"]
        else:
            self.documents.append(asdict(result))
            kind, lines = self._lines_of(result)
        self._counts[kind] = self.count(kind) + 1
        if not self._as_json:
            to_stderr = kind == "failed" and self._failures_to_stderr
            say(lines[0], *(f"    {line}" for line in lines[1:]), err=to_stderr)

    def count(self, kind: str) -> int:
        """How many scenes ended that way."""
        return self._counts.get(kind, 0)

    def close(self, summary: Callable[["SceneLines"], str]) -> int:
        """1 when a scene failed."""
        if self._as_json:
            print_json(self.documents)
        else:
            say(summary(self))
        return 1 if self.count("failed") else 0


@contextmanager
def scene_lines(lines_of: Callable[[Any], tuple[str, list[str]]], as_json: bool, **words: Any) -> Iterator[SceneLines]:
    """With a bar for the scenes, and one for the stage of the scene in hand, on a terminal."""
    from .progress import stages

    with stages(0) as bars:
        yield SceneLines(bars.report, lines_of, as_json, **words)


def stored_lines(done: str, lines_of: Callable[[Any], list[str]]) -> Callable[[Any], tuple[str, list[str]]]:
    """For jobs whose summary may be that the store is up to date; `lines_of` words the others."""

    def lines(summary: Any) -> tuple[str, list[str]]:
        kind, lines = "up to date", [f"{summary.scene}  up to date (feature set {summary.feature_set})"]
        if not summary.up_to_date:
            kind, lines = done, lines_of(summary)
        if geometry := getattr(summary, "geometry", ""):
            lines[0] += f"  {geometry}"
        return kind, lines

    return lines


def stored_summary(done: str) -> Callable[[SceneLines], str]:
    """How many were `done`, up to date, and failed."""

    def summary(lines: SceneLines) -> str:
        counted = ", ".join(f"{lines.count(kind)} {kind}" for kind in (done, "up to date", "failed"))
        return f"{counted}." + (" See: " + typed_here("ovstore jobs --failed") if lines.count("failed") else "")

    return summary
