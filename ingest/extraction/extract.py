"""Frames through an encoder: pictures are decoded ahead while the network runs, maps on disk only read."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ...core.errors import BadScene
from ...core.features import FeatureMap
from ...core.scene import Camera, Frame
from ..cameras.resizing import resize_bilinear, resize_nearest
from ..engines import Outcome
from ..files.images import read_image

ImageEncoder = Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]

DECODERS = 2  # threads; decoding releases the interpreter lock
AHEAD = 3  # batches decoded before the network asks for them


@dataclass(frozen=True)
class Picture:
    """What the network is shown: a frame's image, at the size of `camera`."""

    position: int  # in Scene.frames
    frame: Frame
    camera: Camera  # the frame's own, or a smaller one of the same picture
    bilinear: bool = False  # how it becomes smaller; False: by taking the nearest pixels


@lru_cache(maxsize=1)
def image_encoder(name: str, options: Any, device: str) -> ImageEncoder:
    """The network, built once a process."""
    return plugins.load("models.encoders", name).load_image_encoder(options, device)


def extract(pictures: Sequence[Picture], encoder: ImageEncoder, batch: int = 4) -> Iterator[tuple[int, FeatureMap]]:
    """(position, map) of each picture, in order."""
    for outcome in encoded(pictures, decode, encoder, batch):
        if outcome.error is not None:
            raise outcome.error
        yield outcome.item.position, outcome.result


def encoded(
    items: Sequence[Any], read: Callable[[Any], NDArray[np.uint8]], encoder: ImageEncoder, batch: int = 4
) -> Iterator[Outcome]:
    """The map of each item's picture, in order; one that `read` cannot give is an error, and the others go on."""
    batches = [items[start : start + batch] for start in range(0, len(items), batch)]
    with ThreadPoolExecutor(DECODERS) as pool:
        waiting: deque[list[Future[NDArray[np.uint8]]]] = deque()
        for number, current in enumerate(batches):
            for upcoming in batches[number + len(waiting) : number + AHEAD]:
                waiting.append([pool.submit(read, item) for item in upcoming])
            images = waiting.popleft()
            errors = [image.exception() for image in images]
            whole = [image.result() for image, error in zip(images, errors, strict=True) if error is None]
            maps = iter(encoder(whole) if whole else [])
            for item, error in zip(current, errors, strict=True):
                yield Outcome(item, next(maps)) if error is None else Outcome(item, error=error)


def read_maps(
    pictures: Sequence[Picture], maps: Mapping[str, Callable[[], FeatureMap]]
) -> Iterator[tuple[int, FeatureMap]]:
    """(position, map) of each picture, in order, by its frame's name; one at a time, for they are large."""
    return ((picture.position, maps[picture.frame.name]()) for picture in pictures)


def decode(picture: Picture) -> NDArray[np.uint8]:
    """The image, which must have the size its camera says, brought to a smaller one's where that is asked."""
    image, camera = read_image(picture.frame.image_path), picture.frame.camera
    if image.shape[:2] != (camera.height, camera.width):
        raise BadScene(
            f"{picture.frame.image_path}: {image.shape[1]}x{image.shape[0]} pixels; "
            f"its camera says {camera.width}x{camera.height}"
        )
    if picture.camera == camera:
        return image
    return (resize_bilinear if picture.bilinear else resize_nearest)(image, picture.camera)
