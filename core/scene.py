"""What a scan is: cameras, frames, points. Numpy and the standard library only.

Conventions, everywhere: `xyz` is metres in the world; camera axes are OpenCV's (x right, y down, z forward); `uv` is
(column, row) in pixels with pixel centres on the integers; `camera_to_world` maps camera coordinates to the world.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .annotated import check_fields
from .errors import BadScene


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without skew or distortion. fx and fy may be negative (mirrored images exist)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        check_fields(self)
        if self.width < 1 or self.height < 1:
            raise BadScene(f"An image of {self.width}x{self.height} pixels has no content.")
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(np.array(numbers, np.float64)).all() or self.fx == 0 or self.fy == 0:
            raise BadScene(f"Intrinsics fx, fy, cx, cy = {numbers} must be finite, with focal lengths other than 0.")

    def resized(self, width: int, height: int) -> "Camera":
        """The camera of the picture scaled to (width, height): pixel centres move as (c + 0.5) * s - 0.5."""
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) intrinsics."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)


@dataclass(frozen=True)
class Frame:
    """A posed picture: paths and numbers, no pixels. One row of the database; travels to worker processes."""

    name: str  # unique within its scene; the original's frame number or file stem
    camera: Camera  # of the colour image: features are sampled with it
    camera_to_world: NDArray[np.float64]  # (4, 4) of the colour camera, a proper rotation
    image_path: Path
    depth_path: Path | None = None  # None: visibility has no occlusion test
    depth_camera: Camera | None = None  # visibility is decided with it
    depth_scale: float = 1000.0  # stored units per metre (1.0 for float depth in metres)
    depth_to_color: NDArray[np.float64] | None = None  # (4, 4) depth camera to colour camera; None: one centre
    timestamp: float | None = None  # seconds
    mask_path: Path | None = None  # of the image's size, 0 where pixels are not to be used; not stored: what is seen is

    def __post_init__(self) -> None:
        check_fields(self)
        matrix = np.asarray(self.camera_to_world, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise BadScene(f"frame {self.name}: camera_to_world is not a finite 4x4 matrix")
        object.__setattr__(self, "camera_to_world", matrix)
        if (self.depth_path is None) != (self.depth_camera is None):
            raise BadScene(f"frame {self.name}: depth_path and depth_camera must be given together or not at all")
        if not self.depth_scale > 0:
            raise BadScene(
                f"frame {self.name}: depth_scale is {self.depth_scale}; a positive number of units per "
                "metre was expected"
            )


@dataclass(frozen=True)
class PointCloud:
    """The points of a scene; a point is its row. Mesh vertices where there is a mesh."""

    xyz: NDArray[np.float64]  # (N, 3) metres
    rgb: NDArray[np.uint8] | None = None  # (N, 3)
    normals: NDArray[np.float32] | None = None  # (N, 3) unit length
    labels: NDArray[np.int32] | None = None  # (N,) keys of label_names; -1 unlabelled
    label_names: dict[int, str] = field(default_factory=dict)
    instances: NDArray[np.int32] | None = None  # (N,) object ids of the dataset; -1 none
    segments: NDArray[np.int32] | None = None  # (N,) the dataset's own over-segmentation
    faces: NDArray[np.int32] | None = None  # (F, 3) vertex rows
    left_out: NDArray[np.int64] | None = None  # ascending rows of its file that are no points; None: every row is one
    notes: tuple[str, ...] = ()  # what was guessed when it was read, for people

    def __post_init__(self) -> None:
        check_fields(self)
        if self.xyz.ndim != 2 or self.xyz.shape[1] != 3 or len(self.xyz) == 0:
            raise BadScene(f"points have shape {self.xyz.shape}; (N, 3) with at least one point was expected")
        if not np.isfinite(self.xyz).all():
            count = int((~np.isfinite(self.xyz).all(axis=1)).sum())
            raise BadScene(f"{count} of {len(self.xyz)} points are not finite")
        for name in ("rgb", "normals", "labels", "instances", "segments"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.xyz):
                raise BadScene(f"{name} has {len(column)} rows for {len(self.xyz)} points")
        faces = self.faces
        if faces is not None and len(faces) and (faces.min() < 0 or faces.max() >= len(self.xyz)):
            raise BadScene(f"faces refer to vertex {faces.max()}, the cloud has {len(self.xyz)} points")

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def rows_in_file(self) -> int:
        """How many rows its file has, those left out included: what columns of other files about it are as long as."""
        return len(self.xyz) + (0 if self.left_out is None else len(self.left_out))

    def of_file(self, column: NDArray[Any]) -> NDArray[Any]:
        """(N,) of a column with a row for each row of the file."""
        return column if self.left_out is None else np.delete(column, self.left_out, axis=0)

    def take(self, rows: NDArray[np.integer]) -> "PointCloud":
        """The same cloud with point i being old point rows[i]; `rows` is a permutation (faces are renumbered)."""
        inverse = np.empty(len(self.xyz), np.int32)
        inverse[rows] = np.arange(len(rows), dtype=np.int32)
        return PointCloud(
            xyz=self.xyz[rows],
            rgb=None if self.rgb is None else self.rgb[rows],
            normals=None if self.normals is None else self.normals[rows],
            labels=None if self.labels is None else self.labels[rows],
            label_names=self.label_names,
            instances=None if self.instances is None else self.instances[rows],
            segments=None if self.segments is None else self.segments[rows],
            faces=None if self.faces is None else inverse[self.faces],
        )


@dataclass(frozen=True)
class Scene:
    """One scan, as a dataset file hands it over."""

    name: str
    frames: tuple[Frame, ...]
    points: PointCloud
    source: str  # where it came from, for people
    split: str | None = None  # "train", "val", "test"
    up_axis: str = "z"
    findings: tuple[str, ...] = ()  # what was noticed on the way in, one sentence each
    points_only: bool = False  # it may be without frames: its features come from elsewhere

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.frames and not self.points_only:
            raise BadScene(f"{self.name}: no usable frame ({'; '.join(self.findings) or 'none were found'})")
        if len({frame.name for frame in self.frames}) != len(self.frames):
            raise BadScene(f"{self.name}: two frames have the same name")
