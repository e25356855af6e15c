"""TUM RGB-D: recordings of a Kinect with poses of a motion capture system.

    TUM/rgbd_dataset_freiburg1_desk/
      rgb/1305031102.175304.png          images, named by their time
      depth/1305031102.160407.png        5000 units per metre, registered to the images
      groundtruth.txt                    time tx ty tz qx qy qz qw, a hundred times a second

PATH is one such folder, or a folder of them. An image goes with the depth and the pose nearest in time, within 0.02 s.
The camera is the one that the benchmark's authors recommend for all recordings: fx = fy = 525, cx = 319.5, cy = 239.5
at 640x480, no distortion. Points are made from the depth. Take `rgbd` for another camera.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import BadScene
from ...core.listing import matching
from ...core.regular import is_file, is_folder
from ...core.scene import Camera, Scene
from ..files.confined import Confined
from ..files.images import image_size
from ..files.poses import up_axis_of
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud
from ..formats.rgbd.frames import Reading, read_frames
from ..formats.rgbd.layout import Layout
from ..formats.rgbd.poses import PoseReading
from ..formats.scene_folders import scene_folder, scene_folders

CAMERA = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)
DEPTH_SCALE = 5000.0  # stored units per metre
POSES = "groundtruth.txt"
_FOLDERS = "folders rgb and depth"


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """How a recording is read."""

    frame_stride: int = field(default=10, metadata={"help": "Take every n-th frame; there are thirty per second."})
    pose_gap: float | None = field(
        default=None,
        metadata={
            "help": "Interpolate poses between timestamps at most this many seconds apart; without it images use "
            "the nearest pose within 0.02 s.",
            "later": True,
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("pose_gap")


def scene_names(root: Path, options: Options) -> list[str]:
    """The recordings: `root` itself, or the folders in it."""
    expected = f"TUM recording. Looked for {_FOLDERS} in it and in each of its folders"
    return scene_folders(root, _is_recording, expected)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One recording."""
    folder = scene_folder(root, name, _is_recording, _FOLDERS)
    confined = Confined(folder, options.follow_links)
    if not is_file(folder / POSES):
        raise BadScene(f"{name}: no {POSES} in {folder}; recordings without poses cannot be read")
    images, depths = (
        {path.stem: confined(path) for path in matching(folder / part, "*.png")} for part in ("rgb", "depth")
    )
    if not images or not depths:
        raise BadScene(f"{folder}: {len(images)} images rgb/*.png and {len(depths)} depth/*.png; both are needed")
    camera = CAMERA.resized(*image_size(next(iter(images.values()))))
    reading = Reading(
        (camera.fx, camera.fy, camera.cx, camera.cy),
        DEPTH_SCALE,
        PoseReading(key="time", gap=options.pose_gap),
        stride=options.frame_stride,
        limit=options.frame_limit,
    )
    layout = Layout(images, depths, confined(folder / POSES), None, None, None)
    frames, findings = read_frames(folder, layout, reading, unpacked)
    points, finding = depth_cloud(name, frames, options)
    return Scene(
        name,
        frames,
        points,
        str(folder.absolute()),
        up_axis=up_axis_of(frames),
        findings=(*findings, finding),
    )


def _is_recording(folder: Path) -> bool:
    return is_folder(folder / "rgb") and is_folder(folder / "depth")
