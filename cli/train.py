"""`ovstore train`: make the weights that ovstore ships."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..models.training.examples import Example

_IMAGE_SIZE = (320, 240)  # width, height in pixels
_HELD_OUT = 10_000_000  # seeds of held-out scenes start here


@click.group()
def command() -> None:
    """Train a model on generated scenes.

    \b
    Example:
      ovstore train tiny --scenes 400 --epochs 8 --out my-weights/
    """


@command.command()
@click.option("--scenes", default=400, show_default=True, help="Generated scenes to train on.")
@click.option("--views", default=8, show_default=True, help="Pictures of each scene.")
@click.option("--epochs", default=8, show_default=True, help="Times that every picture is seen.")
@click.option("--seed", default=1_000_000, show_default=True, help="Seed of the first scene; 1000 or more.")
@click.option("--workers", default=2, show_default=True, help="Processes that render.")
@click.option("--out", type=click.Path(file_okay=False), required=True, help="Folder for tiny.safetensors, tiny.json.")
def tiny(scenes: int, views: int, epochs: int, seed: int, workers: int, out: str) -> None:
    """Make the weights of the encoder `tiny`, from nothing.

    Scenes are rendered first, then trained on; a held-out set is labelled at the end. The seeds below 1000 are left to
    demonstrations and tests.

    \b
    Example:
      ovstore train tiny --scenes 400 --epochs 8 --out my-weights/
    """
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from ..ingest.generated.catalogue import class_names
    from ..ingest.generated.palette import COLOURS, MATERIALS
    from ..models.training.held_out import label_pictures
    from ..models.training.language import language_of
    from ..models.training.saving import save
    from ..models.training.tiny_clip import Options, train
    from ..store.errors import BadInput

    if seed < 1000:
        raise BadInput(f"seed is {seed}; seeds below 1000 are left to demonstrations and tests.")
    language = language_of([*class_names(), "floor", "ceiling", "wall"], COLOURS, MATERIALS)
    options = Options(epochs=epochs)
    held_out = max(1, scenes // 20)
    started = time.monotonic()
    with Progress(console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task("render", total=scenes + held_out)
        rendered: list[list[Example]] = []
        for pictures in _rendered(
            [*range(seed, seed + scenes), *range(_HELD_OUT, _HELD_OUT + held_out)], views, workers
        ):
            rendered.append(pictures)
            bars.advance(bar)
        examples = [example for pictures in rendered[:scenes] for example in pictures]
        rendering_minutes = (time.monotonic() - started) / 60
        bar = bars.add_task("train")
        click.echo(f"{len(examples)} pictures of {scenes} scenes rendered in {rendering_minutes:.1f} min", err=True)

        def show(step: int, steps: int, losses: dict[str, float]) -> None:
            bars.update(bar, total=steps, completed=step)
            if step % 100 == 0 or step == steps:
                parts = " ".join(f"{name} {value:.2f}" for name, value in losses.items())
                click.echo(f"step {step} of {steps}: {parts}", err=True)

        model, losses = train(examples, language, options, show)
    result = label_pictures(model, [example for pictures in rendered[scenes:] for example in pictures], language)
    notes: dict[str, Any] = {
        "command": f"ovstore train tiny --scenes {scenes} --views {views} --epochs {epochs} --seed {seed}",
        "scene_seeds": [seed, seed + scenes - 1],
        "pictures": len(examples),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "losses": {name: round(value, 3) for name, value in losses.items()},
        "held_out_seeds": [_HELD_OUT, _HELD_OUT + held_out - 1],
        "held_out": {name: round(value, 3) for name, value in result.items()},
    }
    weights, _ = save(Path(out), model, language, options, notes)
    megabytes = weights.stat().st_size / 1e6
    click.echo(
        f"{weights}  {megabytes:.1f} MB  held-out pictures: mean IoU {result['mean_iou']:.2f} over {result['names']} "
        f"names, pixel accuracy {result['pixel_accuracy']:.2f}, colours {result['colour_accuracy']:.2f}"
    )


def _rendered(seeds: list[int], views: int, workers: int) -> "Iterator[list[Example]]":
    """The pictures of each scene, in the order of the seeds."""
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_pictures, views=views), seeds, chunksize=4)


def _pictures(seed: int, views: int) -> "list[Example]":
    """Views of one generated scene, with two planted things so that the rare ones are seen often."""
    import numpy as np

    from ..ingest.generated.catalogue import class_names
    from ..ingest.generated.scene import Options, generate_scene, render, scannet_cameras
    from ..models.training.examples import Example
    from ..models.training.phrases import Thing
    from ..store.errors import BadInput

    rng = np.random.default_rng([seed, 1])
    planted = tuple(str(name) for name in rng.choice(class_names(rare=True), 2, replace=False))
    try:
        scene = generate_scene(seed, Options(frames=views, planted=planted, planted_views=2))
    except BadInput:  # no place for the planted things in this room
        scene = generate_scene(seed, Options(frames=views))
    things = tuple(Thing(o.label, o.thing.colour or "", o.thing.material or "") for o in scene.objects)
    camera = scannet_cameras(color_size=_IMAGE_SIZE)[0]
    pictures = (render(scene, camera, pose) for pose in scene.camera_to_world)
    return [Example(picture.rgb, picture.instance.astype(np.int16), things) for picture in pictures]
