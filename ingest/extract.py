"""Frames through an encoder: pictures are decoded ahead while the network runs."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..store import plugins
from ..store.errors import BadScene
from ..store.features import FeatureMap
from ..store.scene import Frame
from .images import read_image

ImageEncoder = Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]

DECODERS = 2  # threads; decoding releases the interpreter lock
AHEAD = 3  # batches decoded before the network asks for them


@lru_cache(maxsize=1)
def image_encoder(name: str, options: Any, device: str) -> ImageEncoder:
    """The network, built once a process."""
    return plugins.load("models.encoders", name).load_image_encoder(options, device)


def extract(
    frames: Sequence[tuple[int, Frame]], encoder: ImageEncoder, batch: int = 4
) -> Iterator[tuple[int, FeatureMap]]:
    """A map for each (position, frame), in order. The images must have the size their cameras say."""
    batches = [frames[start : start + batch] for start in range(0, len(frames), batch)]
    with ThreadPoolExecutor(DECODERS) as pool:
        waiting: deque[tuple[Sequence[tuple[int, Frame]], list[Future[NDArray[np.uint8]]]]] = deque()
        for upcoming in batches[:AHEAD]:
            waiting.append((upcoming, [pool.submit(_decode, frame) for _, frame in upcoming]))
        for number in range(len(batches)):
            current, images = waiting.popleft()
            if number + AHEAD < len(batches):
                upcoming = batches[number + AHEAD]
                waiting.append((upcoming, [pool.submit(_decode, frame) for _, frame in upcoming]))
            maps = encoder([image.result() for image in images])
            yield from ((position, feature_map) for (position, _), feature_map in zip(current, maps, strict=True))


def _decode(frame: Frame) -> NDArray[np.uint8]:
    image = read_image(frame.image_path)
    if image.shape[:2] != (frame.camera.height, frame.camera.width):
        raise BadScene(
            f"{frame.image_path}: {image.shape[1]}x{image.shape[0]} pixels; "
            f"its camera says {frame.camera.width}x{frame.camera.height}"
        )
    return image
