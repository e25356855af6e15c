"""Generated scenes as training images of the tiny model: views in which the thing behind every pixel is known."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ...core.errors import BadInput
from ...models.tiny.examples import Example, save_examples
from ...models.tiny.language import language_of
from ...models.tiny.phrases import Language, Thing
from ..generated.catalogue import class_names
from ..generated.palette import COLOURS, MATERIALS
from ..generated.scene import SceneOptions, generate_scene, render, scannet_cameras

IMAGE_SIZES = ((320, 240), (480, 360))  # width, height in pixels; scenes take turns
_PLANTED = 3  # rare things in each scene, so that they are seen as often as others
_SMALLEST = 0.15  # of the planted things' true size; a room takes its own between that and 1
_CLUTTER = 1.4  # small things, as a multiple of what a room for a test holds


def language() -> Language:
    """The words for what generated scenes hold."""
    return language_of([*class_names(), "floor", "ceiling", "wall"], COLOURS, MATERIALS)


def render_scenes(seeds: Sequence[int], views: int, workers: int, folder: Path) -> Iterator[Path]:
    """A file of the views of each scene (`load_examples` reads it), in the order of the seeds; those there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_pictures, views=views, folder=folder), seeds, chunksize=4)


def _pictures(seed: int, views: int, folder: Path) -> Path:
    path = folder / f"{seed}-{views}-small.npz"
    if not path.exists():
        save_examples(path, _render(seed, views))
    return path


def _render(seed: int, views: int) -> list[Example]:
    rng = np.random.default_rng([seed, 1])
    planted = tuple(str(name) for name in rng.choice(class_names(rare=True), _PLANTED, replace=False))
    scale = float(_SMALLEST ** (rng.random() ** 2))  # half of them above .6
    try:
        options = SceneOptions(views, planted, planted_scale=scale, planted_views=0, clutter=_CLUTTER)
        scene = generate_scene(seed, options)
    except BadInput:  # the room has no place for these
        scene = generate_scene(seed, SceneOptions(frames=views))
    things = tuple(Thing(o.label, o.thing.colour or "", o.thing.material or "") for o in scene.objects)
    camera = scannet_cameras(color_size=IMAGE_SIZES[seed % len(IMAGE_SIZES)])[0]
    rendered = (render(scene, camera, pose) for pose in scene.camera_to_world)
    return [Example(one.rgb, one.instance.astype(np.int16), things) for one in rendered]
