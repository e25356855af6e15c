"""Validation callbacks: images of a student's features, and how well they label points."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..drawing.caption import fitted
from ..drawing.feature_colours import Directions, main_directions, sample
from ..drawing.picture_file import save
from ..drawing.render import overview, render, upright
from ..evaluation.labels.label_map import map_labels
from ..evaluation.labels.label_set import LabelSet
from ..evaluation.points.decide import ClassTexts, decide
from ..evaluation.points.metrics import confusion, score
from ..store.files.ply_writer import write_ply

if TYPE_CHECKING:
    from ..ingest.training.validation_callbacks import ScenePrediction

_PANEL = (640, 480)  # pixels
_CAPTION = 36
_NO_VECTOR = (190, 190, 190)


class SampleImages:
    """Draws the first validation scene: its own colours, its published features, the student's.

    Features are shown in the three main directions of what was fused, so that colours mean the same after every epoch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._epoch = 0

    def update(self, predicted: "ScenePrediction") -> None:
        """Writes epoch_0005.png and epoch_0005.ply, the student's colours."""
        if predicted.epoch == self._epoch:
            return
        self._epoch = predicted.epoch
        self._folder.mkdir(parents=True, exist_ok=True)
        directions = main_directions([sample(predicted.published.vectors[None])])
        published = np.full((len(predicted.points), 3), _NO_VECTOR, np.uint8)
        published[predicted.published.point_index] = _colours(directions, predicted.published.vectors)
        said = _colours(directions, predicted.vectors)
        own = predicted.points.rgb if predicted.points.rgb is not None else np.full_like(published, 150)
        stem = self._folder / f"epoch_{predicted.epoch:04}"
        panels = [
            (own, predicted.scene.full_name),
            (published, "its published features"),
            (said, f"student after epoch {predicted.epoch}"),
        ]
        save(_sheet(predicted, panels), stem.with_suffix(".png"))
        write_ply(stem.with_suffix(".ply"), predicted.points.xyz, said, faces=predicted.points.faces)

    def figures(self) -> dict[str, float]:
        """Images have none."""
        return {}


class LabelAccuracy:
    """The mean IoU of the student's vectors on the labels of the validation scenes, pooled; ScanNet's conventions."""

    def __init__(self, label_set: LabelSet, texts: ClassTexts) -> None:
        self._label_set, self._texts = label_set, texts
        self._counts = self._nothing()

    def update(self, predicted: "ScenePrediction") -> None:
        """Scenes without a label of the set count for nothing."""
        points = predicted.points
        if points.labels is None:
            return
        truth = map_labels(self._label_set, points.labels, points.label_names).index
        everything = np.arange(len(points), dtype=np.int32)
        found = decide([(everything, predicted.vectors)], len(points), self._texts)
        self._counts += confusion(truth, found.index, len(self._label_set.classes))

    def figures(self) -> dict[str, float]:
        """None where no point had a label of the set."""
        counts, self._counts = self._counts, self._nothing()
        if not counts.any():
            return {}
        scores = score(counts, "wrong")
        return {"mIoU": scores.mean_iou("present"), "mAcc": scores.mean_accuracy("present")}

    def _nothing(self) -> NDArray[np.int64]:
        classes = len(self._label_set.classes)
        return np.zeros((classes, classes + 1), np.int64)


def _colours(directions: Directions, vectors: NDArray[np.float16]) -> NDArray[np.uint8]:
    row: NDArray[np.uint8] = directions.colours(vectors[None])[0]
    return row


def _sheet(predicted: "ScenePrediction", panels: list[tuple[NDArray[np.uint8], str]]) -> Image.Image:
    """Side by side, a line below each."""
    points = upright(predicted.points, predicted.scene.up_axis)
    view = overview(points, *_PANEL)
    sheet = Image.new("RGB", (_PANEL[0] * len(panels), _PANEL[1] + _CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for position, (colours, caption) in enumerate(panels):
        left = position * _PANEL[0]
        sheet.paste(Image.fromarray(render(points, colours, view)), (left, 0))
        line, font = fitted(caption, 16, _PANEL[0] - 32)
        draw.text((left + 16, _PANEL[1] + 8), line, fill="black", font=font)
    return sheet
