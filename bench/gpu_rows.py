"""What the GPU check says: a row for everything compared, and the table of all rows."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "skipped"]
HEADINGS = ("part", "what", "agreement", "held to", "outcome", "twin ms", "device ms", "ratio", "peak MB")


@dataclass(frozen=True)
class Agreement:
    """How far two results agree, and how far they have to."""

    measure: str  # "least cosine" (more is better), "largest difference" or "recall lost" (less is better)
    found: float
    held_to: float
    unrelated: float  # the same measure of two results that do not belong together, which must not pass

    @property
    def reason(self) -> str:
        """Why it is not good enough; empty where it is."""
        if not self._passes(self.found):
            return f"the {self.measure} is {self.found:.3g}, {self.held_to:g} was expected"
        if self._passes(self.unrelated):
            return f"unrelated results agree as well ({self.unrelated:.3g}), so that agreement says nothing"
        return ""

    def _passes(self, value: float) -> bool:
        return value >= self.held_to if self.measure == "least cosine" else value <= self.held_to  # never for nan


@dataclass(frozen=True)
class Row:
    """One comparison of a part, or the end that the part came to."""

    what: str
    outcome: Outcome
    reason: str = ""
    agreement: Agreement | None = None
    twin_ms: float | None = None
    device_ms: float | None = None
    peak_mb: float | None = None  # of the device's memory, as torch counts it; with --device cpu of the process
    part: str = ""


def table(rows: list[Row]) -> str:
    """Markdown, with the reasons of rows that did not pass below it."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(_cells, rows)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    reasons = [f"{_name(row)} {row.outcome}: {row.reason}" for row in rows if row.reason]
    return "\n".join([text, *([""] if reasons else []), *reasons])


def _name(row: Row) -> str:
    return f"{row.part}, {row.what}" if row.what else row.part


def _cells(row: Row) -> tuple[str, ...]:
    agreement = row.agreement
    ratio = row.twin_ms / row.device_ms if row.twin_ms is not None and row.device_ms else None
    return (
        row.part,
        row.what,
        f"{agreement.measure} {agreement.found:.6g}" if agreement else "",
        f"{agreement.held_to:g}" if agreement else "",
        row.outcome,
        _number(row.twin_ms, 1),
        _number(row.device_ms, 1),
        f"{ratio:.1f}x" if ratio else "",
        _number(row.peak_mb, 0),
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
