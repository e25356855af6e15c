"""OpenScene's processed folders: points, posed images, and the fused features that were published.

    DATA/scannet_3d/train/
      scene0000_00_vh_clean_2.pth        (coordinates, colours, labels); the short name too
    DATA/scannet_2d/                     (optional with --fused)
      intrinsics.txt                     4x4, for images of their own size
      scene0000_00/                      color/0.jpg  depth/0.png  pose/0.txt
    DATA/matterport_3d/test/             HOUSE_region0.pth
    DATA/matterport_2d/HOUSE/            the same, and intrinsic/NAME.txt
    DATA/nuscenes_3d/val/                SCENE.pth
    DATA/nuscenes_2d/val/SCENE/          color/back.jpg  pose/back.npy  K/back.npy
    DATA/replica_3d/, DATA/custom_3d/    office0.pth: no folders for splits
      office0.json                       {"3": "chair"}: names of the labels (optional, and ours)

    FUSED/                                 {"feat", "mask_full"}: give it with --fused
      scene0000_00_0.pt ..., HOUSE_region0_0.pt, SCENE.pt

PATH is DATA, one of its folders NAME_3d or NAME_3d/val, or a folder of such DATA folders. Features of --fused are taken
in place of ours; --encoder names the network whose text tower they were made for (OpenSeg: openclip with --model
ViT-L-14-336, LSeg: ViT-B-32), which is asked when people search. Where chunks of a scene overlap their vectors are
equal, and the first is taken. Vectors are brought to unit length, but for --compat openscene, which keeps their
length. A region of Matterport takes the cameras inside its box, or else the 100 nearest.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.regular import is_file, is_folder
from ...core.scene import Frame, PointCloud, Scene
from ..compat.openscene import CONSTANTS
from ..files.confined import Confined
from ..files.images import IMAGE_SUFFIXES
from ..files.json_text import read_label_names
from ..files.poses import read_pose, up_axis_of
from ..formats.frame_options import UP_AXIS_HELP, FrameOptions, UpAxis
from ..formats.matterport.regions import cameras_inside, cameras_nearest
from ..formats.openscene.files import read_features, read_points
from ..formats.openscene.layout import Place, feature_files, find_scenes
from ..formats.rgbd.frames import Reading, read_frames
from ..formats.rgbd.layout import Layout
from ..imported_features import ImportedFeatures

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options(FrameOptions):
    """How the folders are read."""

    fused: Path | None = field(
        default=None,
        metadata={"help": "A folder of fused features (.pt), used in place of ours.", "recipe": False},
    )
    depth_scale: float | None = field(
        default=None, metadata={"help": "Depth units per metre; by the folder's name, else 1000."}
    )
    up_axis: UpAxis = field(default="auto", metadata={"help": UP_AXIS_HELP})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")
        if self.fused is not None and not is_folder(self.fused):
            raise BadInput(f"--fused {self.fused}: no such folder.")


def scene_names(root: Path, options: Options) -> list[str]:
    """The scenes with points; with --fused, those that have features."""
    places = find_scenes(root)
    if not places:
        raise BadInput(
            f"{root}: no processed scene. Looked for folders such as scannet_3d or custom_3d with .pth files in it, or "
            "in their folders train, val and test"
        )
    if options.fused is None:
        return sorted(places)
    names = [name for name in sorted(places) if feature_files(options.fused, name)]
    if not names:
        raise BadInput(f"--fused {options.fused}: no features of any of the {len(places)} scenes below {root}")
    if len(names) < len(places):
        log.warning("%d of %d scenes left out: no features in %s", len(places) - len(names), len(places), options.fused)
    return names


def scan_files(root: Path, name: str, options: Options) -> list[Path]:
    """The points, their names, and the folder and the file that their images come with."""
    place = find_scenes(root).get(name)
    if place is None:
        return []
    return [place.points, *(path for path in (place.label_names, place.pictures, place.intrinsics) if path is not None)]


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene; it may be without pictures where its features are given."""
    place = find_scenes(root).get(name)
    if place is None:
        raise BadScene(f"{name[:100]}: no {name[:100]}.pth in a folder such as scannet_3d below {root}")
    points, findings = _points(place, options)
    frames: tuple[Frame, ...] = ()
    if place.pictures is not None:
        frames, more = _frames(place, points, options, unpacked)
        findings += more
    elif options.fused is None:
        raise BadScene(f"{name}: no folder with its images beside {place.points}; give its features with --fused")
    if frames and options.up_axis == "auto":
        up_axis = up_axis_of(frames)
    else:
        up_axis = "z" if options.up_axis == "auto" else options.up_axis
    source = str(place.points.absolute())
    return Scene(name, frames, points, source, place.split, up_axis, tuple(findings), points_only=not frames)


def feature_paths(root: Path, name: str, options: Options) -> list[Path]:
    """The files with the scene's features; none unless --fused is given."""
    if options.fused is None:
        return []
    paths = feature_files(options.fused, name)
    if not paths:
        raise BadScene(f"{name}: no features {name}_0.pt or {name}.pt in {options.fused}")
    confined = Confined(options.fused, options.follow_links)
    return [confined(path) for path in paths]


def load_features(paths: Sequence[Path]) -> ImportedFeatures:
    """Chunks put together, a point once."""
    return read_features(paths)


def _points(place: Place, options: Options) -> tuple[PointCloud, list[str]]:
    """The points, their labels named by the file beside them, else by the folder, and findings."""
    confined = Confined(place.points.parent, options.follow_links)
    path = confined(place.points)
    if is_file(place.label_names):
        return read_points(path, read_label_names(confined(place.label_names))), []
    points = read_points(path, dict(enumerate(place.classes)))
    last = max(points.label_names, default=-1)
    if not place.classes or last < len(place.classes):
        return points, []
    names = {label: f"class {label}" for label in points.label_names}
    finding = (
        f"label {last} is none of the {len(place.classes)} classes of {place.kind}_3d: the labels belong to another "
        f"set and are called 'class {last}' and so on; their names can be given in {place.label_names.name}"
    )
    return replace(points, label_names=names), [finding]


def _frames(place: Place, points: PointCloud, options: Options, unpacked: Path) -> tuple[tuple[Frame, ...], list[str]]:
    folder = place.pictures
    assert folder is not None
    confined = Confined(folder, options.follow_links)
    pictures = _files(folder / "color", IMAGE_SUFFIXES, confined)
    poses = _files(folder / "pose", {".txt", ".npy"}, confined)
    if not pictures or not poses:
        raise BadScene(f"{folder}: no images in color/ or no poses in pose/; OpenScene keeps them there")
    findings = []
    if place.kind == "matterport":
        pictures, finding = _of_region(pictures, poses, points)
        findings.append(finding)
    cameras = _files(folder / "intrinsic", {".txt"}, confined) or _files(folder / "K", {".npy", ".txt"}, confined)
    shared = place.intrinsics and Confined(place.intrinsics.parent, options.follow_links)(place.intrinsics)
    depth_scale = options.depth_scale or CONSTANTS[place.kind].depth_scale
    layout = Layout(pictures, _files(folder / "depth", {".png"}, confined), poses, cameras or shared, None, None)
    reading = Reading(depth_scale=depth_scale, stride=options.frame_stride, limit=options.frame_limit)
    frames, more = read_frames(folder, layout, reading, unpacked)
    if place.kind == "replica" and frames[0].camera == CONSTANTS["replica"].camera:
        more.append("fx is OpenScene's 317.5; for images stretched as these are it would be 320")
    return frames, [*findings, *more]


def _of_region(pictures: dict[str, Path], poses: dict[str, Path], points: PointCloud) -> tuple[dict[str, Path], str]:
    """The pictures of a house that belong to one of its regions."""
    names = sorted(set(pictures) & set(poses))
    matrices = {name: read_pose(poses[name]) for name in names}
    names = [name for name in names if np.isfinite(matrices[name]).all()]
    centres = np.array([matrices[name][:3, 3] for name in names]).reshape(-1, 3)
    rows = cameras_inside(centres, points.xyz)
    finding = f"{len(rows)} of {len(names)} cameras of the house are inside the region"
    if not rows:
        rows = cameras_nearest(centres, names, points.xyz)
        finding = f"no camera of the house is inside the region; the {len(rows)} nearest were used"
    return {names[row]: pictures[names[row]] for row in rows}, finding


def _files(folder: Path, suffixes: set[str] | frozenset[str], confined: Confined) -> dict[str, Path]:
    """Files of these kinds by their stems; none where there is no such folder."""
    found: dict[str, Path] = {}
    for path in entries(folder) if is_folder(folder) else ():
        if path.suffix.lower() in suffixes:
            if path.stem in found:
                raise BadScene(f"{folder}: {found[path.stem].name} and {path.name} have the same name")
            found[path.stem] = confined(path)
    return found
