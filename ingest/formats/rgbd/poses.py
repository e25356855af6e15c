"""Which pose belongs to which image: by what the trajectory says of each pose, by order only where it says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.poses import QuaternionOrder, Trajectory, between, from_opengl_axes, inverted, read_pose, read_trajectory
from ..pairing import NUMBERS, TIMESTAMP_TOLERANCE, last_number, nearest, pair, timestamp
from ..skipped import some

PoseKey = Literal["auto", "name", "time", "first", "third", "order"]
_ORDER = "in their order"
_HALF = 0.5  # of the images or poses that frame numbers must name to be believed
Rows = dict[str, int]  # stem -> row of the trajectory


@dataclass(frozen=True)
class PoseReading:
    """The conventions that files of poses do not tell."""

    world_to_camera: bool = False
    opengl_axes: bool = False
    world_scale: float = 1.0  # units of the poses per metre
    quaternion: QuaternionOrder = "xyzw"
    key: PoseKey = "auto"
    gap: float | None = None  # seconds between two poses that those between are interpolated from; None: none are


@dataclass(frozen=True)
class Poses:
    """Camera-to-world of the images that have one."""

    matrices: dict[str, NDArray[np.float64]]  # (4, 4) by stem; not finite where tracking was lost
    seconds: dict[str, float]  # of the images that have a time
    source: str  # the file, and how its poses and the images were put together
    findings: tuple[str, ...] = ()


def read_poses(folder: Path, images: Mapping[str, Path], poses: Path | dict[str, Path], reading: PoseReading) -> Poses:
    """The poses of these images, by stem; BadScene where none belongs to any, or two ways are as good."""
    stems, findings = list(images), []
    seconds = {stem: time for stem in stems if (time := timestamp(stem)) is not None}
    if isinstance(poses, dict):
        pairs = pair(stems, poses)
        if not pairs.found:
            raise BadScene(unrelated(folder, "pose files", poses, images))
        matrices = {stem: read_pose(path, reading.quaternion) for stem, path in pairs.found.items()}
        source = f"one file per frame in {next(iter(pairs.found.values())).parent.name}, by {pairs.rule}"
    else:
        trajectory = read_trajectory(poses, reading.quaternion)
        rows, rule = _rows(poses, stems, trajectory, seconds, reading)
        matrices = {stem: trajectory.matrices[row] for stem, row in rows.items()}
        source = f"{poses.name} ({trajectory.style}), {rule}"
        if trajectory.timestamps is not None and not trajectory.numbers and rule != _ORDER:
            seconds = {stem: trajectory.timestamps[row] for stem, row in rows.items()}
        if reading.gap is not None and trajectory.timestamps is not None:
            times = {stem: time for stem in stems if (time := timestamp(stem)) is not None}
            made = between(trajectory, times, reading.gap)
            matrices, seconds = {**matrices, **made}, {**seconds, **{stem: times[stem] for stem in made}}
            findings.append(f"{len(made)} poses were interpolated between ones at most {reading.gap:g} s apart")
        elif left := len(trajectory) - len(rows) if trajectory.numbers or trajectory.names else 0:
            unused = sorted(set(range(len(trajectory))) - set(rows.values()))
            findings.append(
                f"{left} of {len(trajectory)} poses belong to no image (rows {some([r + 1 for r in unused])})"
            )
    every = np.array(list(matrices.values()))
    every = inverted(every) if reading.world_to_camera else every
    every = from_opengl_axes(every) if reading.opengl_axes else every
    every[:, :3, 3] /= reading.world_scale
    return Poses(dict(zip(matrices, every, strict=True)), seconds, source, tuple(findings))


def unrelated(folder: Path, what: str, files: Mapping[str, Path], images: Mapping[str, Path]) -> str:
    """That none of the files belongs to any image."""
    return (
        f"{folder}: {len(files)} {what} such as {next(iter(files.values())).name}, none of which matches by name, "
        f"number or time an image such as {next(iter(images.values())).name}"
    )


def _rows(
    path: Path, stems: Sequence[str], trajectory: Trajectory, image_times: Mapping[str, float], reading: PoseReading
) -> tuple[Rows, str]:
    """The pose of each image that has one, and what told."""
    key = reading.key
    if key in ("auto", "name") and trajectory.names is not None:
        pairs = pair(stems, {PurePosixPath(name).stem: row for row, name in enumerate(trajectory.names)})
        if pairs.found:
            return pairs.found, f"by {pairs.rule}"
    if key in ("auto", "time") and trajectory.timestamps is not None and len(image_times) == len(stems):
        return _by_time(path, stems, trajectory, image_times, reading.gap)
    if key in ("auto", "first", "third") and trajectory.numbers:
        return _by_number(path, stems, trajectory, key)
    if key in ("auto", "order"):
        return _in_order(path, stems, len(trajectory))
    raise BadScene(f"{path}: its poses ({trajectory.style}) do not fit the images by --pose-key {key}")


def _by_time(
    path: Path, stems: Sequence[str], trajectory: Trajectory, image_times: Mapping[str, float], gap: float | None
) -> tuple[Rows, str]:
    times = trajectory.timestamps
    assert times is not None
    candidates = sorted((time, row) for row, time in enumerate(times))
    near = {stem: nearest(image_times[stem], candidates) for stem in stems}
    found = {stem: row for stem, row in near.items() if row is not None}
    if found or (gap is not None and between(trajectory, image_times, gap)):
        return found, f"by nearest time within {TIMESTAMP_TOLERANCE:g} s"
    wider = "a larger --pose-gap" if gap is not None else "--pose-gap SECONDS interpolates poses between timestamps"
    raise BadScene(
        f"{path}: poses from {min(times):.3f} s to {max(times):.3f} s, none near an image ({stems[0]} to {stems[-1]}); "
        f"{wider}"
    )


def _by_number(path: Path, stems: Sequence[str], trajectory: Trajectory, key: PoseKey) -> tuple[Rows, str]:
    """By the numbers that the file gives its poses, and that most images have in their names."""
    columns = {"auto": trajectory.numbers, "first": trajectory.numbers[:1], "third": trajectory.numbers[1:]}[key]
    fits = [_numbered(stems, column, rule) for column in columns for rule in NUMBERS]
    best = max(fits, key=len, default={})
    alike = [fit for fit in fits if len(fit) == len(best) and fit != best]
    count, numbers = len(trajectory), columns[0] if columns else ()
    trusted = len(best) >= _HALF * min(len(stems), count)
    if best and (key != "auto" or (trusted and not alike)):
        return best, "by frame number"
    counts = tuple(range(numbers[0], numbers[0] + count)) == numbers if numbers else False
    if not best and key == "auto" and counts and count == len(stems):
        return _in_order(path, stems, count)
    fitting = f"{len(best)} of {len(stems)} images, such as {stems[0]!r}, have one of them"
    if alike:
        fitting += ", in two ways: a line's first and third number give different images"
    raise BadScene(
        f"{path}: {count} poses with frame numbers {min(numbers, default=0)} to {max(numbers, default=0)}, but "
        f"{fitting}. Choose what determines the image of a pose: --pose-key first, third (number of a line) or order"
    )


def _numbered(stems: Sequence[str], column: tuple[int, ...], rule: str) -> Rows:
    return _of_numbers(
        {stem: NUMBERS[rule](stem) for stem in stems}, {number: row for row, number in enumerate(column)}
    )


def _of_numbers(of_stems: Mapping[str, float | None], rows: Mapping[int, int]) -> Rows:
    """The row of each stem's number; none at all where two stems have one number."""
    known = [number for number in of_stems.values() if number is not None]
    if len(set(known)) < len(known):
        return {}
    return {stem: rows[int(n)] for stem, n in of_stems.items() if n is not None and n == int(n) and int(n) in rows}


def _in_order(path: Path, stems: Sequence[str], count: int) -> tuple[Rows, str]:
    """Where the file has no keys: image by image when they are as many, else row n is that of image number n."""
    if count == len(stems):
        return {stem: row for row, stem in enumerate(stems)}, _ORDER
    rows = _of_numbers({stem: last_number(stem) for stem in stems}, {row: row for row in range(count)})
    if len(rows) == len(stems):
        return rows, "row n for image n"
    raise BadScene(
        f"{path}: {count} poses for {len(stems)} images; expected as many, or images numbered from 0 to {count - 1}"
    )
