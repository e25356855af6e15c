"""Any folder of posed RGB-D: images, depth, poses, intrinsics, and a cloud or mesh where there is one.

    SCENE/
      color/ (colour, rgb, images ...)  00000.jpg  .jpg .png .ppm .bmp .webp .tif
      depth/                            00000.png  16 bits or floats in .png .pgm .tif .exr .npy
      trajectory.log, pose.txt, traj.txt, groundtruth.txt ..., or pose/, one text file per frame
      intrinsic.txt, camera_intrinsic.json ...    or --fx --fy --cx --cy
      mesh.ply, cloud.ply or any only .ply        else points are made from depth      (optional)
      label_names.json                            {"3": "chair"} for the .ply's labels (optional)

PATH is one such folder, or a folder of many. Frames belong together by name, by number, or by time where the names are
timestamps (TUM). Poses are camera-to-world and cameras look along +z with y down, unless options say otherwise; a
negative fy is right for left-handed worlds (ICL-NUIM) and for images stored upside down. Without intrinsics of its
own the depth camera is the colour camera at the size of the depth image.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.names import is_file_name
from ...core.regular import is_file, is_folder
from ...core.scene import PointCloud, Scene
from ...core.wording import reason
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.json_text import read_label_names
from ..files.poses import up_axis_of
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud, no_points
from ..formats.frame_options import UP_AXIS_HELP, UpAxis
from ..formats.rgbd.frames import Reading, check_files, read_frames
from ..formats.rgbd.layout import Layout, Named, find_layout, is_scene
from ..formats.rgbd.poses import PoseKey, PoseReading
from ..formats.scene_folders import is_scene_or_broken


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """What the folder does not say of itself."""

    color: str = field(default="", metadata={"help": "Colour images: a folder or pattern inside the scene's folder."})
    depth: str = field(default="", metadata={"help": "Depth images: a folder or pattern."})
    poses: str = field(default="", metadata={"help": "Poses: a trajectory file, or a folder or pattern of files."})
    intrinsics: str = field(default="", metadata={"help": "Intrinsics: a file, or a folder with one per frame."})
    cloud: str = field(
        default="", metadata={"help": "A .ply, .pcd, .las, .laz or .xyz with the points, inside the scene's folder."}
    )
    masks: str = field(
        default="",
        metadata={
            "help": "Masks of the images: a folder or pattern of mask images, 0 where pixels are not to be used.",
            "later": True,
        },
    )
    depth_scale: float | None = field(
        default=None, metadata={"help": "Depth units per metre; 1000 for integers and 1 for floats by default."}
    )
    fx: float | None = field(
        default=None, metadata={"help": "Focal length in pixels of the colour image, where no file has intrinsics."}
    )
    fy: float | None = field(
        default=None,
        metadata={"help": "Vertical focal length, by default that of --fx; negative if the world is left-handed."},
    )
    cx: float | None = field(
        default=None, metadata={"help": "Column of the principal point in pixels, the image's middle by default."}
    )
    cy: float | None = field(
        default=None, metadata={"help": "Row of the principal point in pixels, the image's middle by default."}
    )
    world_to_camera: bool = field(default=False, metadata={"help": "The poses map the world into the camera."})
    axes: Literal["opencv", "opengl"] = field(
        default="opencv",
        metadata={"help": "The cameras' axes: y down, z forward; or y up, z backward (Blender, NeRF, ARKit)."},
    )
    quaternion: Literal["xyzw", "wxyz"] = field(
        default="xyzw",
        metadata={
            "help": "The order of the poses' quaternions, where the file has no line that names its columns.",
            "later": True,
        },
    )
    pose_key: PoseKey = field(
        default="auto",
        metadata={
            "help": "What determines the image of a pose in a trajectory: the image's name, the time, the first or "
            "third number of a line, or the order; auto uses what the file has.",
            "later": True,
        },
    )
    pose_gap: float | None = field(
        default=None,
        metadata={
            "help": "Interpolate poses between timestamps at most this many seconds apart; without it images use "
            "the nearest pose within 0.02 s.",
            "later": True,
        },
    )
    world_scale: float = field(
        default=1.0, metadata={"help": "Units of poses and cloud per metre (1000 for millimetres)."}
    )
    up_axis: UpAxis = field(default="auto", metadata={"help": UP_AXIS_HELP})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fx is None and any(value is not None for value in (self.fy, self.cx, self.cy)):
            raise BadInput("--fy, --cx and --cy require --fx.")
        self._require_positive("depth_scale", "world_scale", "pose_gap")

    @property
    def named(self) -> Named:
        """The files that were named rather than left to be found."""
        return Named(self.color, self.depth, self.poses, self.intrinsics, self.cloud, self.masks)

    @property
    def reading(self) -> Reading:
        """How the files become frames."""
        return Reading(
            None if self.fx is None else (self.fx, self.fy, self.cx, self.cy),
            self.depth_scale,
            PoseReading(
                self.world_to_camera,
                self.axes == "opengl",
                self.world_scale,
                self.quaternion,
                self.pose_key,
                self.pose_gap,
            ),
            self.frame_stride,
            self.frame_limit,
        )


def scene_names(root: Path, options: Options) -> list[str]:
    """The folders with pictures: `root` itself, or those directly below it."""
    folders = _scene_folders(root, options)
    if not folders:
        raise BadInput(
            f"{root}: no posed RGB-D. Looked in it and in each of its folders for a folder color, colour, rgb, "
            "images ... with images; name it with --color"
        )
    return sorted(folders)


def check_layout(root: Path, name: str, options: Options) -> None:
    """BadScene where files or options are missing."""
    folder, layout, _ = _found(root, name, options)
    check_files(folder, layout, options.reading)
    if layout.cloud is None and not layout.depths:
        raise BadScene(no_points(name))


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene, its points from its cloud or else from its depth."""
    folder, layout, confined = _found(root, name, options)
    frames, findings = read_frames(folder, layout, options.reading, unpacked)
    if layout.cloud is not None:
        points = _cloud(folder, layout.cloud, options, confined)
        findings.append(f"points: {layout.cloud.name}")
    else:
        points, finding = depth_cloud(name, frames, options)
        findings.append(finding)
    up_axis = up_axis_of(frames) if options.up_axis == "auto" else options.up_axis
    return Scene(name, frames, points, str(folder.absolute()), up_axis=up_axis, findings=tuple(findings))


def _found(root: Path, name: str, options: Options) -> tuple[Path, Layout, Confined]:
    """The scene's folder, and what is in it."""
    folder = _scene_folder(root, name, options)
    if folder is None:
        raise BadScene(f"{name[:100]}: no folder of that name with images below {root}")
    confined = Confined(folder, options.follow_links)
    return folder, find_layout(folder, options.named, confined), confined


def _scene_folders(root: Path, options: Options) -> dict[str, Path]:
    try:
        if is_scene(root, options.named):
            return {root.resolve().name: root}
        below = [path for path in entries(root) if is_folder(path)]
    except (OSError, BadScene) as error:
        raise BadInput(f"{root}: {reason(error)}") from error
    return {
        path.name: path for path in below if is_scene_or_broken(path, lambda folder: is_scene(folder, options.named))
    }


def _scene_folder(root: Path, name: str, options: Options) -> Path | None:
    """The folder of one scene, found without a look at the others."""
    if not is_file_name(name):
        return None
    folder = root if name == root.resolve().name and is_scene(root, options.named) else root / name
    return folder if is_folder(folder) and is_scene(folder, options.named) else None


def _cloud(folder: Path, path: Path, options: Options, confined: Confined) -> PointCloud:
    """The scene's own points in metres, with the names of their labels where label_names.json has them."""
    points = read_cloud(path)
    points = replace(points, xyz=points.xyz / options.world_scale)
    if points.labels is None:
        return points
    names = {label: f"label {label}" for label in np.unique(points.labels).tolist() if label >= 0}
    names |= points.label_names
    listing = folder / "label_names.json"
    if is_file(listing):
        names |= read_label_names(confined(listing))
    return replace(points, label_names=names)
