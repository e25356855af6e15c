"""Frames of a .sens recording as files: written once, found again by the next run.

    unpacked/color/000020.jpg    the bytes of the recording (raw colour as png)
    unpacked/depth/000020.png    16 bits, the recording's own units
    unpacked/frames.json         which recording, and for each complete frame the sizes of its two files

A frame counts once frames.json names it and its files have the sizes named there. So pictures need not be flushed to
disk one by one: what a crash leaves half-written is written again.
"""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ....core.errors import BadScene
from ....core.files import make_folder, permissions_inside, replacing
from ...files.derived import derived_folder
from .sens import COLOR_JPEG, COLOR_RAW, Recording, SensFrame

Sizes = dict[int, tuple[int, int]]  # frame index -> bytes of its colour and depth file


def unpack_frames(recording: Recording, frames: Sequence[SensFrame], folder: Path) -> list[tuple[Path, Path]]:
    """(colour, depth) files of each frame below `folder`; only those are written that an earlier run did not.

    Where `folder` has the frames of another recording, one within it gets these: a stored scene may stand on those.
    """
    if not _is_free_for(recording, folder):
        folder = derived_folder(folder, [recording.path], "frames as they are")
    suffix = "jpg" if recording.color_compression == COLOR_JPEG else "png"
    known = _known(recording, folder)
    sizes = dict(known)
    paths = []
    for frame in frames:
        color = folder / "color" / f"{frame.index:06d}.{suffix}"
        depth = folder / "depth" / f"{frame.index:06d}.png"
        if known.get(frame.index, ()) != (_size(color), _size(depth)):
            _write(color, partial(_write_color, recording, frame))
            _write(depth, partial(_save_png, recording.depth(frame)))
            sizes[frame.index] = (_size(color), _size(depth))
        paths.append((color, depth))
    if sizes != known:
        body = {**_identity(recording), "frames": {str(index): sizes[index] for index in sorted(sizes)}}
        with replacing(folder / "frames.json", in_store=True) as part:
            part.write_text(json.dumps(body), encoding="utf-8")
    return paths


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Let a file appear whole: another process may be reading the one it replaces."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        write(part)
        part.chmod(permissions_inside(path.parent) & 0o666)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_color(recording: Recording, frame: SensFrame, path: Path) -> None:
    blob = recording.color_blob(frame)
    if recording.color_compression != COLOR_RAW:
        path.write_bytes(blob)
        return
    height, width = recording.color_camera.height, recording.color_camera.width
    if len(blob) != height * width * 3:
        raise BadScene(
            f"{recording.path}, frame {frame.index}: {len(blob)} bytes of raw colour; "
            f"{width}x{height} pixels are {height * width * 3}"
        )
    _save_png(np.frombuffer(blob, np.uint8).reshape(height, width, 3), path)


def _save_png(pixels: np.ndarray, path: Path) -> None:
    Image.fromarray(pixels).save(path, "PNG", compress_level=1)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _identity(recording: Recording) -> dict[str, object]:
    """What tells a recording from another of the same name."""
    stat = recording.path.stat()
    return {"recording": recording.path.name, "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}


def _is_free_for(recording: Recording, folder: Path) -> bool:
    """Whether the folder has frames of this recording, or none."""
    try:
        body = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
        return all(body[key] == value for key, value in _identity(recording).items())
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _known(recording: Recording, folder: Path) -> Sizes:
    """The frames that an earlier run unpacked from this very recording."""
    try:
        body = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
        same = all(body[key] == value for key, value in _identity(recording).items())
        return (
            {int(index): (int(color), int(depth)) for index, (color, depth) in body["frames"].items()} if same else {}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
