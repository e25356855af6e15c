"""ARKitScenes: recordings of an iPad with lidar, meshes, boxes around furniture; the sets raw and 3dod.

    ARKITSCENES/Training/40753679/                  or directly below ARKITSCENES
      lowres_wide/40753679_6845.806.png             images, 256x192
      lowres_depth/40753679_6845.806.png            millimetres
      lowres_wide_intrinsics/40753679_6845.806.pincam
      lowres_wide.traj                              poses
      40753679_3dod_mesh.ply                        the points; else they are made from depth
      40753679_3dod_annotation.json                 boxes with names: labels           (optional)

In the set 3dod the first four lie in 40753679_frames/. PATH is the folder with the recordings (or with Training and
Validation, which tell the split), or one recording. Pictures are stored on their side mostly, and turned until the sky
is up. Of the set raw, --color vga_wide takes larger images; the set upsampling has no poses and cannot be read.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.names import is_file_name
from ...core.regular import is_file, is_folder
from ...core.scene import Frame, PointCloud, Scene
from ..cameras.upright import upright
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..formats.arkitscenes.boxes import labelled, read_boxes
from ..formats.arkitscenes.frames import TRAJECTORY, read_frames
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud

_SPLITS = {"Training": "train", "Validation": "val"}


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """How ARKitScenes is read."""

    frame_stride: int = field(
        default=5, metadata={"help": "Take every n-th frame with a pose; there are ten per second."}
    )
    color: Literal["lowres_wide", "vga_wide", "wide"] = field(
        default="lowres_wide",
        metadata={"help": "Colour images: 256x192, 640x480 or 1920x1440, if they were downloaded."},
    )
    depth: Literal["lowres_depth", "highres_depth"] = field(
        default="lowres_depth", metadata={"help": "Depth: of the iPad, or rendered from laser scans (few frames)."}
    )
    as_stored: bool = field(
        default=False, metadata={"help": "Keep images as they are stored, even if they are on their side."}
    )
    depth_scale: float | None = field(default=None, metadata={"help": "Depth units per metre, 1000 by default."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")


def scene_names(root: Path, options: Options) -> list[str]:
    """The recordings."""
    try:
        if _frames_folder(root, root.resolve().name):
            return [root.resolve().name]
        folders = [path for place in _places(root) for path in entries(place)]
        names = sorted({path.name for path in folders if _frames_folder(path, path.name)})
    except OSError as error:
        raise BadInput(f"{root}: {error.strerror or error}") from error
    if not names:
        raise BadInput(
            f"{root}: no ARKitScenes recording. Looked for folders with {TRAJECTORY} or with lowres_wide, in it and in "
            "Training and Validation"
        )
    return names


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One recording; pictures that are turned lie below `unpacked`."""
    folder = _folder(root, name)
    where = folder and _frames_folder(folder, name)
    if folder is None or where is None:
        raise BadScene(f"{name[:100]}: no folder of that name with {TRAJECTORY} or lowres_wide below {root}")
    confined = Confined(folder, options.follow_links)
    frames, findings = read_frames(
        where,
        options.color,
        options.depth,
        options.frame_stride,
        options.frame_limit,
        options.depth_scale,
        confined,
    )
    if not frames:
        raise BadScene(f"{name}: no usable frame ({'; '.join(findings)})")
    points, more = _points(folder, name, frames, options, confined)
    if not options.as_stored:
        frames, turned = upright(frames, unpacked)
        more += turned
    split = _SPLITS.get(folder.resolve().parent.name)
    return Scene(name, frames, points, str(folder.absolute()), split, findings=(*findings, *more))


def _places(root: Path) -> list[Path]:
    return [root, *(root / split for split in _SPLITS if is_folder(root / split))]


def _folder(root: Path, name: str) -> Path | None:
    """The folder of one recording, found without a look at the others."""
    if not is_file_name(name):
        return None
    if name == root.resolve().name and _frames_folder(root, name):
        return root
    return next((place / name for place in _places(root) if _frames_folder(place / name, name)), None)


def _frames_folder(folder: Path, name: str) -> Path | None:
    """Where the pictures of a recording lie: in its folder (raw), or one below (3dod)."""
    within = (folder / f"{name}_frames",) if is_file_name(name, "_frames") else ()
    for where in (folder, *within):
        if is_file(where / TRAJECTORY) or is_folder(where / "lowres_wide"):
            return where
    return None


def _points(
    folder: Path, name: str, frames: tuple[Frame, ...], options: Options, confined: Confined
) -> tuple[PointCloud, list[str]]:
    """The mesh's vertices, or points made from the depth; labelled by the boxes."""
    mesh, boxes = (confined(folder / f"{name}_3dod_{kind}") for kind in ("mesh.ply", "annotation.json"))
    if is_file(mesh):
        points, findings = replace(read_cloud(mesh), labels=None, instances=None, segments=None), []
    else:
        points, finding = depth_cloud(name, frames, options)
        findings = [f"{finding} (no {mesh.name})"]
    if is_file(boxes):
        known = read_boxes(boxes)
        points = labelled(points, known)
        findings.append(f"labels: of the {len(known)} boxes that points lie in")
    return points, findings
