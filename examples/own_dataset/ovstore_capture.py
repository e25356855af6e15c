"""Captures: images, depth and points beside a capture.json.

    captures/kitchen/
      capture.json       {"camera": {"width": 640, "height": 480, "fx": ..., "fy": ..., "cx": ..., "cy": ...},
                          "units_per_metre": 1000,
                          "frames": [{"image": "0001.jpg", "depth": "0001.png", "camera_to_world": [[...] x 4]}, ...]}
      points.npy         (N, 3) float, metres in the world
      0001.jpg 0001.png ...

PATH is a folder of such folders. The docstring of `ovstore.ingest.datasets` is the contract that this file fulfils.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore import Camera, Frame, PointCloud, Scene
from ovstore.core.errors import BadInput, BadScene


@dataclass(frozen=True)
class Options:
    """How a capture is read; each field becomes an option of `ovstore ingest capture`."""

    frame_stride: int = field(default=1, metadata={"help": "Take every n-th frame."})

    def __post_init__(self) -> None:
        if self.frame_stride < 1:
            raise BadInput(f"frame_stride is {self.frame_stride}; the smallest is 1.")


def scene_names(root: Path, options: Options) -> list[str]:
    """The folders of `root` that have a capture.json."""
    names = sorted(path.parent.name for path in root.glob("*/capture.json"))
    if not names:
        raise BadInput(f"No capture in {root}: a folder with a capture.json in each of its folders was expected.")
    return names


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One capture; BadScene names the file and what is wrong with it. `unpacked` is for formats with containers."""
    folder = root / name
    described = folder / "capture.json"
    try:
        content = json.loads(described.read_text(encoding="utf-8"))
        camera = Camera(**content["camera"])
        units = float(content["units_per_metre"])
        frames = tuple(
            Frame(
                Path(listed["image"]).stem,
                camera,
                np.array(listed["camera_to_world"], np.float64),
                _inside(folder, listed["image"]),
                _inside(folder, listed["depth"]),
                camera,
                units,
            )
            for listed in content["frames"][:: options.frame_stride]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadScene(f"{described}: {type(error).__name__} {error}; see `ovstore ingest capture --help`") from error
    return Scene(name, frames, PointCloud(_points(folder / "points.npy")), source=str(folder.absolute()))


def _inside(folder: Path, name: str) -> Path:
    """A file that the capture names; it may not lead out of the capture's folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadScene(f"{folder.name}: {name!r} lies outside the capture's folder")
    return path


def _points(path: Path) -> NDArray[np.float64]:
    try:
        return np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError) as error:
        raise BadScene(f"{path} is not an (N, 3) array of numbers: {error}") from error
