"""One generated scene and its recording, small enough for every test: about a second."""

from functools import cache

import numpy as np
import pytest

pytest.importorskip("embreex", reason="needs the extra 'generate'")

from ovstore.ingest.generated.recording import Recording, record
from ovstore.ingest.generated.scene import GeneratedScene, Options, generate_scene, scannet_cameras
from ovstore.ingest.generated.sensor import Sensor

SPACING = 0.06


@cache
def scene() -> GeneratedScene:
    return generate_scene(7, Options(frames=8, planted=("snoopy",)))


@cache
def recording(noise: float = 1.0) -> Recording:
    cameras = scannet_cameras((160, 120), (160, 120))
    return record("scene0000_00", scene(), cameras, Sensor(noise=noise), SPACING, 1, np.random.default_rng(3))
