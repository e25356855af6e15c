"""Stray Scanner: an iPhone's or iPad's lidar recordings, as the app exports them.

    SCANS/71de12f9/
      rgb.mp4                   images, 1920x1440; or rgb/000000.jpg, extracted from it
      depth/000000.png          millimetres, 256x192, one for each frame of the video
      confidence/000000.png     0 to 2: how sure a reading is    (optional)
      odometry.csv              a pose for each frame; newer: fx, fy, cx, cy
      camera_matrix.csv         3x3, for frames without intrinsics of their own

PATH is one such folder, or a folder of them. Poses map the camera to the world, with OpenCV's axes and y up in the
world, as the app writes them. Images are mostly stored on their side, and turned until the sky is up. Points are made
from the depth. Reading rgb.mp4 needs `pip install 'ovstore[video]'`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import BadInput, BadScene
from ...core.regular import is_file, is_folder
from ...core.scene import Scene
from ..cameras.upright import upright
from ..files.confined import Confined
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud
from ..formats.scene_folders import scene_folder, scene_folders
from ..formats.strayscanner.frames import ODOMETRY, SURE, VIDEO, Selection, find_files, read_frames

_EXPECTED = f"{ODOMETRY} and depth/"
_UP = 1  # ARKit's world has y up


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """How a recording is read."""

    frame_stride: int = field(default=20, metadata={"help": "Take every n-th frame; there are up to sixty per second."})
    min_confidence: int = field(
        default=1, metadata={"help": "Leave out depth readings with a confidence below this: 0 (uses all), 1 or 2."}
    )
    as_stored: bool = field(
        default=False, metadata={"help": "Keep images as they are stored, even if they are on their side."}
    )
    depth_scale: float | None = field(default=None, metadata={"help": "Depth units per metre, 1000 by default."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")
        if not 0 <= self.min_confidence <= SURE:
            raise BadInput(f"--min-confidence must be 0, 1 or {SURE}, not {self.min_confidence}.")


def scene_names(root: Path, options: Options) -> list[str]:
    """The recordings: `root` itself, or the folders in it."""
    expected = f"Stray Scanner recording. Looked for {_EXPECTED} in it and in each of its folders"
    return scene_folders(root, _is_recording, expected)


def check_layout(root: Path, name: str, options: Options) -> None:
    """BadScene where files are missing."""
    folder = scene_folder(root, name, _is_recording, _EXPECTED)
    find_files(folder, Confined(folder, options.follow_links))


def scan_files(root: Path, name: str, options: Options) -> list[Path]:
    """The folder, its video with it."""
    folder = scene_folder(root, name, _is_recording, _EXPECTED)
    return [folder, folder / VIDEO]


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One recording; images of the video, turned ones and depth without unsure readings lie below `unpacked`."""
    folder = scene_folder(root, name, _is_recording, _EXPECTED)
    confined = Confined(folder, options.follow_links)
    selection = Selection(options.frame_stride, options.frame_limit, options.depth_scale, options.min_confidence)
    frames, findings = read_frames(folder, find_files(folder, confined), selection, unpacked, confined)
    if not frames:
        raise BadScene(f"{name}: no usable frame ({'; '.join(findings)})")
    points, finding = depth_cloud(name, frames, options)
    findings.append(finding)
    if not options.as_stored:
        frames, turned = upright(frames, unpacked, _UP)
        findings += turned
    return Scene(name, frames, points, str(folder.absolute()), up_axis="y", findings=tuple(findings))


def _is_recording(folder: Path) -> bool:
    return is_file(folder / ODOMETRY) and is_folder(folder / "depth")
