"""Where a network runs, and with what numbers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ContextDecorator, contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import BadInput

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
BATCH_PIXELS = 4_000_000  # of one batch on CUDA: 13 pictures of 640x480


def device_of(name: str) -> torch.device:
    """ "auto" (CUDA where there is one), "cpu" or "cuda" as torch knows it."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput("device is 'cuda', but PyTorch sees no CUDA device here; use 'cpu' or 'auto'.")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise BadInput(f"device is {name!r}: auto, cpu or cuda was expected.") from error
    if found.type not in ("cpu", "cuda"):
        raise BadInput(f"device is {name!r}, which nothing here was written for; auto, cpu or cuda was expected.")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise BadInput(
            f"device is {name!r}, but PyTorch sees {torch.cuda.device_count()} CUDA devices, from cuda:0 on."
        )
    return found


@contextmanager
def out_of_memory_as(sentence: str) -> Iterator[None]:
    """BadInput with `sentence` where a device runs out of memory inside."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise BadInput(sentence) from error


def images_fitting(device: torch.device) -> ContextDecorator:
    """Around an encoder's work on images."""
    return out_of_memory_as(f"The images do not fit into the memory of {device}: take a smaller long_side, or the CPU.")


def require_precision(option: str) -> None:
    """BadInput unless `option` is "auto" or a key of PRECISIONS."""
    if option not in {"auto", *PRECISIONS}:
        raise BadInput(f"precision is {option!r}; auto, {', '.join(PRECISIONS)} was expected.")


def precision_of(option: str, device: torch.device, on_cuda: torch.dtype = torch.float16) -> torch.dtype:
    """The type that `option` names; for "auto" float32 on the CPU and `on_cuda` on CUDA."""
    if option != "auto":
        return PRECISIONS[option]
    return on_cuda if device.type == "cuda" else torch.float32


def lowered(device: torch.device, precision: torch.dtype) -> AbstractContextManager[object]:
    """Autocast to `precision`, or nothing for float32."""
    lower = precision != torch.float32
    return torch.autocast(device.type, dtype=precision if lower else None, enabled=lower)


def to_device(pixels: Tensor, device: torch.device) -> Tensor:
    """The tensor on `device`; through pinned memory and without waiting on CUDA."""
    return pixels.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else pixels.to(device)


def batches(
    images: Sequence[NDArray[np.uint8]], pixels_of: Callable[[NDArray[np.uint8]], Tensor], together: bool
) -> Iterator[tuple[list[int], Tensor]]:
    """Positions and stacked pixels (B, 3, H, W); `together` puts pictures of equal size into one batch.

    On the CPU pictures had better go one at a time: sums then never depend on what else is in the batch.
    """
    waiting: dict[tuple[int, ...], list[tuple[int, Tensor]]] = {}
    for position, image in enumerate(images):
        pixels = pixels_of(image)
        same = waiting.setdefault(tuple(pixels.shape), [])
        same.append((position, pixels))
        if not together or (len(same) + 1) * pixels.shape[1] * pixels.shape[2] > BATCH_PIXELS:
            del waiting[tuple(pixels.shape)]
            yield [i for i, _ in same], torch.stack([p for _, p in same])
    for same in waiting.values():
        yield [i for i, _ in same], torch.stack([p for _, p in same])
