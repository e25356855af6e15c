"""ScanNet++: laser-scan meshes with DSLR images, or with those of an iPhone and its depth.

    DATA/data/036bce3393/                            or PATH is the folder 'data', or one scene
      scans/mesh_aligned_0.05.ply                    the mesh: its vertices are the points
      scans/segments.json  segments_anno.json        segments, objects with names      (optional)
      dslr/resized_undistorted_images/DSC00001.JPG   with nerfstudio/transforms_undistorted.json
      dslr/resized_images/                           else these: fisheye, straightened once, with
                                                     nerfstudio/transforms.json
      iphone/rgb/frame_000000.jpg                    with --camera iphone
      iphone/depth/frame_000000.png                  millimetres
      iphone/nerfstudio/transforms.json
    DATA/splits/nvs_sem_train.txt ...                the scenes' splits                (optional)

Pictures and depth of the iPhone are those that the toolkit's iphone.prepare_iphone_data extracts. Points stay in the
scan's world; where objects overlap, a point is the smallest one's, as in the toolkit. The DSLR has no depth.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ...core.errors import BadInput, BadScene
from ...core.listing import matching
from ...core.regular import is_file, is_folder
from ...core.scene import PointCloud, Scene
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.whole import read_words
from ..formats.frame_options import FrameOptions
from ..formats.nerfstudio.frames import Reading, read_frames
from ..formats.nerfstudio.transforms import Listed, read_transforms
from ..formats.scannet.labels import read_aggregation, read_segments
from ..formats.scene_folders import scene_folder, scene_folders

MESH, SEGMENTS, OBJECTS = "scans/mesh_aligned_0.05.ply", "scans/segments.json", "scans/segments_anno.json"
MILLIMETRES = 1000.0
_BELOW = ("", "data")
_SPLITS = {"train": "nvs_sem_train.txt", "val": "nvs_sem_val.txt", "test": "*test*.txt"}
# What the toolkit's common/utils/nerfstudio.py does to the mesh's world: x and y change places, z turns round.
_MESH_TO_TRANSFORMS = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])


@dataclass(frozen=True)
class Options(FrameOptions):
    """Which pictures of a scene are read."""

    camera: Literal["dslr", "iphone"] = field(default="dslr", metadata={"help": "The camera whose images are used."})
    views: Literal["all", "train", "test"] = field(
        default="all", metadata={"help": "All images, those for training, or those reserved for novel view synthesis."}
    )
    scene_list: str = field(
        default="",
        metadata={"help": "A text file with one scene name per line (nvs_sem_val.txt): only those.", "recipe": False},
    )


def scene_names(root: Path, options: Options) -> list[str]:
    """The scenes below `root`, or those of --scene-list."""
    expected = f"ScanNet++ scene. Looked for {MESH} in it, in its folders, and in those of 'data'"
    found = scene_folders(root, _is_scene, expected, _BELOW)
    if not options.scene_list:
        return found
    try:
        listed = set(read_words(Path(options.scene_list)))
    except BadScene as error:
        raise BadInput(f"--scene-list: {error}") from error
    if not listed & set(found):
        raise BadInput(f"none of the {len(listed)} scenes of {options.scene_list} is below {root}")
    return sorted(listed)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene; pictures of the fisheye are straightened below `unpacked`."""
    folder = scene_folder(root, name, _is_scene, MESH, _BELOW)
    confined = Confined(folder, options.follow_links)
    transforms, pictures = _pictures(folder, options.camera)
    listed, notes = _in_mesh_world(confined(transforms), options)
    depths = folder / "iphone" / "depth"
    if options.camera == "iphone" and is_folder(depths):
        listed = [replace(entry, depth_file_path=f"{Path(entry.file_path).stem}.png") for entry in listed]
    reading = Reading(pictures, depths, 1.0, MILLIMETRES, options.frame_stride, options.frame_limit)
    frames, findings = read_frames(listed, reading, confined, unpacked)
    findings = [f"pictures: {pictures.relative_to(folder)}", *notes, *findings]
    points, more = _points(folder, confined)
    return Scene(name, frames, points, str(folder.absolute()), _split(root, name, options), findings=(*findings, *more))


def _is_scene(folder: Path) -> bool:
    return is_file(folder / MESH)


def _pictures(folder: Path, camera: str) -> tuple[Path, Path]:
    """The file with the cameras, and the folder with its pictures."""
    if camera == "iphone":
        choices = [("iphone/nerfstudio/transforms.json", "iphone/rgb")]
    else:
        choices = [
            ("dslr/nerfstudio/transforms_undistorted.json", "dslr/resized_undistorted_images"),
            ("dslr/nerfstudio/transforms.json", "dslr/resized_images"),
        ]
    for transforms, pictures in choices:
        if is_file(folder / transforms) and is_folder(folder / pictures):
            return folder / transforms, folder / pictures
    hint = "; extract the video with the toolkit's iphone.prepare_iphone_data" if camera == "iphone" else ""
    looked = ", nor ".join(" with ".join(choice) for choice in choices)
    raise BadScene(f"{folder.name}: no images of the {camera}: neither {looked}{hint}")


def _in_mesh_world(transforms: Path, options: Options) -> tuple[list[Listed], tuple[str, ...]]:
    keys = {"all": ("frames", "test_frames"), "train": ("frames",), "test": ("test_frames",)}[options.views]
    back = np.linalg.inv(_MESH_TO_TRANSFORMS)
    read = read_transforms(transforms, keys)
    return [replace(entry, camera_to_world=back @ entry.camera_to_world) for entry in read.frames], read.notes


def _points(folder: Path, confined: Confined) -> tuple[PointCloud, list[str]]:
    """The mesh with what is known of its vertices."""
    points = replace(read_cloud(confined(folder / MESH)), labels=None, instances=None, segments=None)
    if not is_file(folder / SEGMENTS):
        return points, []
    segments = points.of_file(read_segments(confined(folder / SEGMENTS), points.rows_in_file))
    points = replace(points, segments=segments)
    if not is_file(folder / OBJECTS):
        return points, []
    labels, instances, names, findings = read_aggregation(confined(folder / OBJECTS), segments, smallest_first=True)
    return replace(points, labels=labels, instances=instances, label_names=names), findings


def _split(root: Path, name: str, options: Options) -> str | None:
    for place in (root, root.parent):
        confined = Confined(place, options.follow_links)
        for split, pattern in _SPLITS.items():
            for listing in matching(place / "splits", pattern):
                listed = confined(listing)
                if is_file(listed) and name in read_words(listed):
                    return split
    return None
