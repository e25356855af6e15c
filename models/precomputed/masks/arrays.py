"""The masks of one frame in a .npy or .npz: an id image (h, w), or a stack (M, h, w) that is read plane by plane."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.arrays import map_npy
from ....core.errors import BadInput
from ....core.frame_masks import FrameMasks
from ...pictures import check_size
from ..arrays import Member, array, members
from .layers import MAX_MASKS, from_ids, packed

_USUAL = ("masks", "segmentation", "segmentations", "pred_masks", "ids")  # names of one array among several


def read_npy(path: Path) -> FrameMasks:
    """Still on disk where it is a stack."""
    stored = map_npy(path)
    if stored.ndim == 2:
        check_size(path, stored.shape[1], stored.shape[0])
        return from_ids(path, np.asarray(stored))
    _require_stack(path, stored.shape, stored.dtype)
    return packed(path, (_inside(path, plane) for plane in stored), *stored.shape[1:])


def read_npz(path: Path) -> FrameMasks:
    """The only id image or stack, or the one with a usual name."""
    found = {name: one for name, one in members(path).items() if len(one.shape) in (2, 3)}
    chosen = [name for name in _USUAL if name in found][:1] or list(found)
    if len(chosen) != 1:
        raise BadInput(
            f"{path}: holds {', '.join(sorted(found)) or 'no arrays of 2 or 3 axes'}; ids (height, width) or a stack "
            "(masks, height, width), called 'masks' where there are several arrays, were expected."
        )
    member = found[chosen[0]]
    if len(member.shape) == 2:
        check_size(path, member.shape[1], member.shape[0])
        return from_ids(path, array(path, member.name))
    _require_stack(path, member.shape, member.dtype)
    return packed(path, _planes(member), *member.shape[1:])


def _planes(member: Member) -> Iterator[NDArray[np.bool_]]:
    for plane in member.planes():
        yield _inside(member.path, plane)


def _require_stack(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if len(shape) != 3 or dtype.kind not in "iub":
        raise BadInput(
            f"{path}: an array of {dtype} and shape {shape}; ids (height, width), or booleans (masks, height, width), "
            "were expected."
        )
    if shape[0] > MAX_MASKS:
        raise BadInput(f"{path}: a stack of {shape[0]:,} masks; at most {MAX_MASKS:,} are read of a frame.")
    check_size(path, shape[2], shape[1])


def _inside(path: Path, plane: NDArray[Any]) -> NDArray[np.bool_]:
    """A plane of booleans, or of numbers of which one stands for the mask: 1, 255."""
    inside: NDArray[np.bool_] = np.asarray(plane) != 0
    if plane.dtype.kind != "b" and inside.any() and plane[inside].min() != plane[inside].max():
        raise BadInput(f"{path}: a plane with several numbers; each plane of a stack is one mask, 0 outside of it.")
    return inside
