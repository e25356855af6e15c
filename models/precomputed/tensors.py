"""Tensors in .pt, .pth and .safetensors as arrays; bfloat16, which NumPy does not know, becomes float32."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ...core.arrays import require_numbers
from ...core.budget import Budget
from ...core.errors import BadInput
from ...core.regular import require_file
from ...core.wording import first_line
from ..safe_load import plain_array, read_torch


def arrays(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    """The file's tensors and arrays by name: "" for one alone, "0", "1" in a list, keys joined by dots where nested."""
    if path.suffix.lower() == ".safetensors":
        return _safetensors(path)
    budget = Budget(path)
    return {
        name: lambda name=name, value=value: _array(path, name, value)  # type: ignore[misc]
        for name, value in _flat("", read_torch(path), 3, budget)
    }


def _flat(name: str, value: Any, depth: int, budget: Budget) -> list[tuple[str, Any]]:
    budget.take_items()
    if isinstance(value, torch.Tensor | np.ndarray):
        return [(name, value)]
    if depth == 0 or not isinstance(value, Mapping | list | tuple):
        return []
    parts = value.items() if isinstance(value, Mapping) else enumerate(value)
    return [leaf for key, part in parts for leaf in _flat(f"{name}.{key}".lstrip("."), part, depth - 1, budget)]


def _array(path: Path, name: str, value: torch.Tensor | NDArray[Any]) -> NDArray[Any]:
    """A tensor that has the elements it claims to have."""
    numbers = value if isinstance(value, np.ndarray) else plain_array(path, name or "it", value)
    return require_numbers(path, numbers, empty=False)


def _safetensors(path: Path) -> dict[str, Callable[[], NDArray[Any]]]:
    def load(name: str) -> NDArray[Any]:
        with _opened(path) as file:
            try:
                tensor = file.get_tensor(name)
            except Exception as error:  # torch's own words for types that it does not know, such as F4
                raise BadInput(f"{path}: {name} cannot be read: {first_line(error)[:200]}") from error
            return _array(path, name, tensor)

    with _opened(path) as file:
        return {name: lambda name=name: load(name) for name in file.keys()}  # type: ignore[misc]  # noqa: SIM118


def _opened(path: Path) -> Any:
    require_file(path)
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as safetensors: {error}") from error
