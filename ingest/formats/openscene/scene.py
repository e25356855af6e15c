"""A scene written as OpenScene's processed files, in its sizes, numbers and names (openscene.md 1.1 to 1.6).

    OUT/scannet_3d/train/scene0000_00_vh_clean_2.pth     written last: where it is, the scene is whole
    OUT/scannet_2d/scene0000_00/color/0.jpg  depth/0.png  pose/0.txt
    OUT/scannet_2d/intrinsics.txt

Pictures are brought to the size that OpenScene works on and written as JPEG of quality 75; those that are JPEG of that
size are copied. Custom scenes keep the size of their colour pictures, and PNG where they are that. Colour and depth
count as one camera: its pose is the depth camera's, where the two differ, and its intrinsics are those of the colour
pictures.
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.errors import BadInput, BadScene
from ....core.files import remove, replacing, stable_name
from ....core.names import file_name
from ....core.regular import is_file, is_folder
from ....core.scene import Camera, Frame, Scene
from ...cameras.resizing import resize_bilinear, resize_nearest
from ...compat.openscene import CONSTANTS, adjusted
from ...files.images import read_depth, read_image
from ...files.intrinsics import read_intrinsics
from ...report import Report, quiet
from .files import UNLABELLED, write_points
from .layout import LONG, SPLITS, Kind, house_of
from .splits import scannet_split

LABEL_TYPES: dict[Kind, type[np.generic]] = {
    "scannet": np.float64, "matterport": np.int64, "replica": np.int32, "nuscenes": np.float64, "custom": np.int64,
}  # fmt: skip
_JPEG_QUALITY = 75
_CAMERA_TOLERANCE = 0.05  # of the width, by which a dataset's cameras may miss the one that OpenScene gives them all
_SIX_DECIMALS, _EXACT = "%f", "%.18e"


def points_path(out: Path, kind: Kind, name: str, split: str | None, variant: str = "") -> Path:
    """Where the points of a scene go; `variant` is "_40" for Matterport's set of 40 classes."""
    return out / f"{kind}_3d{variant}" / (split or "") / file_name(name, f"{LONG if kind == 'scannet' else ''}.pth")


def is_written(out: Path, kind: Kind, name: str, variant: str = "") -> bool:
    """Whether the scene is there, whole, whatever its split."""
    return any(is_file(points_path(out, kind, name, split, variant)) for split in (None, *SPLITS))


def write_scene(
    out: Path,
    kind: Kind,
    scene: Scene,
    labels: NDArray[np.integer],
    label_names: Mapping[int, str] | None = None,
    variant: str = "",
    report: Report = quiet,
) -> Path:
    """All files of one scene, whole or not at all; the path of its points.

    `labels` (N,) are classes, -1 for none; their names, where OpenScene has none of its own for them, go into a .json
    beside the points.
    """
    file_name(scene.name, f"{LONG}.pth")  # raises where none can be called so
    if kind == "scannet" and scene.split is None:
        scene = replace(scene, split=scannet_split(scene.name))
    if len(labels) and (labels.max() >= UNLABELLED or labels.min() < -1):
        raise BadScene(f"{scene.name}: labels from {labels.min()} to {labels.max()}; OpenScene counts 255 classes")
    try:
        return _write(out, kind, scene, labels, label_names, variant, report)
    except OSError as error:
        raise BadInput(f"{error.filename or out}: {error.strerror or error}") from error


def _write(
    out: Path,
    kind: Kind,
    scene: Scene,
    labels: NDArray[np.integer],
    label_names: Mapping[int, str] | None,
    variant: str,
    report: Report,
) -> Path:
    pictures = _pictures_folder(out, kind, scene)
    part = pictures.with_name(f".{stable_name(scene.name)}.part")
    remove(part)
    try:
        there = pictures if kind == "matterport" else None
        if scene.frames:
            _write_frames(part, there, out / f"{kind}_2d/intrinsics.txt", kind, scene.frames, report)
        for split in (None, *SPLITS):  # a scene without points is not there: until its pictures are, it is not
            remove(points_path(out, kind, scene.name, split, variant))
        if there is None:
            remove(pictures)
        _move_into(part, pictures)
    finally:
        remove(part)
    path = _made(points_path(out, kind, scene.name, scene.split, variant))
    stored = np.where(labels < 0, UNLABELLED, labels).astype(LABEL_TYPES[kind])
    points = replace(scene.points, rgb=None) if kind == "nuscenes" else scene.points
    if label_names:
        with replacing(path.with_suffix(".json")) as named:
            named.write_text(json.dumps(label_names, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_points(path, points, stored)
    return path


def _pictures_folder(out: Path, kind: Kind, scene: Scene) -> Path:
    folder = out / f"{kind}_2d"
    if kind == "nuscenes":
        folder = folder / (scene.split or "")
    return folder / (house_of(scene.name) if kind == "matterport" else scene.name)


def _write_frames(
    part: Path,
    there: Path | None,
    shared: Path,
    kind: Kind,
    frames: Sequence[Frame],
    report: Report,
) -> None:
    """The frames below `part`, but for those that are `there`: the regions of a house share their pictures."""
    cameras = [_camera(kind, frame) for frame in frames]
    own = kind == "matterport" or (kind != "nuscenes" and not _share_intrinsics(shared, cameras))
    for done, (stem, frame, camera) in enumerate(zip(_stems(kind, frames), frames, cameras, strict=True), start=1):
        if there is None or not is_file(there / f"color/{stem}.jpg"):
            _write_frame(part, kind, stem, frame, camera, own)
        report("pictures", done, len(frames))


def _write_frame(part: Path, kind: Kind, stem: str, frame: Frame, camera: Camera, own_intrinsics: bool) -> None:
    as_png = kind == "custom" and frame.image_path.suffix.lower() == ".png"  # JPEG loses, and is not needed here
    _write_color(_made(part / f"color/{stem}{'.png' if as_png else '.jpg'}"), kind, frame, camera)
    if frame.depth_path is not None and CONSTANTS[kind].depth_scale is not None:
        _write_depth(_made(part / f"depth/{stem}.png"), kind, frame, camera)
    pose = frame.camera_to_world
    if frame.depth_to_color is not None:
        pose = pose @ frame.depth_to_color
    if kind == "nuscenes":
        np.save(_made(part / f"pose/{stem}.npy"), pose)
        np.save(_made(part / f"K/{stem}.npy"), camera.matrix)
        return
    np.savetxt(_made(part / f"pose/{stem}.txt"), pose, fmt=_SIX_DECIMALS if kind == "scannet" else _EXACT)
    if own_intrinsics:
        np.savetxt(_made(part / f"intrinsic/{stem}.txt"), camera.matrix)


def _camera(kind: Kind, frame: Frame) -> Camera:
    """That of the pictures as they are written; BadScene where OpenScene takes another for granted."""
    if kind == "custom":
        return frame.camera
    constants = CONSTANTS[kind]
    own, camera = adjusted(frame.camera, constants.width, constants.height), constants.frame(frame).camera
    off = np.abs(np.array([own.fx, own.fy, own.cx, own.cy]) - [camera.fx, camera.fy, camera.cx, camera.cy])
    if off.max() > _CAMERA_TOLERANCE * camera.width:
        raise BadScene(
            f"frame {frame.name}: at {camera.width}x{camera.height} its camera has fx {own.fx:.1f}, fy "
            f"{own.fy:.1f}, cx {own.cx:.1f}, cy {own.cy:.1f}; OpenScene assumes {camera.fx:.1f}, {camera.fy:.1f}, "
            f"{camera.cx:.1f}, {camera.cy:.1f} for {kind}: write it with --as custom"
        )
    return camera


def _share_intrinsics(path: Path, cameras: Sequence[Camera]) -> bool:
    """Write the camera of all scenes, unless the cameras are several, or another is written already."""
    if len(set(cameras)) > 1:
        return False
    if is_file(path):
        found = read_intrinsics(path)
        return (found.fx, found.fy, found.cx, found.cy) == (
            cameras[0].fx, cameras[0].fy, cameras[0].cx, cameras[0].cy
        )  # fmt: skip
    matrix = np.eye(4)
    matrix[:3, :3] = cameras[0].matrix
    with replacing(_made(path)) as part:
        np.savetxt(part, matrix)
    return True


def _write_color(path: Path, kind: Kind, frame: Frame, camera: Camera) -> None:
    same = (frame.camera.width, frame.camera.height) == (camera.width, camera.height)
    if same and frame.image_path.suffix.lower().replace(".jpeg", ".jpg") == path.suffix:
        shutil.copyfile(frame.image_path, path)
        return
    image = read_image(frame.image_path)
    if not same:
        image = (resize_bilinear if CONSTANTS[kind].bilinear else resize_nearest)(image, camera)
    Image.fromarray(image).save(path, quality=_JPEG_QUALITY)


def _write_depth(path: Path, kind: Kind, frame: Frame, camera: Camera) -> None:
    assert frame.depth_path is not None and frame.depth_camera is not None
    scale = CONSTANTS[kind].depth_scale
    assert scale is not None
    same = (frame.depth_camera.width, frame.depth_camera.height) == (camera.width, camera.height)
    if same and frame.depth_scale == scale and frame.depth_path.suffix.lower() == ".png":
        shutil.copyfile(frame.depth_path, path)
        return
    metres = read_depth(frame.depth_path, frame.depth_scale).astype(np.float64)
    stored = np.clip(np.rint(metres * scale), 0, 65535).astype(np.uint16)
    if not same:
        stored = (resize_bilinear if CONSTANTS[kind].bilinear else resize_nearest)(stored, camera)
    Image.fromarray(stored).save(path)


def _stems(kind: Kind, frames: Sequence[Frame]) -> list[str]:
    """What the frames' files are called: as OpenScene does where names tell, else by position."""
    names = [frame.name for frame in frames]
    if kind == "matterport":
        return names
    if kind == "nuscenes":
        stems = [name.rpartition("CAM_")[2].lower() for name in names]
    elif all(re.fullmatch("[0-9]+", name) for name in names):
        stems = [str(int(name)) for name in names] if kind == "scannet" else names
        stems = stems if len(set(map(int, stems))) == len(stems) else []
    elif kind == "replica":  # frame000010 is the second of every tenth
        numbers = [re.search("[0-9]+$", name) for name in names]
        stems = [str(int(number[0]) // 10) for number in numbers if number]
    else:
        stems = []
    return stems if len(set(stems)) == len(names) else [str(position) for position in range(len(names))]


def _move_into(part: Path, final: Path) -> None:
    """All files of `part` into `final`, colours last: a frame whose colours are there is whole."""
    for path in sorted(
        (path for path in part.rglob("*") if not is_folder(path)), key=lambda path: path.parent.name == "color"
    ):
        path.replace(_made(final / path.relative_to(part)))


def _made(path: Path) -> Path:
    """`path`, its folder being there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
