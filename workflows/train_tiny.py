"""Train tiny: the weights of the encoder `tiny`, from generated views whose every pixel is labelled."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import BadInput

_HELD_OUT = 10_000_000  # seeds of held-out scenes start here


@dataclass(frozen=True)
class TinyRequest:
    """Scenes to render and train on."""

    out: Path  # folder for tiny.safetensors and tiny.json
    scenes: int = 240
    views: int = 8  # images of each scene
    steps: int = 3000
    seed: int = 1_000_000  # of the first scene; seeds below 1000 are reserved for demonstrations and tests
    workers: int = 2  # processes that render
    pictures: Path | None = None  # keeps the rendered views for the next run
    start: Path | None = None  # weights to start from


@dataclass(frozen=True)
class TrainedTiny:
    """The weights, and how well they label held-out images."""

    weights: Path
    held_out: Mapping[str, float]
    minutes: float


def run(
    request: TinyRequest,
    rendered: Callable[[int, int], None] = lambda done, total: None,
    step: Callable[[int, int, dict[str, float]], None] = lambda done, total, losses: None,
) -> TrainedTiny:
    """Render, train, label a held-out set and save. `rendered` hears of scenes, `step` of steps and their losses."""
    from ..ingest.training.generated_views import language, pictures_of_scenes
    from ..models.tiny.held_out import label_pictures
    from ..models.tiny.saving import save, weights_to_start_from
    from ..models.tiny.tiny_clip import TinyTrainingOptions, train

    scenes, seed = request.scenes, request.seed
    if seed < 1000:
        raise BadInput(f"seed is {seed}; seeds below 1000 are reserved for demonstrations and tests.")
    if min(scenes, request.views, request.steps, request.workers) < 1:
        raise BadInput("scenes, views, steps and workers must each be at least 1.")
    words = language()
    first, earlier = weights_to_start_from(request.start, words) if request.start else (None, None)
    held_out = max(1, scenes // 20)
    seeds = [*range(seed, seed + scenes), *range(_HELD_OUT, _HELD_OUT + held_out)]

    started = time.monotonic()
    views = []
    for of_scene in pictures_of_scenes(seeds, request.views, request.workers, request.pictures):
        views.append(of_scene)
        rendered(len(views), len(seeds))
    examples = [example for scene in views[:scenes] for example in scene]
    options = TinyTrainingOptions(steps=request.steps)
    model, losses = train(examples, words, options, step, first)
    result = label_pictures(model, [example for scene in views[scenes:] for example in scene], words, options)
    minutes = round((time.monotonic() - started) / 60, 1)
    notes = {
        "command": f"ovstore train tiny --scenes {scenes} --views {request.views} --steps {request.steps} --seed {seed}"
        + (" --start tiny.safetensors" if request.start else ""),
        "scene_seeds": [seed, seed + scenes - 1],
        "pictures": len(examples),
        "minutes": minutes,
        "losses": {name: round(value, 3) for name, value in losses.items()},
        "held_out_seeds": [_HELD_OUT, _HELD_OUT + held_out - 1],
        "held_out": {name: round(value, 3) for name, value in result.items()},
        "went_on_from": earlier,
    }
    weights, _ = save(request.out, model, words, options, notes)
    return TrainedTiny(weights, result, minutes)
