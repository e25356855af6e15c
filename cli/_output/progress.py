"""Progress on stderr: bars on a terminal, plain lines elsewhere, never a word on stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Stages:
    """The bar of all scenes, and below it the stage that the scene in hand is at."""

    def __init__(self, progress: Progress, scenes: int, noun: str) -> None:
        self._progress = progress
        self._noun = noun
        self._scenes: TaskID = progress.add_task(noun, total=scenes)
        self._stage: TaskID = progress.add_task("", total=None, visible=False)
        self._name = ""

    def report(self, stage: str, done: int, total: int) -> None:
        """What a workflow reports; the stage named as the first bar counts what is finished."""
        if stage == self._noun:
            self._name = ""
            self._progress.update(self._scenes, completed=done, total=total)
            self._progress.update(self._stage, visible=False)
            return
        if stage != self._name:
            self._name = stage
            self._progress.reset(self._stage, total=total, description=stage, visible=True)
        self._progress.update(self._stage, completed=done, total=total)

    def scene_done(self) -> None:
        self._name = ""
        self._progress.advance(self._scenes)
        self._progress.update(self._stage, visible=False)


@contextmanager
def stages(scenes: int, noun: str = "scenes") -> Iterator[Stages]:
    """Bars for `scenes` scenes, or another noun; nothing is drawn where stderr is no terminal (lines say enough)."""
    with _progress() as progress:
        yield Stages(progress, scenes, noun)


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """One bar, which takes its name and its length from what is reported to it: stage, steps done, steps in all."""
    with _progress() as progress:
        task = progress.add_task("", total=None, visible=False)

        def report(stage: str, done: int, total: int) -> None:
            progress.update(task, description=stage, completed=done, total=total, visible=True)

        yield report


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Lines for stdout go above the bar when both are the terminal; otherwise stdout is not ours to touch.
    return Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        disable=not sys.stderr.isatty(),
    )
