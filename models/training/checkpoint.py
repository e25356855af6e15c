"""Files of a training that appear whole or not at all: checkpoints with OpenScene's keys, and JSON."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...core.errors import BadInput, BadWeights
from ...core.files import flush
from ...core.wording import reason
from ..safe_load import load_into, read_torch
from .learner import Learner

LAST, BEST = "model_last.pth.tar", "model_best.pth.tar"
PREFIX = "net3d."  # before the network's own names, as in OpenScene's files


@dataclass
class TrainingState:
    """How far a training has come, beside its weights. With them it decides all numbers that follow."""

    step: int = 0  # steps done
    loss_sum: float = 0.0  # of the steps of the unfinished epoch
    loss_count: int = 0
    best: tuple[str, float] | None = None  # the figure that decides, and its best value so far
    log: list[dict[str, float]] = field(default_factory=list)  # what each finished epoch came to


def save(folder: Path, learner: Learner, state: TrainingState, run: Mapping[str, Any], best: bool) -> None:
    """As the last checkpoint; `best`: as the best one as well. `run`: what has to be equal to go on, as JSON."""
    content = {
        "epoch": len(state.log),
        "state_dict": {PREFIX + name: tensor for name, tensor in learner.network.state_dict().items()},
        "optimizer": learner.optimizer.state_dict(),
        "best_iou": state.best[1] if state.best and state.best[0] == "mIoU" else 0.0,
        "scaler": learner.scaler.state_dict(),
        "standing": asdict(state),
        "run": dict(run),
    }
    with replacing(folder / LAST) as part:
        torch.save(_plain(content), part)
        if best:  # before the last one, which knows of it
            with replacing(folder / BEST) as same:
                _link(part, same)


def is_there(folder: Path) -> bool:
    """Whether a training left a checkpoint in `folder`."""
    return (folder / LAST).is_file()


@dataclass(frozen=True)
class Saved:
    """A checkpoint as read."""

    path: Path
    tensors: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    state: TrainingState

    def restore_network(self, network: nn.Module) -> None:
        """On the CPU, in training mode."""
        load_into(network, self.tensors, f"{self.path}: the student's tensors")
        network.requires_grad_().train()

    def restore_optimizer(self, learner: Learner) -> None:
        """Once the network is where it is trained."""
        try:
            learner.optimizer.load_state_dict(self.optimizer)
            learner.scaler.load_state_dict(self.scaler)
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise BadWeights(f"{self.path}: the optimiser's state does not fit: {error}") from error


def load(folder: Path, run: Mapping[str, Any]) -> Saved:
    """The last checkpoint; BadInput where it is of another `run`, naming the differences. Nothing in it is executed."""
    path = folder / LAST
    content = read_torch(path)
    if not isinstance(content, dict) or not isinstance(content.get("run"), dict):
        raise BadWeights(
            f"{path} does not record the state of an ovstore training run, so it cannot be resumed; its weights can "
            "start a new one."
        )
    others = list(differences(content["run"], run))
    if others:
        raise BadInput(
            f"{path} belongs to another training run: {'; '.join(others[:3])}. Resume with the options it was "
            "started with, or use another folder."
        )
    try:
        tensors = {name.removeprefix(PREFIX): tensor for name, tensor in content["state_dict"].items()}
        state = TrainingState(**{f.name: content["standing"][f.name] for f in fields(TrainingState)})
        return Saved(path, tensors, content["optimizer"], content["scaler"], state)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadWeights(f"{path} is damaged: {error!r}.") from error


def save_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented, with a line feed at the end."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to be written in the block, then flushed to disk and moved onto it in one step.

    Its name is always the same: one training writes into a folder, and takes over what a killed one left.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        yield part
        flush(part)
        os.replace(part, path)
        flush(path.parent)
    except (OSError, RuntimeError) as error:  # torch's writer tells of a full disk by a RuntimeError
        raise BadInput(f"{path} cannot be written: {reason(error)}. The previous file is intact.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """A copy in which nothing but tensors and words occurs twice: equal checkpoints are then equal byte by byte."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return sys.intern(value) if type(value) is str else value


def _link(source: Path, target: Path) -> None:
    """The same bytes under another name, without copying them where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def differences(found: Any, asked: Any, name: str = "") -> Iterator[str]:
    """ "options.seed is 1, but 2 was requested"."""
    if isinstance(found, dict) and isinstance(asked, Mapping):
        for key in [*asked, *(key for key in found if key not in asked)]:
            yield from differences(found.get(key), asked.get(key), f"{name}.{key}".lstrip("."))
    elif isinstance(found, list) and isinstance(asked, list) and found != asked and len(found) + len(asked) > 8:
        other = next(b if a is None else a for a, b in zip_longest(asked, found) if a != b)
        yield f"{name} are {len(found)}, but {len(asked)} were requested; they differ in {other!r}"
    elif found != asked:
        yield f"{name} is {found!r}, but {asked!r} was requested"
