"""Weights from files that nobody has to trust: tensors come out, no code from the file is ever run.

Safetensors are read as they are. PyTorch archives (.pt, .pth, .bin, .ckpt) are read with `weights_only=True` and an
allow-list for the NumPy arrays and scalars that scripts leave beside the tensors; TorchScript archives, which are
programs, and compressed archives, which may unfold to any size, are refused with a sentence. Objects of training
frameworks in such archives are replaced by empty ones.
"""

import functools
import pickle
import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from numpy.typing import NDArray
from safetensors import safe_open
from torch import nn

from ..core.digests import file_digest
from ..core.errors import BadInput, BadWeights
from ..core.regular import is_file
from ..core.wording import first_line
from .pickle_check import require_modest

_NUMBERS = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8,
    torch.bool,
}  # fmt: skip
_NESTED_UNDER = (
    "state_dict", "model_state_dict", "model", "module", "model_state", "model_points", "teacher", "student",
)  # fmt: skip
_FRAMEWORKS = {"pytorch_lightning", "lightning", "lightning_fabric", "argparse", "omegaconf", "pathlib", "typing"}
_PREFIXES = ("module.", "_orig_mod.")  # of networks in parallel, and of compiled ones, in any order and number


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint by its name, on the CPU; wrappers such as {'state_dict': ...} are taken off."""
    try:
        there = is_file(path)
    except BadInput as error:
        raise BadWeights(str(error)) from error
    if not there:
        raise BadWeights(f"No weights at {path}.")
    loaded = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    for _ in range(3):  # wrappers come one inside the other
        for key in _NESTED_UNDER:
            if isinstance(nested := loaded.get(key), Mapping):
                loaded = dict(nested)
                break
    tensors = {str(name): value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise BadWeights(f"{path} contains no tensors; a checkpoint with a state dict was expected.")
    for name, tensor in tensors.items():
        require_plain(path, name, tensor)
    return without_prefixes(tensors)


def without_prefixes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors without what wrappers of a network put before all of their names."""
    while prefix := next((p for p in _PREFIXES if tensors and all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


class _Dtype:
    """A dtype of plain numbers as a pickle describes it; anything more could make NumPy take numbers for pointers."""

    def __init__(self, code: str, *_: object) -> None:
        self.dtype = np.dtype(code)
        if self.dtype.kind not in "fiub":
            raise pickle.UnpicklingError(f"arrays of {self.dtype} are not arrays of numbers")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, subdtype, names, fields, _, _, flags = state[:8]
        if (subdtype, names, fields, flags) != (None, None, None, 0):
            raise pickle.UnpicklingError(f"a dtype with the state {state} is not one of plain numbers")
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array as a pickle makes it: empty first, then given its shape, dtype and bytes."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, described, fortran, content = state
        super().__setstate__((version, shape, described.dtype, fortran, content))


def _empty_array(*_: object) -> _Array:
    return _Array((0,), np.uint8)


def _scalar(described: _Dtype, content: bytes) -> Any:
    return multiarray.scalar(described.dtype, content)


_NUMPY: list[Any] = [
    np.ndarray,
    (_Dtype, "numpy.dtype"),
    (_Array, "ovstore.Array"),  # never a name in a file: states may be set of what _empty_array makes
    *((_empty_array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),  # of NumPy 1 and 2
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]


class _Inert:
    """Stands for an object of a training framework that lies beside the tensors: made of anything, does nothing."""

    def __init__(self, *values: object, **named: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _frameworks_objects(path: Path) -> list[Any]:
    """What Lightning keeps in a checkpoint (callbacks, hyper-parameters), each name to mean an `_Inert` of its own."""
    if not zipfile.is_zipfile(path):
        return []
    names = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    return [(type("Inert", (_Inert,), {}), name) for name in names if name.partition(".")[0] in _FRAMEWORKS]


def read_torch(path: Path) -> Any:
    """What torch.save wrote, in either of its formats: tensors (on the CPU), NumPy arrays, containers and numbers.

    Shapes are what the file claims: whoever takes elements checks them, and that tensors hold as many.
    """
    _refuse_unsafe_archive(path)
    try:
        require_modest(path)
        known = [*_NUMPY, *_frameworks_objects(path)]
        with path.open("rb") as file, torch.serialization.safe_globals(known):  # a path would be judged by its suffix
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadWeights(
            f"{path} asks to run code when it is loaded, or is damaged, so it was not loaded; save only its tensors."
        ) from error
    except BadInput as error:
        raise BadWeights(str(error)) from error
    except Exception as error:  # a garbled pickle makes torch and numpy raise whatever they like, MemoryError too
        raise BadWeights(f"{path} is not a readable PyTorch or safetensors file: {first_line(error)}") from error


def require_plain(path: Path, name: str, tensor: torch.Tensor) -> None:
    """BadWeights unless the tensor is a dense one of real numbers, with as many elements as the file can hold."""
    if tensor.layout != torch.strided or tensor.dtype not in _NUMBERS:
        raise BadWeights(
            f"{path}: {name} is a tensor of {tensor.dtype}, {tensor.layout}; a dense one of real numbers was expected."
        )
    size, held = tensor.numel() * tensor.element_size(), path.stat().st_size
    if size > held:  # one number, spread over any shape
        raise BadWeights(
            f"{path}: {name} of shape {tuple(tensor.shape)} claims {size:,} bytes, but the file has {held:,}: the "
            "file does not contain such a shape."
        )


def plain_array(path: Path, name: str, tensor: torch.Tensor) -> NDArray[Any]:
    """The tensor's numbers; those of types that NumPy does not know, such as bfloat16, as float32."""
    require_plain(path, name, tensor)
    tensor = tensor.detach().resolve_neg()
    known = not tensor.is_floating_point() or tensor.dtype in (torch.float16, torch.float32, torch.float64)
    return (tensor if known else tensor.float()).numpy()


def load_into(module: nn.Module, tensors: Mapping[str, torch.Tensor], source: str) -> None:
    """Give `module` the tensors, all of them and no others, as float32; BadWeights says how many keys differ.

    `source` names the file and the model in messages.
    """
    expected = module.state_dict()
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    if missing or unexpected:
        raise BadWeights(
            f"{source} do not fit: {_count(missing, 'missing')}, {_count(unexpected, 'unexpected')}"
            f" of {len(expected)} expected tensors. Is it another model's file?"
        )
    misshapen = [name for name in expected if tensors[name].shape != expected[name].shape]
    if misshapen:
        name = misshapen[0]
        raise BadWeights(
            f"{source} do not fit: {len(misshapen)} tensors have other shapes, such as {name} "
            f"{tuple(tensors[name].shape)} where {tuple(expected[name].shape)} was expected."
        )
    cast = {
        name: tensors[name].to(torch.float32 if expected[name].is_floating_point() else expected[name].dtype)
        for name in expected
    }
    broken = [name for name, tensor in cast.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        raise BadWeights(f"{source} are damaged: {_count(broken, 'not finite')}.")
    module.load_state_dict(cast, assign=True)
    module.requires_grad_(False).eval()


def sha256_of(path: Path) -> str:
    """The file's digest, computed once for as long as size and time of change stay the same."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadWeights(f"No weights at {path}.") from error
    if not stat.S_ISREG(status.st_mode):  # a pipe or a device may never end
        raise BadWeights(
            f"{path} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}; give the weights file."
        )
    try:
        return _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise BadWeights(f"{path}: {error.strerror or error}") from error


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, size: int, changed: int) -> str:
    return file_digest(path)


def _is_safetensors(path: Path) -> bool:
    """By content: eight bytes of header length, then a JSON object. A wrong suffix changes nothing."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and struct.unpack("<Q", head[:8])[0] < path.stat().st_size


def _read_safetensors(path: Path) -> dict[str, object]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except Exception as error:  # also what torch says of types that it does not know, such as F4
        raise BadWeights(f"{path} is a damaged safetensors file: {error}") from error


def _read_torch(path: Path) -> dict[str, object]:
    loaded = read_torch(path)
    if not isinstance(loaded, Mapping):
        raise BadWeights(f"{path} contains a {type(loaded).__name__}; a checkpoint with a state dict was expected.")
    return dict(loaded)


def _refuse_unsafe_archive(path: Path) -> None:
    try:
        if not zipfile.is_zipfile(path):
            return
        entries = zipfile.ZipFile(path).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise BadWeights(f"{path} is a damaged archive: {error}") from error
    if any(Path(entry.filename).name == "constants.pkl" for entry in entries):
        raise BadWeights(
            f"{path} is a TorchScript program (as OpenAI published CLIP), and programs are not run; use the same "
            "weights as .safetensors, such as huggingface.co/timm/vit_base_patch16_clip_224.openai for ViT-B-16."
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadWeights(f"{path} is a compressed archive, which PyTorch never writes; it was not decompressed.")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise BadWeights(f"{path} is a damaged archive: its parts claim more bytes than the file has")


def _count(names: list[str], what: str) -> str:
    examples = f" (such as {', '.join(names[:2])})" if names else ""
    return f"{len(names)} {what}{examples}"
