"""The folder of a training run: its state, its last figures, and how to make room for another run."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from ...core.errors import BadInput
from ...core.wording import short_list
from ...models.training import checkpoint
from ...models.training.checkpoint import BEST, LAST
from ...models.training.options import TrainingOptions
from ...models.training.parallel import Ranks
from ...models.training.record import JSON
from ...models.training.stopping import claimed

SAMPLES = "samples"  # the folder of images of the student's features
RunState = Literal["none", "unfinished", "finished"]


def run_state(folder: Path, about: Mapping[str, Any], options: TrainingOptions) -> RunState:
    """The state of the run that trains the student `about`; BadInput when the folder holds another run.

    about["taught"] may have a digest of the features of each training scene.
    """
    if not checkpoint.is_there(folder):
        return "none"
    told = _told(folder)
    asked = json.loads(json.dumps({"student": about, "options": asdict(options)}))
    before, now = (each["student"].pop("taught", {}) for each in (told, asked))
    differences = [found for key in asked for found in checkpoint.differences(told[key], asked[key], key)]
    if others := sorted(scene for scene in {*before, *now} if before.get(scene) != now.get(scene)):
        differences.append(f"{short_list(others, 1)} was not a training scene then, is none now, or has other features")
    if differences:
        raise BadInput(f"{folder} contains another training run: {'; '.join(differences[:3])}.")
    return "finished" if told["step"] == told["steps"] else "unfinished"


def forget_training(folder: Path) -> None:
    """Make room for another: its checkpoints and the images of its features are removed.

    BadInput while a process trains there.
    """
    with claimed(folder, Ranks(0, 1, torch.device("cpu"))):
        for path in (folder / LAST, folder / BEST, folder / JSON, *(folder / SAMPLES).glob("epoch_*")):
            path.unlink(missing_ok=True)


def last_figures(folder: Path) -> dict[str, float]:
    """The figures of the last epoch, by name: loss_train, and those of validation without their "_val"."""
    log = json.loads((folder / JSON).read_text(encoding="utf-8"))["log"]
    return {name.removesuffix("_val"): value for name, value in log[-1].items() if name not in ("epoch", "step")}


def _told(folder: Path) -> Mapping[str, Any]:
    """What the run in a folder records of itself."""
    try:
        told = json.loads((folder / JSON).read_text(encoding="utf-8"))
        return {key: told[key] for key in ("student", "options", "step", "steps")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{folder} contains {LAST} but no {JSON} that describes it: choose another folder, or remove this one."
        ) from error
