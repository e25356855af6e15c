"""One generated scene and its recording, small enough for every test: about a second."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("embreex", reason="needs the extra 'generate'")

from ovstore.core import plugins
from ovstore.ingest.generated.recording import RecordedFrame, Recording, record
from ovstore.ingest.generated.scene import GeneratedScene, SceneOptions, generate_scene, scannet_cameras
from ovstore.ingest.generated.sensor import Sensor

SPACING = 0.06


@cache
def scene() -> GeneratedScene:
    return generate_scene(7, SceneOptions(frames=8, planted=("snoopy",)))


@cache
def recording(noise: float = 1.0) -> Recording:
    cameras = scannet_cameras((160, 120), (160, 120))
    return record("scene0000_00", scene(), cameras, Sensor(noise=noise), SPACING, 1, np.random.default_rng(3))


def write(format: str, folder: Path) -> Path:
    """The recording as a scan of that format, in the new folder `folder`."""
    folder.mkdir(parents=True)
    plugins.load("ingest.generated.formats", format).write(folder, recording())
    return folder


def tracked() -> dict[int, RecordedFrame]:
    """The recording's frames that have a pose, by their number."""
    return {number: f for number, f in enumerate(recording().frames) if np.isfinite(f.camera_to_world).all()}


def contents(folder: Path) -> dict[str, bytes]:
    """What is in each file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
