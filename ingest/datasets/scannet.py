"""ScanNet v2: the release as it is, or its frames exported by SensReader.

    SCANS/scene0000_00/
      scene0000_00.sens                             colour, depth, poses, cameras
      scene0000_00_vh_clean_2.ply                   the mesh: its vertices are the points
      scene0000_00_vh_clean_2.0.010000.segs.json    segments                           (optional)
      scene0000_00.aggregation.json                 object instances with names        (optional)
      scene0000_00_vh_clean_2.labels.ply            NYU40 classes, without aggregation (optional)
      scene0000_00.txt                              image sizes of the calibration     (optional)

    or, in place of the .sens:
      color/0.jpg  depth/0.png  pose/0.txt          one of each per frame
      intrinsic/intrinsic_color.txt  intrinsic_depth.txt  extrinsic_color.txt  extrinsic_depth.txt

PATH is the folder with the scenes (or with `scans` and `scans_test`), or one scene. Poses and points stay in the scan's
own world: no axis alignment is applied. Frames without tracking (-inf) are counted and skipped. Where lists like
scannetv2_val.txt lie in PATH or beside it, scenes know their split; where scannetv2-labels.combined.tsv does, older
.labels.ply with ids of raw categories are mapped to NYU40.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ...core.errors import BadInput, BadScene
from ...core.listing import entries
from ...core.names import is_file_name
from ...core.regular import is_file, is_folder
from ...core.scene import PointCloud, Scene
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.whole import read_words
from ..formats.frame_options import FrameOptions
from ..formats.scannet.frames import Selection, exported_frames, recorded_frames
from ..formats.scannet.labels import TABLE, belongs_to, read_aggregation, read_nyu40, read_segments

MESH = "_vh_clean_2.ply"
SEGMENTS = "_vh_clean_2.0.010000.segs.json"
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Options(FrameOptions):
    """How a ScanNet folder is read."""

    frame_stride: int = field(default=20, metadata={"help": "Take every n-th frame of the recording."})
    scene_list: str = field(
        default="",
        metadata={"help": "A text file with one scene name per line (scannetv2_val.txt): only those.", "recipe": False},
    )
    depth_scale: float | None = field(
        default=None, metadata={"help": "Depth units per metre; as the .sens says, else 1000."}
    )
    labels: Literal["names", "nyu40"] = field(
        default="names",
        metadata={"help": "Names that annotators gave, where there is an aggregation; or always the NYU40 classes."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")


def scene_names(root: Path, options: Options) -> list[str]:
    """The scenes below `root`, or those of --scene-list."""
    folders = _scene_folders(root)
    if not options.scene_list:
        if not folders:
            raise BadInput(
                f"{root}: no ScanNet scene. Looked for NAME/NAME.sens and NAME/NAME{MESH} in it, in its folders "
                "'scans' and 'scans_test', and for such files in the folder itself"
            )
        return sorted(folders)
    try:
        listed = read_words(Path(options.scene_list))
    except BadScene as error:
        raise BadInput(f"--scene-list: {error}") from error
    if not set(listed) & set(folders):
        raise BadInput(f"none of the {len(listed)} scenes of {options.scene_list} is below {root}")
    return sorted(set(listed))


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene; frames of a .sens are unpacked below `unpacked`."""
    folder = _scene_folder(root, name)
    if folder is None:
        raise BadScene(f"{name[:100]}: no folder of that name with its .sens or {MESH} below {root}")
    confined = Confined(folder, options.follow_links)
    sens, mesh = folder / f"{name}.sens", folder / f"{name}{MESH}"
    if not is_file(mesh):
        raise BadScene(
            f"{name}: no mesh {mesh.name} in {folder}; download it, or let 'ovstore ingest rgbd' make points from depth"
        )
    selection = Selection(options.frame_stride, options.frame_limit, options.depth_scale)
    if is_file(sens):
        frames, findings = recorded_frames(confined(sens), selection, unpacked)
    elif is_folder(folder / "color"):
        frames, findings = exported_frames(folder, name, selection, confined)
    else:
        raise BadScene(f"{name}: neither {sens.name} nor a folder 'color' with exported frames in {folder}")
    points, more = _points(folder, name, options, confined, _table(root, options))
    return Scene(name, frames, points, str(folder.absolute()), _split(root, name), findings=(*findings, *more))


def _scene_folders(root: Path) -> dict[str, Path]:
    """Scene name -> folder: `root` itself when it is a scene, else what lies in it, in scans and in scans_test."""
    for path in entries(root):
        for ending in (".sens", MESH):
            if path.name.endswith(ending):
                return {path.name.removesuffix(ending): root}
    folders = [folder for place in _places(root) for folder in entries(place)]
    return {folder.name: folder for folder in folders if _holds(folder, folder.name)}


def _scene_folder(root: Path, name: str) -> Path | None:
    """The folder of one scene, found without a look at the others."""
    if not is_file_name(name):
        return None
    return next((f for f in (root, *(place / name for place in _places(root))) if _holds(f, name)), None)


def _places(root: Path) -> list[Path]:
    return [root, *(root / name for name in ("scans", "scans_test") if is_folder(root / name))]


def _holds(folder: Path, name: str) -> bool:
    return any(is_file_name(name, ending) and is_file(folder / (name + ending)) for ending in (".sens", MESH))


def _points(
    folder: Path, name: str, options: Options, confined: Confined, table: Path | None
) -> tuple[PointCloud, list[str]]:
    """The mesh with what is known of its vertices; `table` is for older .labels.ply."""
    points = read_cloud(confined(folder / f"{name}{MESH}"))
    points = replace(points, labels=None, instances=None, segments=None)
    findings: list[str] = []
    segments = folder / f"{name}{SEGMENTS}"
    if is_file(segments):
        points = replace(points, segments=points.of_file(read_segments(confined(segments), points.rows_in_file)))
    for ending in (".aggregation.json", "_vh_clean.aggregation.json") if options.labels == "names" else ():
        aggregation = folder / (name + ending)
        if points.segments is not None and is_file(aggregation) and belongs_to(confined(aggregation), segments):
            labels, instances, names, findings = read_aggregation(aggregation, points.segments)
            return replace(points, labels=labels, instances=instances, label_names=names), findings
    if is_file(labelled := folder / f"{name}_vh_clean_2.labels.ply"):
        labels, names, findings = read_nyu40(confined(labelled), points.rows_in_file, table)
        return replace(points, labels=points.of_file(labels), label_names=names), findings
    return points, findings


def _table(root: Path, options: Options) -> Path | None:
    """ScanNet's table of label names, where it lies in PATH or beside it."""
    places = (place for place in (root, root.parent) if is_file(place / TABLE))
    return next((Confined(place, options.follow_links)(place / TABLE) for place in places), None)


def _split(root: Path, name: str) -> str | None:
    for split in _SPLITS:
        for folder in (root, root.parent):
            listing = folder / f"scannetv2_{split}.txt"
            if is_file(listing) and name in read_words(listing):
                return split
    return "test" if root.name == "scans_test" else None
