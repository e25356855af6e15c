"""nuScenes: the official release, v1.0-mini, v1.0-trainval or v1.0-test.

    NUSCENES/
      v1.0-mini/           scene.json  sample.json  sample_data.json  ego_pose.json  sensor.json
                           calibrated_sensor.json  category.json  instance.json
                           sample_annotation.json
      samples/             CAM_FRONT/*.jpg ... LIDAR_TOP/*.pcd.bin     keyframes, 2 a second
      sweeps/              LIDAR_TOP/*.pcd.bin         sweeps between the keyframes    (optional)
      lidarseg/v1.0-mini/  TOKEN_lidarseg.bin          a category a point              (optional)
      panoptic/v1.0-mini/  TOKEN_panoptic.npz          and an instance                 (optional)

PATH is that folder. A scene is a drive of 20 s: the frames are the keyframes of the six cameras, the points their lidar
sweeps, one point kept in each cube of 0.1 m. With --unit keyframe each keyframe is a scene, scene-0061_000 and so on:
its six images, its sweep and those of the half second before it, every point kept. Sweeps and images go to the
global frame by the vehicle's pose at their own time. There is no depth: nothing hides what lies behind it, unless
--splat-radius is given.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...core.errors import BadInput, BadScene
from ...core.scene import Scene
from ..files.confined import Confined
from ..formats.drives import DriveOptions
from ..formats.nuscenes.drive import Drive, read_frames, read_points
from ..formats.nuscenes.labels import Labels
from ..formats.nuscenes.splits import scenes_of, split_of
from ..formats.nuscenes.tables import read_scenes, read_tables, version_folder

_VOXEL = {"scene": 0.1, "keyframe": 0.0}  # metres
_SWEEPS = {"scene": 0.0, "keyframe": 0.5}  # seconds


@dataclass(frozen=True)
class Options(DriveOptions):
    """What becomes of a release."""

    frame_stride: int = field(default=1, metadata={"help": "Take every n-th keyframe, its images and its sweep."})
    version: str = field(
        default="", metadata={"help": "The tables to read where there are several, such as v1.0-mini."}
    )
    unit: Literal["scene", "keyframe"] = field(
        default="scene", metadata={"help": "What becomes one scene: a whole drive of 20 s, or one keyframe of it."}
    )
    split: Literal["all", "train", "val", "test"] = field(
        default="all", metadata={"help": "All scenes, or only those of this official split.", "recipe": False}
    )
    sweep_seconds: float | None = field(
        default=None,
        metadata={
            "help": "Also use the sweeps between keyframes, from this many seconds before each keyframe; by "
            "default 0.5 for a keyframe and 0 for a drive."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_zero_or_more("sweep_seconds")


def scene_names(root: Path, options: Options) -> list[str]:
    """The release's scenes, or their keyframes; scene.json alone is read."""
    folder = version_folder(root, options.version)
    scenes = read_scenes(folder, Confined(root, options.follow_links))
    if options.split != "all":
        wanted = scenes_of(options.split, _is_mini(folder))
        if not (chosen := {name: row for name, row in scenes.items() if name in wanted}):
            raise BadInput(f"{folder}: none of its {len(scenes)} scenes is of the split {options.split!r}")
        scenes = chosen
    if not scenes:
        raise BadInput(f"{folder / 'scene.json'}: no scene in it")
    if options.unit == "scene":
        return sorted(scenes)
    return sorted(
        f"{name}_{i:03d}" for name, row in scenes.items() for i in range(0, row.samples, options.frame_stride)
    )


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One drive, or one keyframe."""
    folder = version_folder(root, options.version)
    confined = Confined(root, options.follow_links)
    scenes = read_scenes(folder, confined)
    keyframe = re.fullmatch(r"(.+)_(\d{3,6})", name, re.ASCII) if options.unit == "keyframe" else None
    drive_name = keyframe[1] if keyframe else name
    if drive_name not in scenes:
        raise BadScene(f"{name[:100]}: no scene of that name in {folder / 'scene.json'}")
    drive = Drive(read_tables(folder, confined), drive_name, scenes[drive_name].token)
    taken = drive.keyframes
    if not taken:
        raise BadScene(f"{name}: {folder / 'sample_data.json'} has no keyframe of it")
    if options.unit == "scene":
        taken = taken[:: options.frame_stride]
    elif keyframe and int(keyframe[2]) < len(taken):
        taken = [taken[int(keyframe[2])]]
    else:
        raise BadScene(
            f"{name}: the keyframes of {drive_name} are {drive_name}_000 to {drive_name}_{len(taken) - 1:03d}"
        )
    frames, findings = read_frames(drive, taken, options.frame_limit, confined)
    sweeps = drive.sweeps(taken, _or(options.sweep_seconds, _SWEEPS[options.unit]))
    labels = Labels(root, folder, confined)
    points, more = read_points(
        drive, sweeps, _or(options.voxel_size, _VOXEL[options.unit]), options.ego_radius, labels, confined
    )
    split = split_of(drive_name, _is_mini(folder))
    return Scene(name, tuple(frames), points, str(folder.absolute()), split, findings=(*findings, *more))


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _is_mini(folder: Path) -> bool:
    return "mini" in folder.name
