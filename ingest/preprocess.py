"""Raw scans as OpenScene's processed files: an importer's scene, written with OpenScene's numbers."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import plugins
from ..core.scene import PointCloud
from .checks.checks import check_scene
from .formats.openscene.layout import Kind
from .formats.openscene.scene import is_written, write_scene
from .report import Report, quiet

Classes = Callable[[PointCloud], tuple[NDArray[np.integer], Mapping[int, str] | None]]  # of each point, and their names


@dataclass(frozen=True)
class PreprocessJob:
    """One scene to be written. Pickles: it may run in another process."""

    format: str  # the dataset plug-in
    root: Path
    out: Path
    kind: Kind  # what is written
    options: Any  # the plug-in's own
    scene: str
    variant: str = ""  # "_40" for Matterport's set of 40 classes
    again: bool = False  # write it even where it is there


@dataclass(frozen=True)
class Written:
    """What became of one scene."""

    scene: str
    path: Path | None  # of its points; None: it was there
    frames: int = 0
    points: int = 0
    findings: tuple[str, ...] = ()


def run(job: PreprocessJob, classes: Classes, report: Report = quiet) -> Written:
    """Write one scene, unless it is there."""
    if not job.again and is_written(job.out, job.kind, job.scene, job.variant):
        return Written(job.scene, None)
    report("reading", 0, 1)
    job.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=job.out) as unpacked:
        dataset = plugins.load("ingest.datasets", job.format)
        scene = check_scene(dataset.load_scene(job.root, job.scene, job.options, Path(unpacked)), job.options)
        labels, names = classes(scene.points)
        path = write_scene(job.out, job.kind, scene, labels, names, job.variant, report)
    two = any(frame.depth_to_color is not None for frame in scene.frames)
    findings = ("colour and depth are two cameras; OpenScene treats them as one",) if two else ()
    return Written(job.scene, path, len(scene.frames), len(scene.points), scene.findings + findings)
