"""What made the relations of a search true: a line for each hit and landmark."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from .printing import say

if TYPE_CHECKING:
    from ...core.features import Answer, Hit


def print_landmarks(answer: "Answer", ambiguous: Collection[str] = ()) -> None:
    """The relation, the thing, and how far it is; nothing for an answer without relations."""
    digits = len(str(len(answer)))
    for rank, hit in enumerate(answer, start=1):
        for landmark in hit.landmarks:
            named = _name(landmark.hit, hit, ambiguous)
            frame = f", both in {landmark.hit.evidence[0].frame}" if _shown_together(hit, landmark.hit) else ""
            say(f"{rank:>{digits}}  {landmark.relation}: {named}, {landmark.distance:.2f} m{frame}")


def _name(landmark: "Hit", hit: "Hit", ambiguous: Collection[str]) -> str:
    return landmark.full_name if hit.scene in ambiguous else f"{landmark.scene}:{landmark.name}"


def _shown_together(hit: "Hit", landmark: "Hit") -> bool:
    return bool(landmark.evidence) and landmark.evidence[0].frame in {view.frame for view in hit.evidence}
