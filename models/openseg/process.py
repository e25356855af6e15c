"""OpenSeg's SavedModel in a process of its own: pictures as PNG or JPEG in, features of their valid area out.

    python -P process.py '{"folder": "exported_model", "output": "ppixel_ave_feat", "dim": 768, ...}'

TensorFlow and triton each bring LLVM, and a process that imports them in the wrong order is aborted. So this file
imports nothing of ovstore or PyTorch, and any Python that has TensorFlow can run it. On its standard streams:

    once        a line of JSON: {"device": ...}, or {"kind": ..., "error": ...} and it ends
    request     8 bytes, the length, little-endian; then the picture
    answer      a line of JSON: {"shape": [h, w, dim]} and then so many halves, or {"kind": ..., "error": ...}

It ends with its standard input, or with the process that started it.
"""

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

SECONDS_BETWEEN_LOOKS = 1.0


def main(folder: str, output: str, dim: int, device: str, parent: int) -> None:
    """Load, say so, and answer until there are no more requests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed is no answer

    def reply(values: bytes | memoryview = b"", **said: Any) -> None:
        answers.write(json.dumps(said).encode() + b"\n")
        answers.write(values)
        answers.flush()

    try:
        tf: Any = importlib.import_module("tensorflow")
        found = _device(tf, device)
        valid_area = _valid_area(tf, folder, output, dim)
    except ModuleNotFoundError as error:
        reply(kind="package", error=error.name)
        return
    except LookupError as error:
        reply(kind="device", error=str(error.args[0]))
        return
    except Exception as error:  # TensorFlow has some twenty kinds
        reply(kind="weights", error=_first_line(error))
        return
    reply(device=found)

    requests = sys.stdin.buffer
    while len(length := requests.read(8)) == 8:
        picture = requests.read(int.from_bytes(length, "little"))
        try:
            values = valid_area(picture)
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            reply(kind="memory", error=_first_line(error))
        except Exception as error:
            reply(kind="run", error=_first_line(error))
        else:
            reply(memoryview(values).cast("B"), shape=values.shape)


def _device(tf: Any, wanted: str) -> str:
    """ "cpu" or "cuda", after TensorFlow was told to leave what it does not need of a GPU's memory to others."""
    gpus = [] if wanted == "cpu" else tf.config.list_physical_devices("GPU")
    if wanted == "cuda" and not gpus:
        raise LookupError(tf.__version__)
    if wanted == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return "cuda" if gpus else "cpu"


def _valid_area(tf: Any, folder: str, output: str, dim: int) -> Callable[[bytes], Any]:
    """A picture to (h, w, dim) halves of the part of the square that it fills.

    Outputs that nobody asks for are cut out of the graph, and with them most of the memory.
    """
    loaded = tf.saved_model.load(folder, tags=["serve"])
    network = loaded.signatures["serving_default"]

    def run(picture: Any) -> Any:
        found = network(inp_image_bytes=picture, inp_text_emb=tf.zeros((1, 1, dim)))
        info = tf.reshape(found["image_info"], (4, 2))  # size, size in the square, scale, offset; each (y, x)
        height, width = tf.unstack(tf.maximum(tf.cast(info[0] * info[2], tf.int32), 1))
        return tf.cast(found[output][0, :height, :width], tf.float16)

    traced = tf.function(run, input_signature=[tf.TensorSpec((), tf.string)])

    def valid_area(picture: bytes) -> Any:
        values = traced(tf.constant(picture)).numpy()
        if values.ndim != 3 or values.shape[2] != dim:
            raise ValueError(f"{output} has shape {values.shape}; (h, w, {dim}) was expected")
        return values

    valid_area.loaded = loaded  # type: ignore[attr-defined]  # its variables die with it
    return valid_area


def _end_with(parent: int) -> None:
    """The end of a pipe is not enough: a forked sibling may hold it open."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
