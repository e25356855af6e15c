"""What OpenSeg's SavedModel says of itself, read from its files alone: TensorFlow runs it, but need not describe it.

exported_model/
    saved_model.pb                  graph and signatures, a protobuf message of type SavedModel
    variables/variables.index       and its variables.data-*, the weights
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import BadWeights
from ..safe_load import sha256_of

TAG = "serve"
SIGNATURE = "serving_default"
INPUTS = ("inp_image_bytes", "inp_text_emb")
REGIONS, PIXELS = "ppixel_ave_feat", "image_embedding_feat"  # averaged over proposed regions; each pixel's own
OUTPUTS = ("image_info", REGIONS, PIXELS)
PUBLISHED_AT = "gs://cloud-tpu-checkpoints/detection/projects/openseg/colab/exported_model"

_USUAL_DIM = 768  # of CLIP ViT-L/14@336px, where the signature leaves it open
_LARGEST = 1 << 31  # bytes that a protobuf message can have
_EXPECTED = f"OpenSeg's folder exported_model (saved_model.pb and variables/) was expected, from {PUBLISHED_AT}."

# Numbers of the fields on the way to a shape, in tensorflow/core/protobuf/{saved_model,meta_graph}.proto and
# tensorflow/core/framework/tensor_shape.proto. A map is a list of entries: key 1, value 2.
_META_GRAPHS = 2
_META_INFO, _SIGNATURES = 1, 5
_TAGS = 4
_KEY, _VALUE = 1, 2
_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS = 1, 2
_SHAPE = 3
_DIM, _SIZE = 2, 1


@dataclass(frozen=True)
class SavedModel:
    """A folder that has been looked at: it has the tag, the signature and the names of OpenSeg."""

    folder: Path
    dim: int  # numbers of a vector
    digest: str  # sha256 over its graph and weights


def read_saved_model(folder: Path) -> SavedModel:
    """BadWeights, in a sentence, where it is not OpenSeg's."""
    graph = folder / "saved_model.pb"
    if not graph.is_file():
        raise BadWeights(f"{folder} contains no saved_model.pb; {_EXPECTED}")
    weights = sorted((folder / "variables").glob("variables.*"))
    if not any(path.suffix == ".index" for path in weights) or len(weights) < 2:
        raise BadWeights(f"{folder} is incomplete: variables.index or variables.data-* is missing. {_EXPECTED}")
    inputs, outputs = _signature(graph)
    for kind, wanted, found in (("input", INPUTS, inputs), ("output", OUTPUTS, outputs)):
        if missing := [name for name in wanted if name not in found]:
            raise BadWeights(
                f"{graph} is another network: it has no {kind} {' or '.join(missing)} (but "
                f"{', '.join(sorted(found)) or 'none'}). {_EXPECTED}"
            )
    lengths = [outputs[name][-1] for name in (REGIONS, PIXELS) if outputs[name]]
    dim = next((length for length in lengths if length > 0), _USUAL_DIM)
    return SavedModel(folder, dim, _digest([graph, *weights]))


def _signature(graph: Path) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Shapes of its inputs and outputs by name; unknown sizes are -1, an unknown shape is empty."""
    if graph.stat().st_size > _LARGEST:
        raise BadWeights(f"{graph} is larger than a SavedModel can be. {_EXPECTED}")
    try:
        for meta_graph in _all(memoryview(graph.read_bytes()), _META_GRAPHS):
            tags = [bytes(tag) for info in _all(meta_graph, _META_INFO) for tag in _all(info, _TAGS)]
            signature = _map(meta_graph, _SIGNATURES).get(SIGNATURE)
            if TAG.encode() in tags and signature is not None:
                inputs, outputs = (_map(signature, number) for number in (_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS))
                return _shapes(inputs), _shapes(outputs)
    except (ValueError, IndexError) as error:
        raise BadWeights(f"{graph} is not a SavedModel of TensorFlow. {_EXPECTED}") from error
    raise BadWeights(f"{graph} has no signature {SIGNATURE} under the tag {TAG}. {_EXPECTED}")


def _shapes(tensors: dict[str, memoryview]) -> dict[str, list[int]]:
    return {
        name: [_size(dim) for shape in _all(tensor, _SHAPE) for dim in _all(shape, _DIM)]
        for name, tensor in tensors.items()
    }


def _size(dim: memoryview) -> int:
    """Minus one is written as 64 set bits, zero as nothing."""
    size = next((value for number, value in _fields(dim) if number == _SIZE and isinstance(value, int)), 0)
    return size - (1 << 64) if size >> 63 else size


def _map(message: memoryview, number: int) -> dict[str, memoryview]:
    entries = _all(message, number)
    return {
        bytes(key).decode(): value for entry in entries for key in _all(entry, _KEY) for value in _all(entry, _VALUE)
    }


def _all(message: memoryview, number: int) -> Iterator[memoryview]:
    """The fields of that number that have a length: messages and strings."""
    return (value for found, value in _fields(message) if found == number and isinstance(value, memoryview))


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field (protobuf.dev/programming-guides/encoding)."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of kind {kind}")
        length, at = _varint(message, at) if kind == 2 else (8 if kind == 1 else 4, at)
        if at + length > len(message):
            raise ValueError("a field extends past the end")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Seven bits a byte, lowest first, at most ten bytes; and where the next thing begins."""
    value = 0
    for byte in range(10):
        value |= (message[at + byte] & 127) << (7 * byte)
        if message[at + byte] < 128:
            return value, at + byte + 1
    raise ValueError("a number without an end")


def _digest(paths: list[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.name} {sha256_of(path)}\n".encode())
    return found.hexdigest()
