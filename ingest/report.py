"""How long work tells what it is doing: one call per step of a stage."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]  # stage, steps done, steps in all


def quiet(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
