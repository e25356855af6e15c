"""Pictures that a phone stored on their side, turned by quarters until the sky is up.

Networks know upright pictures, and so do people. Depth stays as it is stored: its camera is turned against the colour
camera's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...core.names import shortened
from ...core.scene import Camera, Frame
from ..files.derived import derived_folder, made_once
from ..files.images import read_image

_CLEAR = 0.3  # length of up within the picture; below it the camera looks up or down, and no side is the upper one
_TURNS = ("0 degrees", "90 degrees to the left", "180 degrees", "90 degrees to the right")
_ON_ITS_SIDE = np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # a quarter turn to the left


def upright(frames: Sequence[Frame], unpacked: Path, up: int = 2) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames of a world whose axis `up` is up, each picture turned as its own pose says, and a finding."""
    turns = quarter_turns(frames, up)
    if not any(turns):
        return tuple(frames), []
    counts = Counter(turn for turn in turns if turn)
    if len(counts) == 1 and all(turns):
        finding = f"images turned by {_TURNS[turns[0]]}: they were stored on their side"
    else:  # the phone was turned while it recorded
        how = ", ".join(f"{count} by {_TURNS[turn]}" for turn, count in sorted(counts.items()))
        finding = f"{counts.total()} of {len(frames)} images turned, each by its own pose: {how}"
    pairs = zip(frames, turns, strict=True)
    return tuple(turned(frame, turn, unpacked) if turn else frame for frame, turn in pairs), [finding]


def quarter_turns(frames: Sequence[Frame], up: int = 2) -> list[int]:
    """How often each picture must be turned to the left, 0 to 3.

    A camera that looks up or down is held as in the nearest frame where up is clear, the earlier of two.
    """
    x, y = np.array([frame.camera_to_world[up, :2] for frame in frames]).T  # the world's up in the cameras
    turns = np.argmax([-y, x, y, -x], axis=0)
    clear = np.flatnonzero(np.hypot(x, y) >= _CLEAR)
    if len(clear) == 0:
        return [0] * len(frames)
    return [int(turns[clear[np.abs(clear - row).argmin()]]) for row in range(len(frames))]


def turned(frame: Frame, turns: int, unpacked: Path) -> Frame:
    """The frame with its picture turned `turns` quarters to the left, as a JPEG below `unpacked`."""
    camera, rotation = frame.camera, np.eye(4)
    for _ in range(turns):
        camera = Camera(camera.height, camera.width, camera.fy, camera.fx, camera.cy, camera.width - 1 - camera.cx)
        rotation = _ON_ITS_SIDE @ rotation
    folder = derived_folder(unpacked, [frame.image_path], f"turned 1: {frame.image_path} {turns}")
    target = folder / f"{shortened(frame.image_path.stem)}.jpg"
    depth_to_color = rotation if frame.depth_to_color is None else rotation @ frame.depth_to_color
    return replace(
        frame,
        camera=camera,
        camera_to_world=frame.camera_to_world @ rotation.T,
        image_path=made_once(target, partial(_turn, frame.image_path, turns)),
        depth_to_color=depth_to_color if frame.depth_path else None,
    )


def _turn(source: Path, turns: int, target: Path) -> None:
    picture = np.rot90(read_image(source), turns)
    Image.fromarray(picture).save(target, "jpeg", quality=95, subsampling=0)
