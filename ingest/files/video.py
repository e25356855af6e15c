"""Images of a video, decoded once and kept as JPEGs.

Frames are counted from 0 as they are shown. Pixels come as they are stored: a rotation that players are told to apply
is not applied, for cameras are calibrated to the stored ones.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.budget import Budget
from ...core.errors import BadInput, BadScene, MissingPackage
from ...core.plugins import missing_package_sentence
from ...core.wording import reason
from ...models.pictures import check_size
from .derived import derived_folder, made_once


def unpack_images(video: Path, numbers: Sequence[int], unpacked: Path) -> dict[int, Path]:
    """Number -> file below `unpacked` of the frames `numbers`; those after the video's end have none."""
    folder = derived_folder(unpacked, [video], "video 1: jpeg 95")
    targets = {number: folder / f"{number:06d}.jpg" for number in numbers}
    lacking = {number for number, target in targets.items() if not target.is_file()}
    if lacking:
        for number, pixels in enumerate(_decoded(video, max(lacking) + 1, lacking)):
            if pixels is not None:
                made_once(targets[number], partial(_save, pixels))
    return {number: target for number, target in targets.items() if target.is_file()}


def _decoded(path: Path, count: int, wanted: set[int]) -> Iterator[NDArray[np.uint8] | None]:
    """The first `count` frames, those that are wanted as (H, W, 3) pixels."""
    av = _av()
    Budget(path).take_items(count)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadScene(f"{path}: a video without images")
            stream = container.streams.video[0]
            check_size(path, stream.codec_context.width, stream.codec_context.height)
            stream.thread_type = "AUTO"
            for number, frame in enumerate(container.decode(stream)):
                if number == count:
                    return
                check_size(path, frame.width, frame.height)
                yield frame.to_ndarray(format="rgb24") if number in wanted else None
    except (BadInput, MissingPackage):
        raise
    except (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError) as error:
        detail = reason(error)[:120]
        raise BadScene(f"{path}: cannot be read as a video: {detail}") from error


def _save(pixels: NDArray[np.uint8], target: Path) -> None:
    Image.fromarray(pixels).save(target, "jpeg", quality=95, subsampling=0)


def _av() -> ModuleType:
    try:
        import av
    except ModuleNotFoundError as error:
        raise MissingPackage(missing_package_sentence("images of a video", "av")) from error
    return av
