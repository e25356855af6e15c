"""What a table's numbers mean: which points count, how means are taken, which words are asked."""

from dataclasses import dataclass
from typing import Literal

from ..labels.label_set import LabelSet
from .metrics import Over, Unpredicted

_OTHER = "other"
_CUT_FROM_160 = {"matterport40", "matterport80", "matterport160"}


@dataclass(frozen=True)
class Protocol:
    """One set of conventions; points count whose label is a class of the label set."""

    name: str
    unpredicted: Literal["wrong", "drop", "nearest"]  # points without a prediction; nearest: as the next that has one
    over: Over  # the classes that means are over
    openscene: bool = False  # ask with OpenScene's prompts and round as it does

    @property
    def counted_as(self) -> Unpredicted:
        """What becomes of points that are still without a prediction."""
        return "drop" if self.unpredicted == "drop" else "wrong"


NAMED = {
    # ScanNet's evaluate_semantic_label.py, which counts a label outside of the classes as a false negative
    "scannet": Protocol("scannet", "wrong", "present"),
    # OpenScene's run/evaluate.py with mark_no_feature_to_unknown, since April 2023; before, points were "wrong"
    "openscene": Protocol("openscene", "drop", "all", openscene=True),
}


@dataclass(frozen=True)
class Asked:
    """A text for a class."""

    index: int  # of the class
    text: str
    bare: bool = False  # without a prompt around it


def asked_texts(label_set: LabelSet, openscene: bool) -> list[Asked]:
    """All texts of all classes, by class.

    OpenScene asks for "other" without its prompt. For the 40, 80 and 160 classes of Matterport3D it does so in place of
    the last class but one ("air vent", "headboard", "person"): a slip that its published numbers contain.
    """
    asked = [Asked(i, text) for i, each in enumerate(label_set.classes) for text in each.texts]
    if not openscene:
        return asked
    slip = misnamed(label_set)
    return [Asked(each.index, _OTHER, True) if each.text == _OTHER or slip == each.index else each for each in asked]


def misnamed(label_set: LabelSet) -> int | None:
    """The index of the class that OpenScene asks for with "other" by mistake."""
    return len(label_set.classes) - 2 if label_set.name in _CUT_FROM_160 else None
