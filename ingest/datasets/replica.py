"""Replica: rendered rooms, as NICE-SLAM, vMAP and Semantic-NeRF publish them, with the labels of the release.

    REPLICA/cam_params.json     {"camera": {"w", "h", "fx", "fy", "cx", "cy", "scale"}} (optional)
    REPLICA/office0_mesh.ply    the points; or mesh.ply in the scene's own folder     (optional)
    REPLICA/office0/            as NICE-SLAM has it
      traj.txt                  16 numbers per line, camera-to-world
      results/                  frame000000.jpg  depth000000.png, 6553.5 units per metre

    REPLICA/room_0/imap/00/     as vMAP has it
      traj_w_c.txt              16 numbers per line, camera-to-world
      rgb/rgb_0.png  depth/depth_0.png, millimetres

    REPLICA/office_0/habitat/   mesh_semantic.ply, info_semantic.json: labels         (optional)

PATH is the folder with the scenes, or one scene; vMAP's are named by their path (room_0-imap-00). The labels of the
original release are found in REPLICA itself, in the scene's folder, or in the folder that --labels names. Without a
mesh the points are the semantic mesh's, else they are made from the depth. Renders have a field of view of 90 degrees
unless cam_params.json says otherwise.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...core.errors import BadInput, BadScene
from ...core.listing import matching
from ...core.names import is_file_name
from ...core.regular import is_file
from ...core.scene import Frame, PointCloud, Scene
from ..files.clouds import read_cloud
from ..files.confined import Confined
from ..files.images import image_size
from ..files.json_text import read_object
from ..files.poses import up_axis_of
from ..formats.depth_cloud import DepthCloudOptions, depth_cloud
from ..formats.replica.labels import MESH, labelled, read_semantics
from ..formats.rgbd.frames import Reading, read_frames
from ..formats.rgbd.layout import Layout

CAMERA = "cam_params.json"


@dataclass(frozen=True)
class _Style:
    """How one group hands its renders out."""

    mark: str  # what is in every scene's folder
    trajectory: str
    color: str
    depth: str
    depth_scale: float  # stored units per metre


NICE_SLAM = _Style("results", "traj.txt", "results/frame*.jpg", "results/depth*.png", 6553.5)
HABITAT = _Style("traj_w_c.txt", "traj_w_c.txt", "rgb/rgb*.png", "depth/depth*.png", 1000.0)
_NO_PICTURES = (
    "Replica's own release has meshes and labels but no images: use the renders published by NICE-SLAM or vMAP "
    "(Replica.zip, vmap.zip), and name this folder with --labels"
)


@dataclass(frozen=True)
class Options(DepthCloudOptions):
    """How Replica is read."""

    frame_stride: int = field(
        default=10,
        metadata={
            "help": "Take every n-th frame: by default 200 of the 2000 that NICE-SLAM renders, as OpenScene does."
        },
    )
    labels: str = field(
        default="", metadata={"help": "The folder of the original release (replica_v1), for labels and classes."}
    )
    depth_scale: float | None = field(
        default=None,
        metadata={"help": "Depth units per metre; as cam_params.json says, else 6553.5 (NICE-SLAM) or 1000 (vMAP)."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_positive("depth_scale")


@dataclass(frozen=True)
class _Place:
    """Where a scene is."""

    folder: Path  # with the trajectory
    top: Path  # the folder directly below REPLICA, that of the room
    style: _Style


def scene_names(root: Path, options: Options) -> list[str]:
    """The scenes with pictures."""
    places = _places(root)
    if not places:
        if [*matching(root, f"habitat/{MESH}"), *matching(root, f"*/habitat/{MESH}")]:
            raise BadInput(f"{root}: {_NO_PICTURES}")
        raise BadInput(
            f"{root}: no Replica scene. Looked for a folder {NICE_SLAM.mark} (NICE-SLAM) and for {HABITAT.mark} "
            "(vMAP), in it and below it"
        )
    return sorted(places)


def load_scene(root: Path, name: str, options: Options, unpacked: Path) -> Scene:
    """One scene, with the labels of the semantic mesh where there is one."""
    place = _places(root).get(name)
    if place is None:
        if is_file_name(name) and is_file(root / name / "habitat" / MESH):
            raise BadScene(f"{name}: {_NO_PICTURES}")
        raise BadScene(f"{name[:100]}: no scene of that name with {NICE_SLAM.mark} or {HABITAT.mark} below {root}")
    inside = Confined(place.top, options.follow_links)
    beside = Confined(place.top.parent, options.follow_links)
    frames, findings = _frames(place, options, inside, beside, unpacked)
    points, more = _points(name, place, options, frames, inside, beside)
    return Scene(
        name,
        frames,
        points,
        str(place.folder.absolute()),
        up_axis=up_axis_of(frames),
        findings=(*findings, *more),
    )


def _places(root: Path) -> dict[str, _Place]:
    """Scene name -> where it is."""
    places = {}
    for depth in range(4):
        for style in (NICE_SLAM, HABITAT):
            for mark in matching(root, "*/" * depth + style.mark):
                parts = mark.parent.relative_to(root).parts
                name = "-".join(parts) or root.resolve().name
                places[name] = _Place(mark.parent, root / parts[0] if parts else root, style)
    return places


def _frames(
    place: _Place, options: Options, inside: Confined, beside: Confined, unpacked: Path
) -> tuple[tuple[Frame, ...], list[str]]:
    folder, style = place.folder, place.style
    images, depths = (
        {path.stem: inside(path) for path in matching(folder, pattern)} for pattern in (style.color, style.depth)
    )
    if not images:
        raise BadScene(f"{folder}: no images {style.color}")
    camera = next(
        (path for path in (inside(folder / CAMERA), beside(place.top.parent / CAMERA)) if is_file(path)), None
    )
    scale = options.depth_scale or (camera and _depth_scale(camera)) or style.depth_scale
    layout = Layout(images, depths, inside(folder / style.trajectory), camera, None, None)
    focal = None if camera else (image_size(next(iter(images.values())))[0] / 2, None, None, None)
    reading = Reading(focal, scale, stride=options.frame_stride, limit=options.frame_limit)
    return read_frames(folder, layout, reading, unpacked)


def _depth_scale(path: Path) -> float | None:
    camera = read_object(path).get("camera")
    scale = camera.get("scale") if isinstance(camera, dict) else None
    if scale is None:
        return None
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < 1e9:
        raise BadScene(f"{path}: 'scale' is {str(scale)[:60]}; it is the depth's stored units per metre")
    return float(scale)


def _points(
    name: str, place: _Place, options: Options, frames: tuple[Frame, ...], inside: Confined, beside: Confined
) -> tuple[PointCloud, list[str]]:
    """The mesh, else the semantic mesh, else what depth makes; labelled where there is a semantic mesh."""
    habitat, confined = _habitat(place, options, inside, beside)
    own = [inside(folder / "mesh.ply") for folder in (place.folder, place.top)]
    own.append(beside(place.top.parent / f"{place.top.name}_mesh.ply"))
    mesh = next((path for path in own if is_file(path)), None)
    if mesh is None and habitat is not None:
        mesh = confined(habitat / MESH)
    if mesh is not None:
        points = replace(read_cloud(mesh), labels=None, instances=None, segments=None)
        findings = [f"points: {mesh.name}"]
    else:
        points, finding = depth_cloud(name, frames, options)
        findings = [finding]
    if habitat is not None:
        points, finding = labelled(points, read_semantics(habitat, confined))
        findings.append(finding)
    return points, findings


def _habitat(place: _Place, options: Options, inside: Confined, beside: Confined) -> tuple[Path | None, Confined]:
    """The folder with the semantic mesh, and what confines it; office0 of NICE-SLAM is office_0 in the release."""
    room = re.sub(r"(?<=[a-z])(?=\d+$)", "_", place.top.name)
    choices = [(place.folder / "habitat", inside), (place.top / "habitat", inside)]
    choices.append((place.top.parent / room / "habitat", beside))
    if options.labels:
        release = Path(options.labels)
        confined = Confined(release, options.follow_links)
        choices = [(release / name / "habitat", confined) for name in (room, place.top.name)]
        if not any(is_file(folder / MESH) for folder, _ in choices):
            raise BadScene(f"--labels {release}: no {room}/habitat/{MESH} in it")
    return next(((f, confined) for f, confined in choices if is_file(f / MESH)), (None, inside))
