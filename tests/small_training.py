"""A training of seconds on the CPU: rooms of random points, taught what their place says. Run as a program, to be
killed, or by torchrun: `python small_training.py FOLDER [NAME=VALUE ...]`, arguments of `run`."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ovstore.models.sparse.layers import Convolution, SparseTensor, relu
from ovstore.models.students import tiny
from ovstore.models.training.events import read_events
from ovstore.models.training.loop import Trained, train
from ovstore.models.training.options import Options
from ovstore.models.training.scenes import Source, TaughtScene
from torch import nn

WIDTH = 4  # of targets
OPTIONS = Options(
    voxel_size=0.25,
    inputs="ones",
    target="representative",
    batch_size=2,
    epochs=3,
    base_lr=0.01,
    elastic_probability=0,
    seed=5,
)


def scene(number: int, points: int = 120, taught: float = 0.5) -> TaughtScene:
    """A box of 2 m; a share of the points is taught."""
    rng = np.random.default_rng(number)
    xyz = rng.uniform(0, 2, (points, 3))
    index = np.flatnonzero(rng.random(points) < taught)
    target = np.column_stack([xyz[index] - 1, np.ones(len(index))]).astype(np.float16)
    return TaughtScene(f"room{number}", xyz, None, index, target)


def sources(count: int, **options: Any) -> list[Source]:
    """Rooms 0 .. count - 1."""
    return [Source(f"room{number}", partial(scene, number, **options)) for number in range(count)]


class Plain(nn.Module):
    """Two convolutions, no batch norm; `dropout` of what lies between."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = Convolution(3, 8, size=3)
        self.dropout = nn.Dropout(dropout)
        self.second = Convolution(8, WIDTH, size=1, bias=True)

    def forward(self, tensor: SparseTensor) -> SparseTensor:
        inner = relu(self.first(tensor))
        return self.second(inner.with_features(self.dropout(inner.features)))


def network(kind: str) -> nn.Module:
    """ "tiny", "plain" or "dropout", always of the same first weights."""
    torch.manual_seed(1)
    if kind == "tiny":
        return tiny.build(tiny.Options(), 3, WIDTH)
    return Plain(dropout=0.3 if kind == "dropout" else 0.0)


def run(
    folder: Path,
    kind: str = "plain",
    rooms: int = 4,
    changes: Mapping[str, Any] | None = None,
    taught: float = 0.5,
    **arguments: Any,
) -> Trained:
    """`changes` of OPTIONS; `arguments` of train."""
    return train(
        arguments.pop("network", None) or network(kind),
        arguments.pop("sources", None) or sources(rooms, taught=taught),
        replace(OPTIONS, **(changes or {})),
        folder,
        student={"name": kind, "options": {}},
        **{"device": "cpu", **arguments},
    )


def steps_of(folder: Path) -> list[int]:
    """Steps at which the folder's event files tell a loss, in order."""
    return [step for step, tags in events_of(folder) if "loss_train_batch" in tags]


def events_of(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """(step or epoch, scalars) of all event files, one after another."""
    paths = sorted(folder.glob("events.out.tfevents.*"))
    told = [event for path in paths for event, _ in read_events(path.read_bytes()) if event.summary.value]
    return [(event.step, {value.tag: value.simple_value for value in event.summary.value}) for event in told]


say: Callable[..., None] = partial(print, flush=True)

if __name__ == "__main__":
    torch.set_num_threads(1)
    given = {name: json.loads(value) for name, value in (each.split("=", 1) for each in sys.argv[2:])}
    run(Path(sys.argv[1]), report=lambda progress: say(progress.step), **given)
