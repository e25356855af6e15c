"""The frames of a Stray Scanner recording: a pose, an image and depth with the same number.

Images are those of rgb.mp4, counted from 0, or of a folder rgb/ that they were extracted to. Depth less sure than asked
for is left out: its file is written again without those readings, once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ....core.errors import BadScene
from ....core.listing import entries
from ....core.regular import is_file, is_folder
from ....core.scene import Camera, Frame
from ...files.confined import Confined
from ...files.derived import derived_folder, made_once
from ...files.images import IMAGE_SUFFIXES, image_size, read_depth, read_image
from ...files.intrinsics import Intrinsics, read_intrinsics
from ...files.naming import naming
from ...files.video import unpack_images
from ..selection import spread
from ..skipped import NO_POSE, less, skipped
from .odometry import Odometry, read_odometry

ODOMETRY, VIDEO, MATRIX = "odometry.csv", "rgb.mp4", "camera_matrix.csv"
IMAGE_FOLDERS = ("rgb", "color", "images")
DEPTH_SCALE = 1000.0  # stored units per metre
SURE = 2  # the highest confidence
_RECORDED = (1920, 1440)  # pixels, what the intrinsics are about where images were made smaller


@dataclass(frozen=True)
class Selection:
    """Which frames are taken, and which readings of their depth."""

    stride: int
    limit: int | None
    depth_scale: float | None  # stored units per metre; None: millimetres
    min_confidence: int  # 0 to 2


@dataclass(frozen=True)
class Files:
    """What is there, by frame number."""

    odometry: Odometry
    images: Mapping[int, Path] | None  # None: they are in the video
    depths: Mapping[int, Path]
    confidences: Mapping[int, Path]
    matrix: Intrinsics | None  # of all frames, where they have none of their own
    findings: tuple[str, ...] = ()


def find_files(folder: Path, confined: Confined) -> Files:
    """The files of a recording; BadScene where some kind of them is missing."""
    odometry = read_odometry(confined(folder / ODOMETRY))
    depths = _numbered(folder / "depth", {".png", ".npy"}, confined)
    if not depths:
        raise BadScene(f"{folder}: no depth named by frame number, such as depth/000000.png")
    images: dict[int, Path] | None = None
    findings: list[str] = []
    place = next((folder / name for name in IMAGE_FOLDERS if is_folder(folder / name)), None)
    if place is not None:
        images, findings = _extracted(place, odometry.numbers, confined)
    elif not is_file(folder / VIDEO):
        raise BadScene(f"{folder}: neither {VIDEO} nor a folder rgb/ with images extracted from it")
    matrix = read_intrinsics(confined(folder / MATRIX)) if is_file(folder / MATRIX) else None
    if matrix is None and not np.isfinite(odometry.intrinsics).all(axis=1).any():
        raise BadScene(f"{folder}: neither {MATRIX} nor columns fx, fy, cx, cy in {ODOMETRY}")
    confidences = _numbered(folder / "confidence", {".png"}, confined)
    return Files(odometry, images, depths, confidences, matrix, tuple(findings))


def read_frames(
    folder: Path, files: Files, selection: Selection, unpacked: Path, confined: Confined
) -> tuple[tuple[Frame, ...], list[str]]:
    """Every `stride`-th frame with a pose, an image and depth, `limit` at most, and findings."""
    odometry, findings = files.odometry, list(files.findings)
    row_of = {number: row for row, number in enumerate(odometry.numbers)}
    chosen = list(row_of)[:: selection.stride]
    posed = [k for k in chosen if np.isfinite(odometry.camera_to_world[row_of[k]]).all()]
    measured = [k for k in posed if k in files.depths]
    findings += skipped(less(chosen, posed), len(chosen), NO_POSE)
    findings += skipped(less(posed, measured), len(chosen), "no depth of their own")
    images = files.images
    if images is None:
        used = spread(measured, selection.limit)
        images = unpack_images(confined(folder / VIDEO), used, unpacked)
        shown = [k for k in used if k in images]
        findings += skipped(less(used, shown), len(used), f"{VIDEO} ends before them")
    else:
        pictured = [k for k in measured if k in images]
        findings += skipped(less(measured, pictured), len(chosen), "no image of their own")
        shown = spread(pictured, selection.limit)
    frames, unsure = [], 0
    for number in shown:
        row, image = row_of[number], images[number]
        with naming(image):
            camera = _camera(files, row, *image_size(image))
        depth = files.depths[number]
        if selection.min_confidence and number in files.confidences:
            depth = _sure(depth, files.confidences[number], selection.min_confidence, unpacked)
        else:
            unsure += 1
        seconds = float(odometry.seconds[row])
        frames.append(
            Frame(
                f"{number:06d}",
                camera,
                odometry.camera_to_world[row],
                image,
                depth,
                camera.resized(*image_size(depth)),
                selection.depth_scale or DEPTH_SCALE,
                timestamp=seconds if np.isfinite(seconds) else None,
            )
        )
    if selection.min_confidence:
        findings.append(f"depth: readings of a confidence below {selection.min_confidence} of {SURE} are left out")
        if unsure:
            findings.append(f"{unsure} of {len(frames)} frames have no confidence image: all of their depth is used")
    return tuple(frames), findings


def _camera(files: Files, row: int, width: int, height: int) -> Camera:
    """The camera of an image; the app counts the principal point from the image's corner, as ARKit does."""
    written = files.odometry.intrinsics[row]
    if np.isfinite(written).all():
        fx, fy, cx, cy = written.tolist()
    else:
        assert files.matrix is not None
        fx, fy, cx, cy = files.matrix.fx, files.matrix.fy, files.matrix.cx, files.matrix.cy
    own = min((width, height), _RECORDED, key=lambda size: abs(size[0] - 2 * cx) + abs(size[1] - 2 * cy))
    return Intrinsics(fx, fy, cx - 0.5, cy - 0.5, *own).camera(width, height)


def _extracted(folder: Path, numbers: Sequence[int], confined: Confined) -> tuple[dict[int, Path], list[str]]:
    """Images by frame number; ffmpeg counts what it extracts from 1, which the number after the last one gives away."""
    images = _numbered(folder, IMAGE_SUFFIXES, confined)
    if not images:
        raise BadScene(f"{folder}: no images named by frame number, such as 000000.jpg")
    first, last = min(numbers), max(numbers)
    if (min(images), max(images)) == (first + 1, last + 1):
        finding = (
            f"{folder.name}/ is numbered from {first + 1} and {ODOMETRY} from {first}: they are paired in this order"
        )
        return {number - 1: path for number, path in images.items()}, [finding]
    if min(images) == first + 1 and max(images) == first + len(images):
        raise BadScene(
            f"{folder}: {len(images)} images numbered from {first + 1}, for frames {first} to {last} of {ODOMETRY}; "
            f"it is not known which frames they show. Name each by its frame's number, or keep only {VIDEO}"
        )
    return images, []


def _numbered(folder: Path, suffixes: Collection[str], confined: Confined) -> dict[int, Path]:
    """Number -> file, ascending; nothing where there is no such folder."""
    if not is_folder(folder):
        return {}
    paths = [p for p in entries(confined(folder)) if p.suffix.lower() in suffixes and p.stem.isdecimal()]
    return {int(path.stem): confined(path) for path in sorted(paths, key=lambda path: int(path.stem))}


def _sure(depth: Path, confidence: Path, least: int, unpacked: Path) -> Path:
    """The depth without readings that are less sure."""
    target = derived_folder(unpacked, [depth, confidence], f"sure 1: {depth} {least}") / f"{depth.stem}.png"
    return made_once(target, partial(_thin, depth, confidence, least))


def _thin(depth: Path, confidence: Path, least: int, target: Path) -> None:
    stored = read_depth(depth, 1.0)
    grey = read_image(confidence)[:, :, 0]
    if grey.shape != stored.shape:
        raise BadScene(
            f"{confidence}: {grey.shape[1]}x{grey.shape[0]} pixels for depth of {stored.shape[1]}x{stored.shape[0]}"
        )
    stored[grey < least] = 0
    Image.fromarray(stored.clip(0, 65534).astype(np.uint16)).save(target, "png", compress_level=1)
