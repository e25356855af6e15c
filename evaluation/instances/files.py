"""Instances as ScanNet's benchmark takes them.

    FOLDER/
        scene0011_00.txt      one line per mask: relative path, label id, confidence
        predicted_masks/scene0011_00_000.txt      0 or 1 a line, vertices in the dataset's own order

A mask may also be a .npy of one dimension. Paths stay inside of FOLDER.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.files import replacing
from ...core.names import file_name
from ...core.regular import require_file
from ..labels.label_set import LabelSet
from ..points.benchmark_files import prediction_path, read_whole_numbers
from .instances import Claims

_MASKS = "predicted_masks"
_LONGEST_LIST = 64 << 20  # bytes of a scene's file; more is no such list


@dataclass(frozen=True)
class ListedMask:
    """A line of a scene's file."""

    path: Path  # of the mask, inside of the folder
    label_id: int
    confidence: float


def write_instances(
    folder: Path, scene: str, of_point: NDArray[np.integer], claims: Claims, label_set: LabelSet
) -> None:
    """`of_point` (N,) is the mask of each point in the dataset's own order, -1 for none.

    The list comes last and an old one goes first: a list names masks that are whole.
    """
    listing = prediction_path(folder, scene)
    lines = []
    try:
        listing.unlink(missing_ok=True)
        (folder / _MASKS).mkdir(exist_ok=True)
        for row, (index, confidence) in enumerate(zip(claims.index.tolist(), claims.confidence.tolist(), strict=True)):
            name = f"{_MASKS}/{file_name(scene, f'_{row:03d}.txt')}"
            (folder / name).write_bytes(_as_text(of_point == row))
            lines.append(f"{name} {label_set.classes[index].id} {confidence!r}\n")
    except OSError as error:
        raise BadInput(f"{folder / _MASKS} cannot be written: {error.strerror or error}.") from error
    with replacing(listing) as part:
        part.write_text("".join(lines), encoding="utf-8")


def read_list(folder: Path, scene: str) -> list[ListedMask]:
    """The masks of that scene; they stay unread. BadInput says what is wrong with which line."""
    path = prediction_path(folder, scene)
    try:
        if (size := require_file(path)) > _LONGEST_LIST:
            raise BadInput(f"{path}: {size:,} bytes are too many for a list of masks.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not text; one mask per line was expected.") from error
    root = folder.resolve()
    return [_listed(path, root, row, line) for row, line in enumerate(lines, 1) if line.strip()]


def read_masks(listed: Sequence[ListedMask], point_count: int) -> Iterable[NDArray[np.bool_]]:
    """(N,) each, in the dataset's own order, one at a time."""
    for each in listed:
        yield _array(each.path, point_count) if each.path.suffix == ".npy" else _text(each.path, point_count)


def claims_of(listed: Sequence[ListedMask], label_set: LabelSet) -> Claims:
    """Label ids as classes, -1 for those that are none."""
    index = {each.id: i for i, each in enumerate(label_set.classes)}
    return Claims(
        np.array([index.get(each.label_id, -1) for each in listed], np.int32),
        np.array([each.confidence for each in listed], np.float64),
    )


def _listed(path: Path, root: Path, row: int, line: str) -> ListedMask:
    where = f"{path}, line {row}"
    match line.rsplit(maxsplit=2):
        case [name, label, confidence]:
            pass
        case _:
            raise BadInput(f"{where}: {line[:60]!r} is not a mask's relative path, a label id and a confidence.")
    try:
        mask = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, bytes that no path has
        raise BadInput(f"{where}: {name[:80]!r} is not a path: {error}.") from error
    if Path(name).is_absolute() or not mask.is_relative_to(root):
        raise BadInput(f"{where}: the mask {name[:80]!r} is not inside {root}.")
    try:
        number, sure = float(label), float(confidence)
    except ValueError as error:
        raise BadInput(
            f"{where}: {label[:20]!r} and {confidence[:20]!r} are not a label id and a confidence."
        ) from error
    if not (math.isfinite(sure) and number.is_integer()):
        raise BadInput(
            f"{where}: {label[:20]} {confidence[:20]}: a whole-number label id and a finite confidence were expected."
        )
    return ListedMask(mask, int(number), sure)


def _text(path: Path, point_count: int) -> NDArray[np.bool_]:
    try:
        raw = np.fromfile(path, np.uint8, 2 * point_count + 1)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    if len(raw) == 2 * point_count and (raw[1::2] == ord("\n")).all() and (raw[::2] // 2 == ord("0") // 2).all():
        return raw[::2] == ord("1")  # 0.6 ms in place of 45 for 200,000 points
    return read_whole_numbers(path, point_count, "number") != 0


def _array(path: Path, point_count: int) -> NDArray[np.bool_]:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not an array that can be read: {error}.") from error
    if array.shape != (point_count,) or array.dtype.kind not in "biuf":
        raise BadInput(
            f"{path} contains {array.dtype} {array.shape}; one number for each of {point_count:,} points was expected."
        )
    return np.asarray(array != 0)


def _as_text(inside: NDArray[np.bool_]) -> bytes:
    lines = np.full((len(inside), 2), ord("\n"), np.uint8)
    lines[:, 0] = ord("0") + inside
    return lines.tobytes()
