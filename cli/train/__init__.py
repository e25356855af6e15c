"""`ovstore train`: make the weights that ovstore ships, and a baseline."""

import time
from pathlib import Path

import click

from .._options.shared import say
from .supervised import command as supervised

_HELD_OUT = 10_000_000  # seeds of held-out scenes start here


@click.group()
def command() -> None:
    """Train a model.

    \b
    Examples:
      ovstore train supervised --labels scannet20 --out mink/
      ovstore train tiny --scenes 240 --steps 3000 --out my-weights/
    """


@command.command()
@click.option("--scenes", default=240, show_default=True, help="Generated scenes to train on.")
@click.option("--views", default=8, show_default=True, help="Images of each scene.")
@click.option("--steps", default=3000, show_default=True, help="Training steps, 32 image windows each.")
@click.option("--seed", default=1_000_000, show_default=True, help="Seed of the first scene; 1000 or more.")
@click.option("--workers", default=2, show_default=True, help="Processes that render.")
@click.option(
    "--pictures", type=click.Path(file_okay=False), help="Folder that keeps the rendered views for the next run."
)
@click.option("--start", type=click.Path(exists=True, dir_okay=False), help="Weights to start from (.safetensors).")
@click.option("--out", type=click.Path(file_okay=False), required=True, help="Folder for tiny.safetensors, tiny.json.")
def tiny(
    scenes: int, views: int, steps: int, seed: int, workers: int, pictures: str | None, start: str | None, out: str
) -> None:
    """Train the weights of the encoder `tiny` from scratch.

    Scenes are rendered first, then used for training; a held-out set is labelled at the end. Seeds below 1000 are
    reserved for demonstrations and tests.

    \b
    Example:
      ovstore train tiny --scenes 240 --steps 3000 --out my-weights/
      ovstore ingest scannet scans/ --encoder tiny --weights my-weights/tiny.safetensors
    """
    from ...core.errors import BadInput
    from ...ingest.training.generated_views import language, pictures_of_scenes
    from ...models.tiny.held_out import label_pictures
    from ...models.tiny.saving import save, weights_to_start_from
    from ...models.tiny.tiny_clip import TinyTrainingOptions, train

    if seed < 1000:
        raise BadInput(f"seed is {seed}; seeds below 1000 are reserved for demonstrations and tests.")
    if min(scenes, views, steps, workers) < 1:
        raise BadInput("scenes, views, steps and workers must each be at least 1.")
    words = language()
    first, earlier = weights_to_start_from(Path(start), words) if start else (None, None)
    held_out = max(1, scenes // 20)
    seeds = [*range(seed, seed + scenes), *range(_HELD_OUT, _HELD_OUT + held_out)]

    started = time.monotonic()
    rendered = []
    for one in pictures_of_scenes(seeds, views, workers, Path(pictures) if pictures else None):
        rendered.append(one)
        if len(rendered) % 50 == 0 or len(rendered) == len(seeds):
            say(f"{len(rendered)} of {len(seeds)} scenes rendered  {_minutes(started)} min", err=True)
    examples = [example for scene in rendered[:scenes] for example in scene]

    def show(step: int, steps: int, losses: dict[str, float]) -> None:
        if step % 50 == 0 or step == steps:
            parts = "  ".join(f"{name} {value:.2f}" for name, value in losses.items())
            say(f"step {step} of {steps}  {parts}  {_minutes(started)} min", err=True)

    options = TinyTrainingOptions(steps=steps)
    model, losses = train(examples, words, options, show, first)
    result = label_pictures(model, [example for scene in rendered[scenes:] for example in scene], words, options)
    notes = {
        "command": f"ovstore train tiny --scenes {scenes} --views {views} --steps {steps} --seed {seed}"
        + (" --start tiny.safetensors" if start else ""),
        "scene_seeds": [seed, seed + scenes - 1],
        "pictures": len(examples),
        "minutes": _minutes(started),
        "losses": {name: round(value, 3) for name, value in losses.items()},
        "held_out_seeds": [_HELD_OUT, _HELD_OUT + held_out - 1],
        "held_out": {name: round(value, 3) for name, value in result.items()},
        "went_on_from": earlier,
    }
    weights, _ = save(Path(out), model, words, options, notes)
    say(
        f"{weights}  {weights.stat().st_size / 1000000.0:.1f} MB  held-out images: mean IoU "
        f"{result['mean_iou']:.2f} over {result['names']} names, pixels {result['pixel_accuracy']:.2f}, colours "
        f"{result['colour_accuracy']:.2f}"
    )


def _minutes(since: float) -> float:
    return round((time.monotonic() - since) / 60, 1)


command.add_command(supervised)
