"""The frames of a COLMAP model: poses turned round, pictures straightened, depth maps read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.names import shortened
from ....core.regular import is_file, require_file
from ....core.scene import Frame
from ...cameras.lenses import Lens, is_straight, pinhole_of
from ...cameras.undistort import undistorted, undistorted_mask
from ...files.confined import Confined
from ...files.derived import derived_folder, made_once
from ...files.images import MAX_PIXELS, image_size
from ...files.masks import masks_finding
from ...files.naming import naming
from ...files.poses import inverted, rotation_of_quaternions
from ...files.written_paths import written_path
from ..pairing import order
from ..selection import spread
from ..skipped import less, skipped
from .layout import Workspace

_HEADER = re.compile(rb"(\d{1,9})&(\d{1,9})&(\d{1,9})&")


@dataclass(frozen=True)
class Reading:
    """Which frames and depth maps are wanted, and the world's unit."""

    stride: int
    limit: int | None
    depth: str  # "geometric", "photometric", "auto" or "none"
    world_scale: float  # units of the world per metre
    masks: Path | None = None  # their folder


def read_frames(
    workspace: Workspace, lenses: Mapping[int, Lens], reading: Reading, confined: Confined, unpacked: Path
) -> tuple[tuple[Frame, ...], list[str]]:
    """The frames with a pose and a picture (and a depth map, where any has one), and findings."""
    registered = workspace.registered
    poses = camera_to_world(registered.poses, reading.world_scale)
    names = _frame_names(registered.names)
    rows = sorted(range(len(names)), key=lambda row: order(names[row]))[:: reading.stride]
    posed = [row for row in rows if np.isfinite(poses[row]).all()]
    paths = {row: written_path(registered.names[row], confined, workspace.pictures) for row in posed}
    there = [row for row in posed if is_file(paths[row])]
    maps, kind = _depth_maps(workspace, there, reading.depth, confined)
    kept = [row for row in there if row in maps] if maps else there
    findings = [f"depth: {kind} maps of multi-view stereo"] if maps else []
    for every, rest, why in (
        (rows, posed, "no valid pose"),
        (posed, there, f"no image of that name in {workspace.pictures}"),
        (there, kept, f"no {kind} depth map"),
    ):
        findings += skipped([names[row] for row in less(every, rest)], len(rows), why)
    frames, bent = [], set()
    for row in spread(kept, reading.limit):
        lens = _lens(workspace, lenses, registered.camera_ids[row], paths[row])
        with naming(paths[row]):
            camera = pinhole_of(lens)
        if not is_straight(lens):
            bent.add(lens.model)
        depth_path = _as_array(maps[row], lens, unpacked) if row in maps else None
        depth_camera = camera.resized(*image_size(depth_path)) if depth_path else None
        picture = undistorted(paths[row], lens, camera, unpacked)
        mask = _mask(registered.names[row], reading.masks, confined)
        mask = None if mask is None else undistorted_mask(mask, lens, camera, unpacked)
        scale = reading.world_scale
        frames.append(Frame(names[row], camera, poses[row], picture, depth_path, depth_camera, scale, mask_path=mask))
    if reading.masks is not None and all(frame.mask_path is None for frame in frames):
        raise BadScene(f"{reading.masks}: no mask NAME.png for any of {len(frames)} images NAME")
    findings += masks_finding(tuple(frames))
    if bent:
        findings.append(f"images were undistorted; the models of their lenses: {', '.join(sorted(bent))}")
    return tuple(frames), findings


def camera_to_world(poses: NDArray[np.float64], world_scale: float) -> NDArray[np.float64]:
    """(N, 4, 4) in metres of (N, 7) qw qx qy qz tx ty tz, world to camera; nan for those that are no pose."""
    matrices = np.tile(np.eye(4), (len(poses), 1, 1))
    with np.errstate(all="ignore"):
        length = np.linalg.norm(poses[:, :4], axis=1, keepdims=True)
        matrices[:, :3, :3] = rotation_of_quaternions(poses[:, [1, 2, 3, 0]] / length)
        matrices[:, :3, 3] = poses[:, 4:] / world_scale
    return inverted(matrices)


def _frame_names(names: Sequence[str]) -> list[str]:
    """Paths below the folder of the pictures, without their endings where that leaves each its own."""
    short = [str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name for name in names]
    return short if len(set(short)) == len(short) else list(names)


def _lens(workspace: Workspace, lenses: Mapping[int, Lens], camera_id: int, picture: Path) -> Lens:
    """The lens at the size that the picture has on disk (images_4)."""
    lens = lenses.get(camera_id)
    if lens is None:
        raise BadScene(f"{workspace.model}: {picture.name} was taken with camera {camera_id}, which is not listed")
    width, height = image_size(picture)
    if max(abs(width - lens.width * height / lens.height), abs(height - lens.height * width / lens.width)) > 2:
        turned = "; was it rotated after it was reconstructed?" if (width, height) == (lens.height, lens.width) else ""
        raise BadScene(f"{picture}: {width}x{height} pixels; its camera says {lens.width}x{lens.height}{turned}")
    return lens if (width, height) == (lens.width, lens.height) else lens.resized(width, height)


def _mask(name: str, masks: Path | None, confined: Confined) -> Path | None:
    if masks is None:
        return None
    path = written_path(f"{name}.png", confined, masks)
    return path if is_file(path) else None


def _depth_maps(
    workspace: Workspace, rows: Sequence[int], wanted: str, confined: Confined
) -> tuple[dict[int, Path], str]:
    """row -> depth map, and of which kind they are: geometric ones, which agree with each other, rather than others."""
    if workspace.depth_maps is not None and wanted != "none":
        for kind in ("geometric", "photometric") if wanted == "auto" else (wanted,):
            names = {row: f"{workspace.registered.names[row]}.{kind}.bin" for row in rows}
            paths = {row: written_path(name, confined, workspace.depth_maps) for row, name in names.items()}
            if maps := {row: path for row, path in paths.items() if is_file(path)}:
                return maps, kind
    return {}, ""


def _as_array(path: Path, lens: Lens, unpacked: Path) -> Path:
    """A depth map, "width&height&1&" and float32, as .npy below `unpacked`."""
    if not is_straight(lens):
        raise BadScene(
            f"{path}: depth maps are of images without distortion, but the camera is {lens.model}; leave them out "
            "with --depth none"
        )

    def make(target: Path) -> None:
        depth = read_depth_map(path)
        with target.open("wb") as file:
            np.save(file, depth)

    return made_once(derived_folder(unpacked, [path], f"depth map 1: {path}") / f"{shortened(path.stem)}.npy", make)


def read_depth_map(path: Path) -> NDArray[np.float32]:
    """(H, W) units of the world along the optical axis; 0, or less, where there is no reading."""
    require_file(path)
    try:
        with path.open("rb") as file:
            header = _HEADER.match(file.read(64))
            size = path.stat().st_size
            width, height, channels = (int(number) for number in header.groups()) if header else (0, 0, 0)
            if header is None or channels != 1 or not 0 < width * height <= MAX_PIXELS:
                raise BadScene(f"{path}: not a depth map of COLMAP, which begins with width&height&1&")
            if size - header.end() != width * height * 4:
                raise BadScene(
                    f"{path}: {width}x{height} readings are {width * height * 4:,} bytes, not "
                    f"{size - header.end():,}: truncated?"
                )
            depth = np.fromfile(file, "<f4", offset=header.end() - file.tell()).reshape(height, width)
            return np.nan_to_num(depth, copy=False, posinf=0, neginf=0)
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
