"""As much of TensorFlow as models/openseg/process.py asks of it, in numpy, and a small OpenSeg.

Its network sees a square of 64 pixels and gives 24 numbers a pixel: red, green and blue from 0 to 1, then ones; its
own pixels' (image_embedding_feat) three times as long as the regions'. Black pixels get zeros. Some pictures are
orders: see `_obey`.
"""

import io
import os
import signal
import time
from types import SimpleNamespace

import numpy as np
from PIL import Image

__version__ = "2.fake"
SIDE, DIM = 64, 24
string, int32, float16 = bytes, np.int32, np.float16


class errors:
    class ResourceExhaustedError(Exception):
        pass


config = SimpleNamespace(list_physical_devices=lambda kind: [], set_visible_devices=lambda devices, kind: None)
zeros, reshape, maximum = np.zeros, np.reshape, np.maximum


def cast(values, kind):
    return np.asarray(values).astype(kind)


def unstack(values):
    return list(values)


def TensorSpec(shape, kind):
    return shape, kind


def constant(value):
    return value


def function(run, input_signature):
    return lambda value: SimpleNamespace(numpy=lambda: run(value))


def _load(folder, tags):
    assert tags == ["serve"]
    if os.path.exists(os.path.join(folder, "broken")):
        raise ValueError("checksum of variables does not match\nand much more")
    return SimpleNamespace(signatures={"serving_default": _network})


saved_model = SimpleNamespace(load=_load)


def _network(inp_image_bytes, inp_text_emb):
    assert inp_text_emb.shape == (1, 1, DIM)
    picture = np.asarray(Image.open(io.BytesIO(inp_image_bytes)).convert("RGB"))
    _obey(tuple(picture[0, 0]))
    size = np.array(picture.shape[:2], np.float32)
    scale = np.float32(SIDE) / size.max()
    rows, columns = (np.maximum((size * scale).astype(int), 1)).tolist()
    seen = picture[np.arange(rows) * len(picture) // rows][:, np.arange(columns) * picture.shape[1] // columns]
    square = np.zeros((1, SIDE, SIDE, DIM), np.float32)
    square[0, :rows, :columns, :3] = seen / 255
    square[0, :rows, :columns, 3:] = seen.any(axis=2, keepdims=True)
    info = np.stack([size, [SIDE, SIDE], [scale, scale], [0, 0]]).astype(np.float32)
    return {"image_info": info, "ppixel_ave_feat": square, "image_embedding_feat": 3 * square}


def _obey(first_pixel):
    print("what TensorFlow says on standard output is no answer", flush=True)
    if first_pixel == (1, 2, 3):
        os.kill(os.getpid(), signal.SIGKILL)
    if first_pixel == (1, 2, 4):
        raise errors.ResourceExhaustedError("failed to allocate 30 GB")
    if first_pixel == (1, 2, 5):
        raise ValueError("no such kernel")
    if first_pixel == (1, 2, 6):  # somebody interrupts while it is at work
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
