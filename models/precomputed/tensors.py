"""Tensors in .pt, .pth and .safetensors as arrays; bfloat16, which NumPy does not know, becomes float32."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ...store.errors import BadInput
from ..safe_load import read_torch
from .arrays import require_numbers


def arrays(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    """The file's tensors and arrays by name: "" for one alone, "0", "1" in a list, keys joined by dots where nested."""
    if path.suffix.lower() == ".safetensors":
        return _safetensors(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such file.")
    size = path.stat().st_size
    return {
        name: lambda value=value: _array(path, value, size)  # type: ignore[misc]
        for name, value in _flat("", read_torch(path), 3)
    }


def _flat(name: str, value: Any, depth: int) -> list[tuple[str, Any]]:
    if isinstance(value, torch.Tensor | np.ndarray):
        return [(name, value)]
    if depth == 0 or not isinstance(value, Mapping | list | tuple):
        return []
    parts = value.items() if isinstance(value, Mapping) else enumerate(value)
    return [leaf for key, part in parts for leaf in _flat(f"{name}.{key}".lstrip("."), part, depth - 1)]


def _array(path: Path, value: torch.Tensor | NDArray[Any], file_size: int) -> NDArray[Any]:
    """A tensor that has the elements it claims to have."""
    if isinstance(value, np.ndarray):
        found = value
    elif value.layout != torch.strided or value.is_quantized or value.is_complex():
        raise BadInput(f"{path}: a tensor of {value.dtype}, {value.layout}; a dense one of real numbers was expected.")
    elif (size := value.numel() * value.element_size()) > file_size:
        raise BadInput(
            f"{path}: a tensor of shape {tuple(value.shape)} claims {size:,} bytes; the file has {file_size:,}."
        )
    else:
        value = value.detach()
        known = not value.is_floating_point() or value.dtype in (torch.float16, torch.float32, torch.float64)
        found = (value if known else value.float()).numpy()
    return require_numbers(path, found)


def _safetensors(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    def load(name: str) -> NDArray[Any]:
        with _opened(path) as file:
            return _array(path, file.get_tensor(name), path.stat().st_size)

    with _opened(path) as file:
        return {name: lambda name=name: load(name) for name in file.keys()}  # type: ignore[misc]  # noqa: SIM118


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as safetensors: {error}") from error
