"""Matterport3D: the release, one scene per region of a house.

    SCANS/17DRP5sb8fy/
      region_segmentations/region0.ply                  its vertices are the points
      undistorted_camera_parameters/17DRP5sb8fy.conf    cameras
      undistorted_color_images/PANORAMA_i0_0.jpg        camera 0-2, turn 0-5
      undistorted_depth_images/PANORAMA_d0_0.png        4000 units a metre           (optional)
      house_segmentations/17DRP5sb8fy.house             the kind of room             (optional)
    SCANS/metadata/category_mapping.tsv                 names of the labels          (optional)
    SCANS/scenes_train.txt ..._val.txt ..._test.txt     else the benchmark's splits  (optional)

PATH is the folder with the houses (or with `scans` or `v1/scans`), or one house, its .zip files unpacked where they
are, so that their folders may lie in 17DRP5sb8fy/17DRP5sb8fy/ too. A scene is called 17DRP5sb8fy_region0. It takes the
images whose cameras are inside the box of its points; a region without any takes the 100 nearest of the house. The
table and the lists are also found in PATH and up to two folders above.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import BadInput, BadScene
from ...core.listing import matching
from ...core.regular import is_file
from ...core.scene import Scene
from ..files.confined import Confined
from ..formats.frame_options import FrameOptions
from ..formats.matterport.cameras import YOrigin, read_conf
from ..formats.matterport.frames import Choice, Views, region_frames
from ..formats.matterport.labels import TABLE, Category, LabelSet, read_categories
from ..formats.matterport.layout import REGIONS, beside, conf_of, houses, part, regions, required_part, split_of
from ..formats.matterport.points import read_region
from ..formats.matterport.rooms import read_room

_NAME = re.compile(r"(.+)_region(0|[1-9][0-9]{0,5})", re.DOTALL)


@dataclass(frozen=True)
class Options(FrameOptions):
    """How a house is cut into scenes and labelled."""

    labels: LabelSet = field(
        default="raw",
        metadata={"help": "raw: the annotators' names; else OpenScene's sets of that many classes."},
    )
    mapping: str = field(
        default="", metadata={"help": f"The release's {TABLE}, where it is not found beside the houses."}
    )
    views: Views = field(
        default="region",
        metadata={"help": "region: cameras inside the region, else the 100 nearest; house: all cameras of the house."},
    )
    y_origin: YOrigin = field(
        default="bottom",
        metadata={"help": "Where cy of the .conf counts from; documented as the bottom, OpenScene took the top."},
    )
    depth_scale: float = field(default=4000.0, metadata={"help": "Depth units per metre."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")


def scene_names(root: Path, options: Options) -> list[str]:
    """The regions of all houses below `root`."""
    found = {house: regions(part(folder, house, REGIONS) or folder) for house, folder in houses(root).items()}
    names = [f"{house}_region{number}" for house, numbers in found.items() for number in numbers]
    if not names:
        raise BadInput(
            f"{root}: no Matterport3D house. Looked for {REGIONS}/region0.ply in it and in its folders, also below "
            f"'scans' and 'v1/scans'; {REGIONS}.zip needs to be unpacked"
        )
    return sorted(names)


def scan_files(root: Path, name: str, options: Options) -> list[Path]:
    """What is of one region in its house's folder, and the house's cameras."""
    match = _NAME.fullmatch(name)
    house = match[1] if match else ""
    folder = houses(root).get(house)
    if match is None or folder is None or (meshes := part(folder, house, REGIONS)) is None:
        return []
    cameras = part(folder, house, "undistorted_camera_parameters")
    described = (part(folder, house, "house_segmentations") or folder) / f"{house}.house"
    return [*matching(meshes, f"region{int(match[2])}.*"), *([cameras] if cameras else []), described]


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One region of a house."""
    match = _NAME.fullmatch(name)
    house, region = (match[1], int(match[2])) if match else ("", 0)
    folder = houses(root).get(house)
    if folder is None:
        raise BadScene(f"{name[:80]}: no house of that name below {root}; scenes are called HOUSE_region0")
    confined = Confined(folder, options.follow_links)
    meshes = required_part(folder, house, REGIONS)
    if region not in (numbers := regions(meshes)):
        raise BadScene(f"{name}: no region{region}.ply in {meshes}, which has {len(numbers)} others")
    points, findings = read_region(confined(meshes / f"region{region}.ply"), _categories(root, options), options.labels)
    cameras = read_conf(confined(conf_of(required_part(folder, house, "undistorted_camera_parameters"), house)))
    frames, more = region_frames(
        cameras,
        points.xyz,
        required_part(folder, house, "undistorted_color_images"),
        part(folder, house, "undistorted_depth_images"),
        Choice(options.views, options.y_origin, options.depth_scale, options.frame_stride, options.frame_limit),
        confined,
    )
    described = (part(folder, house, "house_segmentations") or folder) / f"{house}.house"
    room = read_room(confined(described), region) if is_file(described) else None
    findings = [*([f"kind of room: {room}"] if room else []), *findings, *more]
    split = split_of(root, house, options.follow_links)
    return Scene(name, frames, points, str(folder.absolute()), split, findings=tuple(findings))


def _categories(root: Path, options: Options) -> tuple[Category, ...] | None:
    """The table that was named, or found; None is enough for raw labels."""
    table = Path(options.mapping) if options.mapping else beside(root, TABLE, options.follow_links)
    if table is None and options.labels != "raw":
        raise BadScene(
            f"--labels {options.labels} is derived from {TABLE}, which is not in {root}, in its folder 'metadata' or "
            "above; name it with --mapping"
        )
    return None if table is None else read_categories(table)
