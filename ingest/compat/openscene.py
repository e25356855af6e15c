"""Everything that `--compat openscene` changes, and that `ovstore preprocess` reads otherwise (openscene.md 1.1, 2.2).

    compat = compat_of("scannet", Path("scans"), "lseg")
    options = scannet.Options(**compat.dataset_options)        # likewise the encoder's
    images = working_images("scannet", compat.visibility)      # frames at the size that OpenScene worked on

The rules themselves are options like any other (VisibilityOptions, FusionOptions, the modes of encoders); here it is
said which of them are OpenScene's. Explicit options override all but `fusion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from ...core.errors import BadInput
from ...core.features import Correspondence
from ...core.scene import Camera, Frame
from ..formats.openscene.layout import Kind, find_scenes
from ..fusion.fuse import FusionOptions
from ..fusion.visibility import VisibilityOptions

VISIBILITY = VisibilityOptions(depth_tolerance=0.25, border=10, compat=True)  # a dataset has its own two numbers
FUSION = FusionOptions(weighting="mean", normalise_views=False, unit_length=False)
ENCODER_OPTIONS: Mapping[str, Mapping[str, Any]] = {  # with which the numbers of its published features come out
    "lseg": {"mode": "openscene", "unit": False, "precision": "float32"},
    "openseg": {"mode": "openscene", "unit": False},
}


@dataclass(frozen=True)
class Constants:
    """One dataset as OpenScene's scripts treat it."""

    width: int  # of colour and depth images alike, in pixels
    height: int
    depth_scale: float | None  # stored units per metre; None: no depth images, points hide nothing
    depth_tolerance: float  # share of the reading
    border: int  # pixels
    camera: Camera | None = None  # fixed at the size above, whatever the files say; None: the frame's own, adjusted
    options: Mapping[str, Any] = field(default_factory=dict)  # of its importer, where our defaults read otherwise
    preprocessing: Mapping[str, Any] = field(default_factory=dict)  # besides, those its processed files were made with
    bilinear: bool = False  # how pictures are brought to the size above; False: the nearest pixel

    def frame(self, frame: Frame) -> Frame:
        """`frame` with the camera of its picture resized to (width, height) by OpenScene's rule."""
        return replace(frame, camera=self.camera or adjusted(frame.camera, self.width, self.height))


CONSTANTS: Mapping[str, Constants] = {
    "scannet": Constants(
        320, 240, 1000.0, 0.25, 10, Camera(320, 240, 288.9353025, 288.9353025, 159.5, 119.5),
        preprocessing={"frame_stride": 20, "labels": "nyu40"},
    ),
    "matterport": Constants(
        640, 512, 4000.0, 0.02, 10, options={"y_origin": "top"}, preprocessing={"labels": "21", "views": "house"}
    ),
    "replica": Constants(
        640, 360, 6553.5, 0.25, 10, Camera(640, 360, 317.5, 317.6470588235294, 319.5, 179.5),
        preprocessing={"frame_stride": 10}, bilinear=True,
    ),
    "nuscenes": Constants(800, 450, None, 0.25, 5, preprocessing={"unit": "keyframe"}, bilinear=True),
    "custom": Constants(1920, 1280, 1000.0, 0.25, 10),
}  # fmt: skip


@dataclass(frozen=True)
class Compat:
    """What `--compat openscene` changes for scans of one format under one encoder."""

    visibility: VisibilityOptions
    fusion: FusionOptions
    dataset_options: Mapping[str, Any]  # of the importer, by name; they count as chosen by the person
    encoder_options: Mapping[str, Any]


@dataclass(frozen=True)
class WorkingImages:
    """Frames as networks and visibility see them: as they are, or at the size that OpenScene worked on."""

    constants: Constants | None = None

    @property
    def bilinear(self) -> bool:
        """How images are brought to that size; False: by taking the nearest pixels."""
        return self.constants is not None and self.constants.bilinear

    def frame(self, frame: Frame) -> Frame:
        """`frame` with the camera of the image that is seen."""
        return frame if self.constants is None else self.constants.frame(frame)

    def in_own_pixels(self, frame: Frame, seen: Correspondence) -> Correspondence:
        """What was seen in the pixels of `self.frame(frame)`, in the pixels of the image as it is."""
        own, worked_on = frame.camera, self.frame(frame).camera
        if (own.width, own.height) == (worked_on.width, worked_on.height):
            return seen
        scale = np.array([own.width / worked_on.width, own.height / worked_on.height])
        return replace(seen, uv=((seen.uv + 0.5) * scale - 0.5).astype(np.float32))


def compat_of(format: str, root: Path, encoder: str) -> Compat:
    """The options that reproduce OpenScene's numbers; processed files count as the dataset their folders are of."""
    if format == "openscene":
        kinds = sorted({place.kind for place in find_scenes(root).values()})
        if len(kinds) > 1:
            raise BadInput(
                f"{root} holds files of {' and '.join(kinds)}, which OpenScene treats differently: name one folder"
            )
        constants = CONSTANTS[kinds[0]] if kinds else None
    else:
        constants = CONSTANTS.get(format)
    seen = VISIBILITY
    if constants is not None:
        seen = replace(seen, depth_tolerance=constants.depth_tolerance, border=constants.border)
    return Compat(seen, FUSION, constants.options if constants else {}, ENCODER_OPTIONS.get(encoder, {}))


def working_images(format: str, visibility: VisibilityOptions) -> WorkingImages:
    """How frames of scans of `format` are seen; processed files have OpenScene's size already."""
    return WorkingImages(CONSTANTS.get(format) if visibility.compat else None)


def preprocessing_options(format: str) -> dict[str, Any]:
    """Options of a format's importer, by which it reads what OpenScene reads."""
    constants = CONSTANTS.get(format)
    return {} if constants is None else {**constants.options, **constants.preprocessing}


def kind_of_format(format: str) -> Kind:
    """What scans of a format are to OpenScene: one of its datasets, or custom."""
    return next((kind for kind in get_args(Kind) if kind == format), "custom")


def adjusted(camera: Camera, width: int, height: int) -> Camera:
    """OpenScene's resizing of intrinsics: as if cropped to keep the aspect, and corners instead of centres scaled.

    It differs from `Camera.resized` by up to half a pixel, and in fx where the picture was stretched (Replica).
    """
    if (width, height) == (camera.width, camera.height):
        return camera
    kept_width = height * camera.width // camera.height
    return Camera(
        width,
        height,
        camera.fx * (kept_width / camera.width),
        camera.fy * (height / camera.height),
        camera.cx * ((width - 1) / (camera.width - 1)),
        camera.cy * ((height - 1) / (camera.height - 1)),
    )
