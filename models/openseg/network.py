"""OpenSeg's network for this process: pictures go to the one where TensorFlow runs, features come back."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from ...core import environment
from ...core.errors import BadInput, BadWeights, MissingPackage, OvstoreError
from ...core.plugins import missing_package_sentence
from .signature import SavedModel

VARIABLE = "OVSTORE_TENSORFLOW_PYTHON"  # a Python (3.11 or newer) that has TensorFlow, where this one should not
_PROCESS = Path(__file__).with_name("process.py")
_SECONDS_TO_END = 5.0


class Network:
    """Call it with the bytes of a PNG or JPEG: (h, w, dim) halves, for the part of the square that the picture fills.

    The SavedModel shrinks or enlarges a picture so that its longer side is 640, and fills up the rest with grey.
    `output` is one of its outputs, `device` "auto", "cpu" or "cuda".
    """

    def __init__(self, model: SavedModel, output: str, device: str) -> None:
        if device not in ("auto", "cpu", "cuda"):
            raise BadInput(f"device is {device!r}: auto, cpu or cuda was expected.")
        self._folder = model.folder
        self._lock = threading.Lock()
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 (open for as long as the process runs)
        python = environment.value(VARIABLE) or sys.executable
        said = {"folder": str(model.folder), "output": output, "dim": model.dim, "device": device}
        try:
            self._process = subprocess.Popen(
                [python, "-P", str(_PROCESS), json.dumps({**said, "parent": os.getpid()})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env={"TF_CPP_MIN_LOG_LEVEL": "2", **environment.inherited()},
            )
        except OSError as error:
            raise BadInput(f"{VARIABLE} is {python}, which cannot be run: {error.strerror}.") from error
        assert self._process.stdin and self._process.stdout, "both were asked for"
        self._requests, self._answers = self._process.stdin, cast(BufferedReader, self._process.stdout)
        self._end = weakref.finalize(self, _end, self._process, self._printed)
        try:
            self.device: str = self._answer()["device"]
        except BaseException:
            self._end()
            raise

    @property
    def process_id(self) -> int:
        """Of the process that TensorFlow runs in."""
        return self._process.pid

    def __call__(self, picture: bytes) -> NDArray[np.float16]:
        with self._lock:
            try:
                self._requests.write(len(picture).to_bytes(8, "little") + picture)
                self._requests.flush()
                values: NDArray[np.float16] = np.empty(self._answer()["shape"], np.float16)
                self._read_into(values.reshape(-1).view(np.uint8).data)
                return values
            except OvstoreError:
                raise
            except (OSError, ValueError) as error:  # it has ended, or its pipes were closed
                raise self._death() from error
            except BaseException:  # such as Ctrl-C: what is still in the pipes would be taken for the next answer
                self._end()
                raise

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._death()
        said: dict[str, Any] = json.loads(line)
        if "kind" in said:
            raise self._complaint(said["kind"], said["error"])
        return said

    def _read_into(self, target: memoryview) -> None:
        done = 0
        while done < len(target):
            count = self._answers.readinto(target[done:])
            if not count:
                raise self._death()
            done += count

    def _complaint(self, kind: str, error: str) -> OvstoreError:
        if kind == "package":
            return MissingPackage(missing_package_sentence("openseg", error))
        if kind == "device":
            return BadInput(
                f"device is 'cuda', but TensorFlow {error} sees no GPU here; use 'cpu' or 'auto', or install "
                "'tensorflow[and-cuda]', preferably into its own environment, and name that environment's python "
                f"in {VARIABLE}."
            )
        if kind == "memory":
            return BadInput(f"TensorFlow ran out of memory on an image for OpenSeg ({error}); try --device cpu.")
        if kind == "weights":
            return BadWeights(f"{self._folder} cannot be loaded by TensorFlow: {error}")
        return BadInput(f"OpenSeg's network ({self._folder}) failed on an image: {error}")

    def _death(self) -> OvstoreError:
        """What is known of a process that has ended."""
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        last = ""
        if not self._printed.closed:
            self._printed.seek(0)
            last = self._printed.read().decode(errors="replace").strip().rpartition("\n")[2]
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        hint = " (9 often means out of memory)" if code == -9 else ""
        return BadInput(f"The process that runs OpenSeg in TensorFlow {how}{hint}. Its last output: {last or 'none'}")


def _end(process: "subprocess.Popen[bytes]", printed: IO[bytes]) -> None:
    """Kill it, take note of its death, and close what was open for it."""
    process.kill()
    process.wait()
    for file in (process.stdin, process.stdout, printed):
        with suppress(OSError):  # words that it will never hear
            if file is not None:
                file.close()
