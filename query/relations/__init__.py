"""Where a thing stands: `relations=[Below("dart board"), Near("sofa", 0.5)]` of a search; docs/relations.md."""

from .expressions import (
    Above,
    And,
    Behind,
    Below,
    Beside,
    Between,
    FarthestFrom,
    Highest,
    InFrontOf,
    Inside,
    Largest,
    LeftOf,
    Lowest,
    Near,
    NearestTo,
    Not,
    On,
    Or,
    RightOf,
    Smallest,
    Under,
)

__all__ = [
    "Above", "And", "Behind", "Below", "Beside", "Between", "FarthestFrom", "Highest", "InFrontOf", "Inside", "Largest",
    "LeftOf", "Lowest", "Near", "NearestTo", "Not", "On", "Or", "RightOf", "Smallest", "Under",
]  # fmt: skip
