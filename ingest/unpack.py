"""Frames of a .sens recording as files: written once, found again by the next run.

    unpacked/color/000020.jpg    the bytes of the recording (raw colour as png)
    unpacked/depth/000020.png    16 bits, the recording's own units
    unpacked/frames.json         which recording, and which frames are complete

A frame counts only once frames.json names it, and that is written after its pictures: what a crash leaves is written
again.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..store.errors import BadScene
from ..store.files import replacing
from .sens import COLOR_JPEG, COLOR_RAW, Recording, SensFrame


def unpack_frames(recording: Recording, frames: Sequence[SensFrame], folder: Path) -> list[tuple[Path, Path]]:
    """(colour, depth) files of each frame below `folder`; only those are written that an earlier run did not."""
    suffix = "jpg" if recording.color_compression == COLOR_JPEG else "png"
    done = _complete(recording, folder)
    paths = []
    for frame in frames:
        color = folder / "color" / f"{frame.index:06d}.{suffix}"
        depth = folder / "depth" / f"{frame.index:06d}.png"
        if frame.index not in done:
            color.parent.mkdir(parents=True, exist_ok=True)
            depth.parent.mkdir(parents=True, exist_ok=True)
            _write_color(recording, frame, color)
            with replacing(depth) as part:
                Image.fromarray(recording.depth(frame)).save(part, "PNG", compress_level=1)
        paths.append((color, depth))
    new = done | {frame.index for frame in frames}
    if new != done:
        with replacing(folder / "frames.json") as part:
            part.write_text(json.dumps({**_identity(recording), "frames": sorted(new)}), encoding="utf-8")
    return paths


def _write_color(recording: Recording, frame: SensFrame, path: Path) -> None:
    blob = recording.color_blob(frame)
    if recording.color_compression != COLOR_RAW:
        with replacing(path) as part:
            part.write_bytes(blob)
        return
    height, width = recording.color_camera.height, recording.color_camera.width
    if len(blob) != height * width * 3:
        raise BadScene(
            f"{recording.path}, frame {frame.index}: {len(blob)} bytes of raw colour; "
            f"{width}x{height} pixels are {height * width * 3}"
        )
    pixels = np.frombuffer(blob, np.uint8).reshape(height, width, 3)
    with replacing(path) as part:
        Image.fromarray(pixels).save(part, "PNG", compress_level=1)


def _identity(recording: Recording) -> dict[str, object]:
    """What tells a recording from another of the same name."""
    stat = recording.path.stat()
    return {"recording": recording.path.name, "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}


def _complete(recording: Recording, folder: Path) -> set[int]:
    """The frames that an earlier run unpacked from this very recording."""
    try:
        body = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
        same = all(body[key] == value for key, value in _identity(recording).items())
        return {int(index) for index in body["frames"]} if same else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()
