"""How the frozen benchmarks scan a room: small cameras, drifting poses, wrong segments, a picture that is held out."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ....core.scene import Camera
from ..catalogue import make
from ..recording import RecordedFrame, Recording, record
from ..scene import GeneratedScene, render
from ..sensor import Sensor, photograph
from ..spoiled_segments import Faults, spoiled

SENSOR = Sensor(noise=1.5, jpeg_quality=85)
_DRIFT = 0.008, 0.4  # metres and degrees, standard deviations of a frame's pose along and about each axis
_SEEN = 3.5  # points of a thing, times the squared spacing and by the area of its surface


@dataclass(frozen=True)
class HeldOut:
    """A picture of a thing that is not of a scan."""

    jpeg: bytes
    box_xyxy: tuple[int, int, int, int]  # pixels, the ends not included


def scale_for(label: str, points: int, spacing: float) -> float:
    """By how much a thing is made smaller, to have about so many points at that spacing; never larger."""
    area = 0.0
    for part in make(label, np.random.default_rng(0)).parts:
        a, b, c = (part.mesh.vertices[part.mesh.faces[:, corner]] for corner in range(3))
        area += float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    return min(1.0, float(np.sqrt(points * spacing**2 / (_SEEN * area))))


def pixels(scene: GeneratedScene, color: Camera, object_id: int) -> NDArray[np.int64]:
    """(frames,) pixels of the colour picture that show an object."""
    return np.array([(render(scene, color, pose).instance == object_id).sum() for pose in scene.camera_to_world])


def without_frame(scene: GeneratedScene, number: int) -> GeneratedScene:
    """The scene with one picture less."""
    poses = scene.camera_to_world
    return replace(scene, camera_to_world=(*poses[:number], *poses[number + 1 :]))


def scan(
    name: str, seed: tuple[int, int], scene: GeneratedScene, cameras: tuple[Camera, Camera], spacing: float
) -> Recording:
    """What the scanner hands over: poses drift, segments are wrong."""
    rng = np.random.default_rng([*seed, 1])
    recording = record(name, scene, cameras, SENSOR, spacing, 0, rng)
    mesh = recording.mesh
    segment = spoiled(mesh.xyz, mesh.object_id, mesh.segment, spacing, Faults(), rng)
    frames = tuple(_drifted(frame, rng) for frame in recording.frames)
    return replace(recording, frames=frames, mesh=replace(mesh, segment=segment))


def _drifted(frame: RecordedFrame, rng: np.random.Generator) -> RecordedFrame:
    """A frame whose pose was tracked a little wrong."""
    shift = np.eye(4)
    shift[:3, 3] = _DRIFT[0] * rng.standard_normal(3)
    shift[:3, :3] = Rotation.from_rotvec(_DRIFT[1] * rng.standard_normal(3), degrees=True).as_matrix()
    return replace(frame, camera_to_world=frame.camera_to_world @ shift)


def held_out_picture(
    seed: tuple[int, int], scene: GeneratedScene, color: Camera, number: int, object_id: int
) -> HeldOut:
    """The picture of one frame of a scene, and the box of an object in it."""
    picture = render(scene, color, scene.camera_to_world[number])
    rows, columns = np.nonzero(picture.instance == object_id)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    return HeldOut(photograph(picture.rgb, SENSOR, np.random.default_rng([*seed, 2])), box)
