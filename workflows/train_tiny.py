"""Train tiny: the weights of the encoder `tiny`, from generated views whose every pixel is labelled."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.digests import file_digest
from ..core.errors import BadInput

_HELD_OUT = 10_000_000  # seeds of held-out scenes start here
_WINDOWS = 1  # the seed by which windows are cut


@dataclass(frozen=True)
class TinyRequest:
    """Scenes to render and train on."""

    out: Path  # folder for tiny.safetensors and tiny.json
    scenes: int = 400
    views: int = 10  # images of each scene
    windows: int = 36_000  # cut out of the images once; 92 kB each on disk
    steps: int = 20_000
    seed: int = 1_000_000  # of the first scene; seeds below 1000 are reserved for demonstrations and tests
    workers: int = 2  # processes that render
    pictures: Path | None = None  # keeps the rendered views; None: out/training/pictures
    start: Path | None = None  # weights to start from
    resume: bool = False  # go on where a run with the same request stopped


@dataclass(frozen=True)
class TrainedTiny:
    """The weights, and how well they label held-out images."""

    weights: Path
    held_out: Mapping[str, float]
    minutes: float


def run(
    request: TinyRequest,
    prepared: Callable[[str, int, int], None] = lambda stage, done, total: None,
    step: Callable[[int, int, dict[str, float]], None] = lambda done, total, losses: None,
) -> TrainedTiny:
    """Render, cut windows, train, label a held-out set and save.

    `prepared` hears of scenes and windows, `step` of steps and their losses. Images, windows and the last checkpoint
    stay in out/training: what is there is not made again, and with `resume` training goes on from the checkpoint.
    """
    from ..ingest.training.generated_views import language, render_scenes
    from ..models.tiny.examples import load_examples
    from ..models.tiny.held_out import label_pictures
    from ..models.tiny.kept_training import KeptTraining
    from ..models.tiny.saving import save, weights_to_start_from
    from ..models.tiny.tiny_clip import TinyTrainingOptions, train
    from ..models.tiny.windows import prepare

    _check(request)
    scenes, seed, work = request.scenes, request.seed, request.out / "training"
    words = language()
    first, earlier = weights_to_start_from(request.start, words) if request.start else (None, None)
    options = TinyTrainingOptions(steps=request.steps)
    kept = KeptTraining(work / "checkpoint.pt", _asked(request, options))
    kept.require(request.resume)
    held_out = max(1, scenes // 20)
    seeds = [*range(seed, seed + scenes), *range(_HELD_OUT, _HELD_OUT + held_out)]

    started = time.monotonic()
    files = []
    for file in render_scenes(seeds, request.views, request.workers, request.pictures or work / "pictures"):
        files.append(file)
        prepared("scenes rendered", len(files), len(seeds))
    windows = prepare(
        work / "windows", files[:scenes], request.windows, options.grid, options.window, _WINDOWS, request.workers,
        lambda done, total: prepared("windows cut", done, total),
    )  # fmt: skip
    model, losses = train(windows, words, options, step, first, kept)
    result = label_pictures(model, [one for file in files[scenes:] for one in load_examples(file)], words, options)
    minutes = round((time.monotonic() - started) / 60, 1)
    notes = {
        "command": f"ovstore train tiny --scenes {scenes} --views {request.views} --windows {request.windows} "
        f"--steps {request.steps} --seed {seed}" + (" --start tiny.safetensors" if request.start else ""),
        "scene_seeds": [seed, seed + scenes - 1],
        "pictures": scenes * request.views,
        "minutes": minutes,
        "losses": {name: round(value, 3) for name, value in losses.items()},
        "held_out_seeds": [_HELD_OUT, _HELD_OUT + held_out - 1],
        "held_out": {name: round(value, 3) for name, value in result.items()},
        "went_on_from": earlier,
    }
    weights, _ = save(request.out, model, words, options, notes)
    return TrainedTiny(weights, result, minutes)


def _check(request: TinyRequest) -> None:
    if request.seed < 1000:
        raise BadInput(f"seed is {request.seed}; seeds below 1000 are reserved for demonstrations and tests.")
    if min(request.scenes, request.views, request.windows, request.steps, request.workers) < 1:
        raise BadInput("scenes, views, windows, steps and workers must each be at least 1.")


def _asked(request: TinyRequest, options: Any) -> str:
    """What decides the weights, for people and for a checkpoint."""
    start = "" if request.start is None else f", from {file_digest(request.start)[:12]}"
    return (
        f"{request.scenes} scenes from seed {request.seed}, {request.views} views, {request.windows} windows, "
        f"{options.steps} steps{start}"
    )
