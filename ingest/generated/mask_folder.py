"""The 2D masks of a generated scene, for its frames as the format's own reader sees them.

    DIR/masks/SCENE/FRAME.png       ids from 1, 0 for none, in 8 or 16 bits

Readers rename frames, leave some out, undistort images and turn the world; what they return has the cameras and poses
that a segmenter's images have. Where the reader's world lies in the recording's is told by the cameras' places.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core import plugins
from ...core.scene import Frame
from .render import instances
from .scene import GeneratedScene
from .spoiled_masks import MaskCounts, MaskFaults, spoiled_masks

MASKS = "masks"
_SAME_PLACE = 0.005  # metres between a camera and where it was recorded


def write_masks(
    format_name: str, root: Path, name: str, scene: GeneratedScene, faults: MaskFaults, seed: tuple[int, int]
) -> MaskCounts:
    """The masks of the scene `name` below `root`, or of the scenes that a reader makes of it. What was done to them."""
    dataset = plugins.load("ingest.datasets", format_name)
    strided = "frame_stride" in dataset.Options.__dataclass_fields__
    options = dataset.Options(**({"frame_stride": 1} if strided else {}))
    total = MaskCounts()
    for read in dataset.scene_names(root, options):
        if not read.startswith(name):
            continue
        with TemporaryDirectory() as unpacked:
            frames = dataset.load_scene(root, read, options, Path(unpacked)).frames
        to_recording = _to_recording(frames, scene.camera_to_world)
        folder = root / MASKS / read
        folder.mkdir()
        for number, frame in enumerate(frames):
            shown = instances(scene.geometry, frame.camera, to_recording @ frame.camera_to_world)
            ids, counts = spoiled_masks(shown, faults, np.random.default_rng([*seed, 3, number]))
            Image.fromarray(ids.astype(np.uint8 if counts.masks < 256 else np.uint16)).save(
                folder / f"{frame.name}.png"
            )
            total += counts
    return total


def _to_recording(frames: Sequence[Frame], recorded: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(4, 4) from the reader's world to the recording's: it brings most cameras to places where one was recorded."""
    places = np.array([pose[:3, 3] for pose in recorded])
    read = np.array([frame.camera_to_world[:3, 3] for frame in frames])
    best, most = np.eye(4), 0
    for frame in frames:
        for pose in recorded:
            to_recording = pose @ np.linalg.inv(frame.camera_to_world)
            moved = read @ to_recording[:3, :3].T + to_recording[:3, 3]
            distance = np.linalg.norm(moved[:, None] - places, axis=2).min(axis=0)
            if (count := int((distance < _SAME_PLACE).sum())) > most:
                best, most = to_recording, count
        if most == len(recorded):
            break
    assert most >= len(recorded) / 2, "the reader's cameras stand elsewhere than those that were recorded"
    return best
