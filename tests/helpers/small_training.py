"""A training of seconds on the CPU: rooms of random points, taught what their place says."""

import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch._dynamo  # the first optimiser would, in each process that is started
from ovstore.models.sparse.layers import Convolution, SparseTensor, relu
from ovstore.models.students import tiny
from ovstore.models.training.batches import Batch, batches
from ovstore.models.training.events import read_events
from ovstore.models.training.loop import Trained, train
from ovstore.models.training.options import TrainingOptions
from ovstore.models.training.scenes import TrainingScene, TrainingSource
from torch import nn

CONTEXT = multiprocessing.get_context("forkserver")
WIDTH = 4  # of targets
OPTIONS = TrainingOptions(
    voxel_size=0.25,
    inputs="ones",
    target="representative",
    batch_size=2,
    epochs=3,
    base_lr=0.01,
    elastic_probability=0,
    seed=5,
)


def scene(number: int, points: int = 120, taught: float = 0.5) -> TrainingScene:
    """A box of 2 m; a share of the points is taught."""
    rng = np.random.default_rng(number)
    xyz = rng.uniform(0, 2, (points, 3))
    index = np.flatnonzero(rng.random(points) < taught)
    target = np.column_stack([xyz[index] - 1, np.ones(len(index))]).astype(np.float16)
    return TrainingScene(f"room{number}", xyz, None, index, target)


def sources(rooms: int, bare: int = 0) -> list[TrainingSource]:
    """Rooms 0, 1, ...; the first `bare` of them teach nothing."""
    return [TrainingSource(f"room{n}", partial(scene, n, taught=0 if n < bare else 0.5)) for n in range(rooms)]


def batch() -> Iterator[Batch]:
    """Of the first two rooms."""
    return batches(sources(2), OPTIONS, epoch=0)


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
    bare: int = 0,
    **arguments: Any,
) -> Trained:
    """`changes` of OPTIONS; `arguments` of train."""
    return train(
        arguments.pop("network", None) or network(kind),
        arguments.pop("sources", None) or sources(rooms, bare),
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


def started(folder: Path, environment: Mapping[str, str] = MappingProxyType({}), **arguments: Any) -> BaseProcess:
    """`run` in a process of its own, which is quick to start: torch is imported once for all of them.

    With `last_rename` the process kills itself when it is about to give a finished file its name for that time.
    """
    return process_of(_child, folder, dict(environment), arguments)


def process_of(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """`target`, of a module of tests, at work in a process of its own, in one thread."""
    CONTEXT.set_forkserver_preload(["small_training"])
    with mock.patch.dict(os.environ, {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}):
        process = CONTEXT.Process(target=target, args=arguments)
        process.start()
    return process


def _child(folder: Path, environment: Mapping[str, str], arguments: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    os.environ.update(environment)
    left, replace_file = arguments.pop("last_rename", math.inf), os.replace

    def rename(*paths: Any) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        replace_file(*paths)

    with mock.patch.object(os, "replace", rename):
        run(folder, **arguments)
