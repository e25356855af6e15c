"""Record3D: .r3d recordings of an iPhone's or iPad's lidar, one file each.

    SCANS/
      office.r3d            a zip archive of the following
        metadata            JSON: sizes, intrinsics, a pose for each frame
        rgbd/0.jpg          images
        rgbd/0.depth        metres, compressed with LZFSE
        rgbd/0.conf         0 to 2: how sure a reading is      (optional)

PATH is one such file, or a folder with them, or with folders that hold them. Poses map the camera to the world, with
OpenGL's axes and y up in the world. Points are made from the depth. Images are turned until the sky is up, where the
phone was not held upright. Needs `pip install 'ovstore[record3d]'`.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.regular import is_file, is_folder
from ...core.scene import Scene
from ..cameras.upright import upright
from ..files.confined import Confined
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud
from ..formats.record3d.frames import SURE, Archive, read_frames

SUFFIX = ".r3d"
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.min_confidence <= SURE:
            raise BadInput(f"--min-confidence must be 0, 1 or {SURE}, not {self.min_confidence}.")


def scene_names(root: Path, options: Options) -> list[str]:
    """The recordings, by their names without .r3d."""
    found = _recordings(root)
    if not found:
        raise BadInput(f"{root}: no Record3D recording. Looked for files *{SUFFIX} in it and in each of its folders")
    names = sorted(path.stem for path in found)
    for one, other in pairwise(names):
        if one == other:
            raise BadInput(f"{root}: two recordings named {one}{SUFFIX}; ingest one of their folders at a time")
    return names


def check_layout(root: Path, name: str, options: Options) -> None:
    """BadScene where the archive or its metadata cannot be read."""
    _archive(root, name, options)


def scan_files(root: Path, name: str, options: Options) -> list[Path]:
    """The archive."""
    return [_recording(root, name)]


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One recording; its images and depth are unpacked below `unpacked`."""
    archive = _archive(root, name, options)
    frames, findings = read_frames(archive, options.frame_stride, options.frame_limit, options.min_confidence, unpacked)
    if not frames:
        raise BadScene(f"{name}: no usable frame ({'; '.join(findings) or 'no images rgbd/0.jpg'})")
    points, finding = depth_cloud(name, frames, options)
    findings.append(finding)
    if not options.as_stored:
        frames, turned = upright(frames, unpacked, _UP)
        findings += turned
    return Scene(name, frames, points, str(archive.path), up_axis="y", findings=tuple(findings))


def _archive(root: Path, name: str, options: Options) -> Archive:
    path = _recording(root, name)
    return Archive(Confined(path.parent, options.follow_links)(path))


def _recording(root: Path, name: str) -> Path:
    for path in _recordings(root):
        if path.stem == name:
            return path
    raise BadScene(f"{name[:100]}: no {SUFFIX} of that name in {root} and its folders")


def _recordings(root: Path) -> list[Path]:
    if root.suffix.lower() == SUFFIX and is_file(root):
        return [root]
    try:
        below = entries(root)
        listed = [*below, *(path for folder in below if is_folder(folder) for path in entries(folder))]
    except OSError as error:
        raise BadInput(f"{root}: {error.strerror or error}") from error
    return [path for path in listed if path.suffix.lower() == SUFFIX and not is_folder(path)]
