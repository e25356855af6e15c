"""Figures and names as reports word them."""

import math
from collections import Counter
from collections.abc import Sequence

from ..core.wording import short_list
from .labels.label_set import LabelSet


def percent(share: float) -> str:
    """One decimal; a dash where there is nothing to measure."""
    return "–" if math.isnan(share) else f"{100 * share:.1f}"


def number(value: float) -> float | None:
    """For JSON, which has no nan and no infinity."""
    return float(value) if math.isfinite(value) else None


def left_out(names: Sequence[str], lacking: str) -> tuple[str, ...]:
    """A note on scenes that were selected and not evaluated."""
    return (f"Left out, without {lacking}: {short_list(names)}.",) if names else ()


def unknown_labels(label_set: LabelSet, unknown: Counter[str]) -> tuple[str, ...]:
    """A note on labels with their points, where there are any."""
    if not unknown:
        return ()
    names = short_list([label for label, _ in unknown.most_common()])
    return (f"{unknown.total():,} points do not count because {label_set.name} does not know their labels: {names}.",)
