"""Generated scenes as training images of the tiny model: views in which the thing behind every pixel is known."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ...core.errors import BadInput
from ...models.tiny.examples import Example, load_examples, save_examples
from ...models.tiny.language import language_of
from ...models.tiny.phrases import Language, Thing
from ..generated.catalogue import class_names
from ..generated.palette import COLOURS, MATERIALS
from ..generated.scene import SceneOptions, generate_scene, render, scannet_cameras

IMAGE_SIZES = ((320, 240), (480, 360))  # width, height in pixels; scenes take turns
_PLANTED = 2  # rare things in each scene, so that they are seen as often as others


def language() -> Language:
    """The words for what generated scenes hold."""
    return language_of([*class_names(), "floor", "ceiling", "wall"], COLOURS, MATERIALS)


def pictures_of_scenes(
    seeds: Sequence[int], views: int, workers: int, folder: Path | None = None
) -> Iterator[list[Example]]:
    """The views of each scene, in the order of the seeds; `folder` keeps them for the next time."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(partial(_pictures, views=views, folder=folder), seeds, chunksize=4)


def _pictures(seed: int, views: int, folder: Path | None) -> list[Example]:
    if folder is None:
        return _render(seed, views)
    path = folder / f"{seed}-{views}.npz"
    if not path.exists():
        save_examples(path, _render(seed, views))
    return load_examples(path)


def _render(seed: int, views: int) -> list[Example]:
    rng = np.random.default_rng([seed, 1])
    planted = tuple(str(name) for name in rng.choice(class_names(rare=True), _PLANTED, replace=False))
    try:
        scene = generate_scene(seed, SceneOptions(frames=views, planted=planted, planted_views=2))
    except BadInput:  # the room has no place for these
        scene = generate_scene(seed, SceneOptions(frames=views))
    things = tuple(Thing(o.label, o.thing.colour or "", o.thing.material or "") for o in scene.objects)
    camera = scannet_cameras(color_size=IMAGE_SIZES[seed % len(IMAGE_SIZES)])[0]
    rendered = (render(scene, camera, pose) for pose in scene.camera_to_world)
    return [Example(one.rgb, one.instance.astype(np.int16), things) for one in rendered]
