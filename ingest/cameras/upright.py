"""Pictures that a phone stored on their side, turned by quarters until the sky is up.

Networks know upright pictures, and so do people. Depth stays as it is stored: its camera is turned against the colour
camera's.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...store.scene import Camera, Frame
from ..files.derived import derived_folder, made_once
from ..files.images import read_image

_CLEAR = 0.3  # length of the mean up across the pictures; below it the camera looked down, or was turned about
_ON_ITS_SIDE = np.array([[0.0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # a quarter turn to the left


def upright(frames: Sequence[Frame], unpacked: Path) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames of a world whose z is up, their pictures turned alike where that brings the sky up, and a finding."""
    turns = quarter_turns(frames)
    if turns == 0:
        return tuple(frames), []
    degrees = 90 * turns if turns < 3 else -90
    finding = f"pictures turned by {degrees} degrees to the left: they were stored on their side"
    return tuple(turned(frame, turns, unpacked) for frame in frames), [finding]


def quarter_turns(frames: Sequence[Frame]) -> int:
    """How often the pictures must be turned to the left, 0 to 3; 0 where up is not clear."""
    x, y = np.mean([frame.camera_to_world[2, :2] for frame in frames], axis=0)  # the world's z in the cameras
    if np.hypot(x, y) < _CLEAR:
        return 0
    return int(np.argmax([-y, x, y, -x]))


def turned(frame: Frame, turns: int, unpacked: Path) -> Frame:
    """The frame with its picture turned `turns` quarters to the left, as a JPEG below `unpacked`."""
    camera, rotation = frame.camera, np.eye(4)
    for _ in range(turns):
        camera = Camera(camera.height, camera.width, camera.fy, camera.fx, camera.cy, camera.width - 1 - camera.cx)
        rotation = _ON_ITS_SIDE @ rotation
    folder = derived_folder(unpacked, [frame.image_path], f"turned 1: {frame.image_path} {turns}")
    depth_to_color = rotation if frame.depth_to_color is None else rotation @ frame.depth_to_color
    return replace(
        frame,
        camera=camera,
        camera_to_world=frame.camera_to_world @ rotation.T,
        image_path=made_once(folder / f"{frame.image_path.stem[:80]}.jpg", partial(_turn, frame.image_path, turns)),
        depth_to_color=depth_to_color if frame.depth_path else None,
    )


def _turn(source: Path, turns: int, target: Path) -> None:
    picture = np.rot90(read_image(source), turns)
    Image.fromarray(picture).save(target, "jpeg", quality=95, subsampling=0)
