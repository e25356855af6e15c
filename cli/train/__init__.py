"""`ovstore train`: make the weights that ovstore ships, and a baseline."""

import time
from pathlib import Path

import click

from .._output.printing import say
from .supervised import command as supervised


@click.group()
def command() -> None:
    """Train a model.

    \b
    Examples:
      ovstore train supervised --labels scannet20 --out mink/
      ovstore train tiny --out my-weights/
    """


@command.command()
@click.option("--scenes", default=400, show_default=True, help="Generated scenes to train on.")
@click.option("--views", default=10, show_default=True, help="Images of each scene.")
@click.option("--windows", default=36_000, show_default=True, help="Windows cut out of the images; 92 kB each on disk.")
@click.option("--steps", default=20_000, show_default=True, help="Training steps, 10 windows each.")
@click.option("--seed", default=1_000_000, show_default=True, help="Seed of the first scene; 1000 or more.")
@click.option("--workers", default=2, show_default=True, help="Processes that render.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False),
    help="Folder of the rendered views  [default: OUT/training/pictures]",
)
@click.option("--start", type=click.Path(exists=True, dir_okay=False), help="Weights to start from (.safetensors).")
@click.option("--out", type=click.Path(file_okay=False), required=True, help="Folder for tiny.safetensors, tiny.json.")
@click.option("--resume", is_flag=True, help="Continue a training run that was stopped, with the same options.")
def tiny(
    scenes: int,
    views: int,
    windows: int,
    steps: int,
    seed: int,
    workers: int,
    pictures: str | None,
    start: str | None,
    out: str,
    resume: bool,
) -> None:
    """Train the weights of the encoder `tiny` from scratch.

    Scenes are rendered, windows are cut out of the images, the network is trained, and a held-out set is labelled at
    the end. OUT/training keeps all of it: a run that was stopped continues with --resume. Seeds below 1000 are reserved
    for demonstrations and tests.

    \b
    Example:
      ovstore train tiny --out my-weights/
      ovstore ingest scannet scans/ --encoder tiny --weights my-weights/tiny.safetensors
    """
    from ...workflows import train_tiny

    request = train_tiny.TinyRequest(
        Path(out), scenes, views, windows, steps, seed, workers, Path(pictures) if pictures else None,
        Path(start) if start else None, resume,
    )  # fmt: skip
    started = time.monotonic()

    def prepared(stage: str, done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            say(f"{done:,} of {total:,} {stage}  {_minutes(started)} min", err=True)

    def step(done: int, total: int, losses: dict[str, float]) -> None:
        if done % 100 == 0 or done == total:
            parts = "  ".join(f"{name} {value:.2f}" for name, value in losses.items())
            say(f"step {done} of {total}  {parts}  {_minutes(started)} min", err=True)

    trained = train_tiny.run(request, prepared, step)
    found = trained.held_out
    say(
        f"{trained.weights}  {trained.weights.stat().st_size / 1e6:.1f} MB  held-out images: mean IoU "
        f"{found['mean_iou']:.2f} over {found['names']} names, pixels {found['pixel_accuracy']:.2f}, colours "
        f"{found['colour_accuracy']:.2f}"
    )


def _minutes(since: float) -> float:
    return round((time.monotonic() - since) / 60, 1)


command.add_command(supervised)
