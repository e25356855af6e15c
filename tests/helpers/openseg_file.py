"""SavedModels with the original's tag, signature and names: described by hand, or written by TensorFlow."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from ovstore.models.openseg.network import VARIABLE

FAKE = Path(__file__).with_name("openseg_fake")  # on PYTHONPATH, its tensorflow.py is what `import tensorflow` finds
INPUTS: dict[str, tuple[int, ...]] = {"inp_image_bytes": (), "inp_text_emb": (-1, -1, 768)}
OUTPUTS: dict[str, tuple[int, ...]] = {
    "image_info": (4, 2),
    "ppixel_ave_feat": (1, 64, 64, 24),
    "image_embedding_feat": (1, 64, 64, 24),
}


def describe(
    folder: Path,
    inputs: Mapping[str, tuple[int, ...]] = INPUTS,
    outputs: Mapping[str, tuple[int, ...]] = OUTPUTS,
    tag: str = "serve",
    signature: str = "serving_default",
) -> Path:
    """A folder whose saved_model.pb says what it is, but holds no graph; its weights are a few bytes."""
    tensors = _map(1, {name: _shape(shape) for name, shape in inputs.items()})
    tensors += _map(2, {name: _shape(shape) for name, shape in outputs.items()})
    meta_graph = _field(1, _field(4, tag.encode())) + _map(5, {signature: tensors})
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(bytes([1 << 3, 1]) + _field(2, meta_graph))
    (folder / "variables/variables.index").write_bytes(b"index")
    (folder / "variables/variables.data-00000-of-00001").write_bytes(b"weights")
    return folder


def with_stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that is run by the stand-in for TensorFlow."""
    monkeypatch.setenv("PYTHONPATH", str(FAKE))
    monkeypatch.delenv(VARIABLE, raising=False)
    return describe(folder)


def save_with_tensorflow(folder: Path, python: str, side: int, dim: int) -> Path:
    """One that runs, written in TensorFlow 1's way by a Python that has TensorFlow."""
    subprocess.run([python, "-c", _WRITE, str(folder), str(side), str(dim)], check=True, capture_output=True)
    return folder


def _map(number: int, values: Mapping[str, bytes]) -> bytes:
    return b"".join(_field(number, _field(1, key.encode()) + _field(2, value)) for key, value in values.items())


def _shape(sizes: tuple[int, ...]) -> bytes:
    return _field(3, b"".join(_field(2, bytes([1 << 3]) + _varint(size % (1 << 64))) for size in sizes))


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


# Each pixel's colour by a matrix, ((i * dim + c) * 7 % 11 - 5) / 5 at [i, c]; twice that for regions. Grey is nothing.
_WRITE = """
import sys
import numpy as np
import tensorflow.compat.v1 as tf
folder, side, dim = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tf.disable_eager_execution()
matrix = ((np.arange(3 * dim) * 7 % 11 - 5) / 5).reshape(3, dim).astype(np.float32)
picture, texts = tf.placeholder(tf.string, ()), tf.placeholder(tf.float32, (None, None, dim))
pixels = tf.cast(tf.io.decode_image(picture, channels=3, expand_animations=False), tf.float32) / 255
pixels.set_shape((None, None, 3))
size = tf.cast(tf.shape(pixels)[:2], tf.float32)
scale = side / tf.reduce_max(size)
within = tf.maximum(tf.cast(size * scale, tf.int32), 1)
seen = tf.image.resize(((pixels - 128 / 255) / (128 / 255))[None], within)
square = tf.image.pad_to_bounding_box(seen, 0, 0, side, side)
own = tf.reshape(square, (-1, 3)) @ tf.get_variable("matrix", initializer=matrix)
own = tf.reshape(own, (1, side, side, dim))
regions = 2 * own
info = tf.stack([size, tf.fill((2,), float(side)), tf.stack([scale, scale]), tf.zeros(2)])
similarity = tf.einsum("bhwc,ksc->bhwk", own, texts)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tf.saved_model.simple_save(
        session, folder, {"inp_image_bytes": picture, "inp_text_emb": texts},
        {"image_info": info, "ppixel_ave_feat": regions, "image_embedding_feat": own, "pixel_prediction": similarity},
    )
"""
