"""One generated scene as a scanner would hand it over: frames, cameras, mesh, and the truth about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.scene import Camera
from .reconstruct import Reconstruction, density, reconstruct
from .refine import refined
from .render import look, render
from .scene import GeneratedScene
from .sensor import Sensor, measure, photograph


@dataclass(frozen=True)
class RecordedFrame:
    """One picture."""

    camera_to_world: NDArray[np.float64]  # (4, 4), of both cameras; all -inf where tracking was lost
    jpeg: bytes
    depth: NDArray[np.uint16]  # (H, W) millimetres, 0 for no reading


@dataclass(frozen=True)
class Recording:
    """One scan."""

    name: str
    scene: GeneratedScene
    color_camera: Camera
    depth_camera: Camera
    frames: tuple[RecordedFrame, ...]
    mesh: Reconstruction
    frames_showing: NDArray[np.int64]  # (O,) tracked frames in which each object fills a tenth of a percent or more


def record(
    name: str,
    scene: GeneratedScene,
    cameras: tuple[Camera, Camera],
    sensor: Sensor,
    spacing: float,
    lost: int,
    rng: np.random.Generator,
) -> Recording:
    """Take all pictures of a scene with (colour, depth) cameras and sample its mesh about every `spacing` metres.

    `lost` frames, spread over the walk, are taken again with their pose lost. The colours of the mesh are those of the
    surfaces; its points are off by a millimetre and a half, as a reconstruction's are.
    """
    color_camera, depth_camera = cameras
    edge = density(scene.objects, spacing)
    fine = refined(scene.geometry, edge)
    seen = np.zeros(len(fine.faces), bool)
    showing = np.zeros(len(scene.objects), np.int64)
    frames = []
    for pose in scene.camera_to_world:
        truth, hits = look(fine, depth_camera, pose)
        seen[hits.face[hits.face >= 0]] = True
        pixels = np.bincount(truth.instance[truth.instance >= 0], minlength=len(scene.objects))
        showing += pixels >= truth.instance.size / 1000
        depth = measure(truth.depth, hits.cosine.reshape(truth.depth.shape), truth.rgb, sensor, rng)
        rgb = render(scene.geometry, color_camera, pose).rgb
        frames.append(RecordedFrame(pose, photograph(rgb, sensor, rng), depth))
    mesh = reconstruct(fine, seen, edge, 0.0015 * sensor.noise, rng)
    for number in np.linspace(0, len(frames) - 1, lost + 2)[1:-1].round().astype(int)[::-1]:
        again = frames[number]
        frames.insert(number + 1, RecordedFrame(np.full((4, 4), -np.inf), again.jpeg, again.depth))
    return Recording(name, scene, color_camera, depth_camera, tuple(frames), mesh, showing)
