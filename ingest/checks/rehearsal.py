"""One scene read and checked without a store: what is there, and what taking it in would cost."""

import math
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core import plugins
from ...core.contracts import offers
from ...core.errors import OvstoreError
from ...core.files import size_of
from ...core.scene import Scene
from ...core.wording import counted
from ...models.encoders import Encoder, HasWeights, ReadsFrameMaps
from ..compat.openscene import working_images
from ..datasets import Dataset, FusedFeatures
from ..extraction.extract import Picture, extract, image_encoder
from ..files.images import read_depth
from ..formats.selection import spread
from ..fusion.visibility import correspond
from ..recipe import FeatureRequest, GeometryRequest
from .checks import check_scene

_SAMPLE = 4  # frames that the estimate is measured on; the network's first is not counted, as it warms up
_POINT_BYTES = 26  # of points and faces in Parquet, measured on ScanNet-like scans
_SIGHT_BYTES = 9.5  # a point in a frame
_VECTOR_BYTES = 18  # beside the vector itself
_POINT_SECONDS = 2.5e-5  # superpoints, regions and writing


@dataclass(frozen=True)
class Rehearsal:
    """What a scan is, as far as can be told without taking it in."""

    scene: str
    frames: int
    depth_frames: int
    points: int
    cameras: tuple[str, ...]  # the commonest first
    extent: tuple[float, ...]  # metres, xyz
    findings: tuple[str, ...]
    megabytes: float  # in the store, about; without vectors where the network could not be tried
    seconds: float | None  # about; None where the network could not be tried
    not_tried: str | None  # why not


def rehearse(request: GeometryRequest, features: FeatureRequest, name: str, device: str = "auto") -> Rehearsal:
    """BadScene as taking it in would raise it; containers are unpacked into a folder that is gone afterwards."""
    dataset: Dataset = plugins.load("ingest.datasets", request.format)
    with tempfile.TemporaryDirectory(prefix="ovstore-") as folder:
        scene = dataset.load_scene(request.root, name, request.dataset_options, Path(folder))
        scene = check_scene(scene, request.dataset_options, request.visibility.splat_radius)
        unpacked = size_of(Path(folder))
        sights, seconds = _visibility(scene, request)
        fused = offers(dataset, FusedFeatures)
        ready = fused is not None and bool(fused.feature_paths(request.root, name, request.dataset_options))
        network, dim, reason = _network(scene, request, features, device, ready)
    frames, points = len(scene.frames), len(scene.points)
    sizes = unpacked + points * (_POINT_BYTES + 2 * dim + _VECTOR_BYTES) + sights * frames * _SIGHT_BYTES
    return Rehearsal(
        name,
        frames,
        sum(frame.depth_path is not None for frame in scene.frames),
        points,
        _cameras(scene),
        tuple(np.ptp(scene.points.xyz, axis=0).round(2).tolist()),
        scene.findings,
        round(sizes / 1e6, 1),
        None if network is None else (seconds + network) * frames + points * _POINT_SECONDS,
        reason,
    )


def _cameras(scene: Scene) -> tuple[str, ...]:
    cameras = Counter((frame.camera.width, frame.camera.height, round(frame.camera.fx)) for frame in scene.frames)
    return tuple(
        f"{width}x{height}, {2 * math.degrees(math.atan(width / 2 / max(focal, 1))):.0f} degrees wide: "
        + counted(count, "frame")
        for (width, height, focal), count in cameras.most_common()
    )


def _visibility(scene: Scene, request: GeometryRequest) -> tuple[float, float]:
    """Points seen and seconds spent a frame, as a few frames have it."""
    sample = spread(range(len(scene.frames)), _SAMPLE)
    images = working_images(request.format, request.visibility)
    sights, started = 0, time.monotonic()
    for position in [*sample[:1], *sample]:  # the first once more: it may wait for the compiler
        if position == sample[0]:
            sights, started = 0, time.monotonic()
        frame = scene.frames[position]
        depth = None if frame.depth_path is None else read_depth(frame.depth_path, frame.depth_scale)
        sights += len(correspond(scene.points.xyz, images.frame(frame), position, depth, request.visibility))
    return sights / max(len(sample), 1), (time.monotonic() - started) / max(len(sample), 1)


def _network(
    scene: Scene, request: GeometryRequest, features: FeatureRequest, device: str, ready: bool
) -> tuple[float | None, int, str | None]:
    """Seconds a frame, the length of a vector, and why the network was not tried, if it was not."""
    options = features.encoder_options
    try:
        encoder: Encoder = plugins.load("models.encoders", features.encoder)
        if ready or offers(encoder, ReadsFrameMaps) is not None:  # features are read, not computed
            return 0.0, encoder.space(options).dim, None
        weights = offers(encoder, HasWeights)
        if weights is not None and weights.weights_file(options) is None:
            return None, 0, f"the weights of {features.encoder} would be downloaded first"
        dim = encoder.space(options).dim
        images = working_images(request.format, request.visibility)
        pictures = [
            Picture(position, frame := scene.frames[position], images.frame(frame).camera)
            for position in spread(range(len(scene.frames)), _SAMPLE)
        ]
        if not pictures:
            return 0.0, dim, None
        network = image_encoder(features.encoder, options, device)
        list(extract(pictures[:1], network))
        started = time.monotonic()
        list(extract(pictures, network))
        return (time.monotonic() - started) / len(pictures), dim, None
    except OvstoreError as error:
        return None, 0, str(error)
