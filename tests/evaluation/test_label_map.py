"""What becomes of a cloud's labels: classes, and a count of everything else."""

import numpy as np
import pytest
from ovstore.evaluation.labels import label_files
from ovstore.evaluation.labels.label_map import LabelUse, map_labels
from ovstore.evaluation.labels.label_set import IGNORED, LabelClass, LabelSet


def test_labels_become_indices_and_nothing_is_lost() -> None:
    names = {0: "wall", 1: "ceiling", 2: "trashcan", 5: "chair"}
    mapped = map_labels(label_files.load("scannet20"), np.array([5, 0, 2, -1, 0, 1, 9, 2, 2]), names)
    assert mapped.index.tolist() == [4, 0, -1, -1, 0, -1, -1, -1, -1]
    assert mapped.unlabelled == 1
    assert mapped.uses == (
        LabelUse("trashcan", 3, None),
        LabelUse("wall", 2, 0),
        LabelUse("9 (without a name)", 1, None),
        LabelUse("ceiling", 1, IGNORED),
        LabelUse("chair", 1, 4),
    )


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_a_cloud_without_labels_has_no_class(labels: list[int]) -> None:
    mapped = map_labels(label_files.load("scannet20"), np.array(labels, np.int32), {})
    assert (mapped.index.tolist(), mapped.uses, mapped.unlabelled) == (labels, (), len(labels))


@pytest.mark.parametrize(
    ("label", "near"), [("trashcan", "trash can"), ("dishrack", "dish rack"), ("refridgerator", "refrigerator")]
)
def test_an_unknown_label_is_met_with_the_nearest(label: str, near: str) -> None:
    scannet = label_files.load("scannet20")
    assert scannet.index_of(label) is None
    assert scannet.near(label) == near


def test_names_go_before_synonyms_and_labels_of_the_dataset_before_both() -> None:
    classes = (
        LabelClass("stool", 1, (0, 0, 0)),
        LabelClass("toilet", 2, (1, 1, 1), synonyms=("stool", "can")),
        LabelClass("tin", 3, (2, 2, 2), synonyms=("can", "pot")),
    )
    about = dict.fromkeys(("name", "title", "source", "url", "licence", "colours"), "test")
    found = LabelSet(**about, ignore_id=None, classes=classes, raw={"pot": 0})
    assert [found.index_of(label) for label in ("stool", "can", "pot")] == [0, 1, 0]
