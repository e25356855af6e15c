"""3RScan: phone recordings of rooms that change, textured meshes, objects with names.

    3RSCAN/4acaebcc-6c10-2a2a-858b-29c7e4fb410d/
      sequence.zip (or sequence/)               _info.txt, frame-000000.color.jpg, .depth.pgm ...
      labels.instances.annotated.v2.ply         the points, with an objectId each
      semseg.v2.json                            the objects' names                     (optional)
      mesh.refined.v2.obj  mesh.refined_0.png   the points' colours; the points without labels
      mesh.refined.0.010000.segs.v2.json        segments                               (optional)

PATH is the folder with the scans, or one scan. Where 3RScan.json lies in PATH or beside it, scans know their split.
Each scan stays in its own world: rescans are not moved to their reference. Pictures are stored on their side mostly,
and turned until the sky is up.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ...core.errors import BadScene
from ...core.regular import is_file, is_folder
from ...core.scene import PointCloud, Scene
from ..cameras.upright import upright
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.images import read_image
from ..files.json_text import read_json, read_object
from ..files.measured import faces_of, measured
from ..files.obj import read_obj, sampled
from ..formats.frame_options import FrameOptions
from ..formats.rscan.sequence import Archive, Folder, read_frames
from ..formats.scannet.labels import read_segments
from ..formats.scene_folders import scene_folder, scene_folders

LABELLED, OBJ, TEXTURE = "labels.instances.annotated.v2.ply", "mesh.refined.v2.obj", "mesh.refined_0.png"
SEMSEG, SEGMENTS = "semseg.v2.json", "mesh.refined.0.010000.segs.v2.json"
SCANS = "3RScan.json"
_MARKS = ("sequence.zip", "sequence", LABELLED, OBJ)
_SAME_VERTEX = 0.05  # metres; about the spacing of vertices, which are the same in both files
_MOST_APART = 0.05  # share of the labelled vertices
_SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Options(FrameOptions):
    """How 3RScan is read."""

    frame_stride: int = field(default=5, metadata={"help": "Take every n-th frame of the recording."})
    as_stored: bool = field(
        default=False, metadata={"help": "Keep images as they are stored, even if they are on their side."}
    )
    depth_scale: float | None = field(
        default=None, metadata={"help": "Depth units per metre; by default as in _info.txt."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")


def scene_names(root: Path, options: Options) -> list[str]:
    """The scans: `root` itself, or the folders in it."""
    expected = f"3RScan scan. Looked for {', '.join(_MARKS)} in it and in each of its folders"
    return scene_folders(root, _is_scan, expected)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scan; what is unpacked or turned lies below `unpacked`."""
    folder = scene_folder(root, name, _is_scan, " or ".join(_MARKS))
    confined = Confined(folder, options.follow_links)
    sequence: Folder | Archive
    if is_folder(folder / "sequence"):
        sequence = Folder(confined(folder / "sequence"), confined)
    elif is_file(folder / "sequence.zip"):
        sequence = Archive(confined(folder / "sequence.zip"), unpacked)
    else:
        raise BadScene(f"{name}: neither sequence.zip nor a folder sequence in {folder}; download the recording")
    frames, findings = read_frames(sequence, options.frame_stride, options.frame_limit, options.depth_scale)
    if not frames:
        raise BadScene(f"{name}: no usable frame ({'; '.join(findings)})")
    points, more = _points(folder, confined)
    if not options.as_stored:
        frames, turned = upright(frames, unpacked)
        more += turned
    return Scene(
        name,
        frames,
        points,
        str(folder.absolute()),
        _split(folder.parent if folder == root else root, name),
        findings=(*findings, *more),
    )


def _is_scan(folder: Path) -> bool:
    return any(is_file(folder / mark) for mark in _MARKS)


def _points(folder: Path, confined: Confined) -> tuple[PointCloud, list[str]]:
    """The labelled mesh, else the textured one, and findings."""
    labelled = confined(folder / LABELLED)
    if not is_file(labelled):
        points, findings = _textured(folder, confined), [f"no labels: no {LABELLED}"]
    else:
        points = read_cloud(labelled)
        if points.instances is None:
            raise BadScene(f"{labelled}: vertices without the property 'objectId'")
        points, findings = _named(replace(points, rgb=None, labels=None), confined(folder / SEMSEG))
        if is_file(folder / OBJ):
            textured = _textured(folder, confined)
            row = _same_vertices(labelled, points.xyz, textured.xyz)
            if textured.rgb is not None:
                points = replace(points, rgb=textured.rgb[row])
    if is_file(folder / SEGMENTS):
        segments = read_segments(confined(folder / SEGMENTS), points.rows_in_file)
        points = replace(points, segments=points.of_file(segments))
    return points, findings


def _same_vertices(path: Path, labelled: NDArray[np.float64], mesh: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) the vertex of the .obj that each labelled one is: they are the same, but for their order."""
    distance, row = KDTree(mesh).query(labelled)
    apart = distance > _SAME_VERTEX
    if apart.mean() > _MOST_APART:
        raise BadScene(
            f"{path}: {apart.mean():.0%} of its vertices are further than {_SAME_VERTEX * 100:g} cm from any of "
            f"{OBJ}, up to {distance.max():.2f} m: it lies in another world than the mesh and the poses, such as "
            "that of the reference scan; use both files from one scan, or remove the labels"
        )
    return np.asarray(row, np.int64)


def _textured(folder: Path, confined: Confined) -> PointCloud:
    """The mesh with the colours of its texture, where there is one."""
    path, texture = confined(folder / OBJ), confined(folder / TEXTURE)
    if not is_file(path):
        raise BadScene(f"{folder}: neither {LABELLED} nor {OBJ} in it; download one of them for the points")
    mesh = read_obj(path)
    rgb = sampled(read_image(texture), mesh.texture_uv) if mesh.texture_uv is not None and is_file(texture) else None
    kept = measured(path, mesh.xyz)
    return PointCloud(
        mesh.xyz[kept],
        None if rgb is None else rgb[kept],
        faces=faces_of(kept, mesh.faces),
        left_out=None if kept.all() else np.flatnonzero(~kept),
    )


def _named(points: PointCloud, path: Path) -> tuple[PointCloud, list[str]]:
    """The points with the names of their objects; object 0 is none."""
    assert points.instances is not None
    instances = np.where(points.instances > 0, points.instances, -1).astype(np.int32)
    if not is_file(path):
        return replace(points, instances=instances), [f"no labels: no {SEMSEG}"]
    groups = read_object(path).get("segGroups")
    if not isinstance(groups, list):
        raise BadScene(f"{path}: no list 'segGroups' in it")
    named = dict(_group(path, group) for group in groups)
    names = sorted(set(named.values()))
    labels: NDArray[np.int32] = np.full(len(instances), -1, np.int32)
    for number in np.unique(instances).tolist():
        if number in named:
            labels[instances == number] = names.index(named[number])
    return replace(points, instances=instances, labels=labels, label_names=dict(enumerate(names))), []


def _group(path: Path, group: Any) -> tuple[int, str]:
    match group:
        case {"objectId": int(number), "label": str(name)} | {"id": int(number), "label": str(name)}:
            return number, name
    raise BadScene(f"{path}: {str(group)[:60]} is not an object with 'objectId' and 'label'")


def _split(root: Path, name: str) -> str | None:
    """What 3RScan.json says of a scan or of the scan that it repeats."""
    listing = next((path for path in (root / SCANS, root.parent / SCANS) if is_file(path)), None)
    if listing is None:
        return None
    body = read_json(listing)
    for entry in body if isinstance(body, list) else []:
        match entry:
            case {"reference": str(reference), "type": str(split), "scans": list(scans)}:
                rescans = [scan.get("reference") for scan in scans if isinstance(scan, dict)]
                if name == reference or name in rescans:
                    return _SPLITS.get(split)
    return None
