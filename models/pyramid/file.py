"""A patch pyramid as a file: safetensors, with the embedding space in its header. 3.5 MB for a 4032x3024 picture."""

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...core.errors import BadInput
from ...core.features import EmbeddingSpace
from .patches import PatchPyramid

_TYPES = {"boxes_xyxy": np.int16, "scale": np.uint8, "embeddings": np.float16}


def write_pyramid(path: Path, pyramid: PatchPyramid, space: EmbeddingSpace) -> None:
    """Write under another name, then rename: a reader never meets half a file."""
    header = {
        "clip_pyramid": json.dumps({"height": pyramid.height, "width": pyramid.width}),
        "space": json.dumps({name: getattr(space, name) for name in ("name", "dim", "digest", "logit_scale")}),
    }
    part = path.with_name(path.name + ".part")
    save_file({name: np.ascontiguousarray(getattr(pyramid, name)) for name in _TYPES}, part, header)
    os.replace(part, path)


def read_pyramid(path: Path) -> tuple[PatchPyramid, EmbeddingSpace]:
    """What `write_pyramid` wrote; BadInput says what is wrong with another file."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            size, space = json.loads(header["clip_pyramid"]), EmbeddingSpace(**json.loads(header["space"]))
            arrays = {name: file.get_tensor(name) for name in _TYPES}
            pyramid = PatchPyramid(height=int(size["height"]), width=int(size["width"]), **arrays)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a file of patch embeddings: {error}") from error
    for name, kind in _TYPES.items():
        if arrays[name].dtype != kind:
            raise BadInput(f"{path}: {name} is {arrays[name].dtype}; {np.dtype(kind)} was expected.")
    if arrays["embeddings"].shape[1] != space.dim:
        raise BadInput(f"{path}: vectors of length {arrays['embeddings'].shape[1]} in a space of {space.dim}.")
    return pyramid, space
