"""What nuScenes knows of a keyframe's points: lidarseg, panoptic labels, and the boxes of objects.

    lidarseg/VERSION/TOKEN_lidarseg.bin        uint8 a point: the category's index
    panoptic/VERSION/TOKEN_panoptic.npz        `data`, uint16 a point: 1000 * index + number of the instance, 0 for none
    VERSION/sample_annotation.json             boxes in the global frame

TOKEN is that of the sweep in sample_data.json. Names and indices are those of category.json: the order in nuScenes'
documentation is another.
"""

import io
import tokenize
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ....core.regular import is_file
from ...files.confined import Confined
from ...files.json_rows import read_json_rows
from ...files.whole import read_bytes
from ..lidar_points import MAX_SWEEP_BYTES
from .tables import Shot, matrix_of, numbers_of, read_once, text_of, unit_quaternion

PANOPTIC = 1000  # a panoptic label is this times the category's index, plus the instance's number
_ANNOTATIONS = ("category", "instance", "sample_annotation")


class PointLabels(NamedTuple):
    """A column a kind; None where nothing is known."""

    labels: NDArray[np.int32] | None  # (K,) category index, -1 none
    instances: NDArray[np.int32] | None  # (K,) the same number for the same object all through a scene, -1 none


@dataclass(frozen=True)
class Boxes:
    """Annotated objects of all samples; one row per box."""

    centre: NDArray[np.float64]  # (B, 3) metres, global
    size: NDArray[np.float64]  # (B, 3) width (y), length (x), height (z)
    rotation: NDArray[np.float64]  # (B, 4) quaternion w, x, y, z
    category: NDArray[np.int32]  # (B,) index
    instance: NDArray[np.int32]  # (B,) row of instance.json
    of_sample: dict[str, list[int]]  # token -> rows


class Labels:
    """The labels of a version, keyframe by keyframe."""

    def __init__(self, root: Path, folder: Path, confined: Confined) -> None:
        """`folder` is the one with the tables, below `root`."""
        self._root, self._folder, self._confined = root, folder, confined
        rows = list(read_json_rows(confined(folder / "category.json")))
        self._indexed = all("index" in row for row in rows)
        self.names = dict(_categories(folder / "category.json", rows).values())  # by index; by row where there is none

    def of(self, shot: Shot, xyz: NDArray[np.float64], kept: NDArray[np.bool_]) -> PointLabels:
        """Labels of the points `xyz` (K, 3), global, that were `kept` (N,) of a keyframe's sweep."""
        lidarseg, panoptic = self._file(shot, "lidarseg", "bin"), self._file(shot, "panoptic", "npz")
        if (lidarseg or panoptic) is not None and not self._indexed:
            raise BadScene(
                f"{self._folder / 'category.json'}: no 'index' in it, though points have labels: use the "
                "category.json that comes with nuScenes-lidarseg"
            )
        labels = None if lidarseg is None else self._known(lidarseg, read_lidarseg(lidarseg, len(kept)))[kept]
        if panoptic is not None:
            packed = read_panoptic(panoptic, len(kept))[kept].astype(np.int32)
            if labels is None:
                labels = self._known(panoptic, np.where(packed > 0, packed // PANOPTIC, -1))
            return PointLabels(labels, np.where(packed % PANOPTIC > 0, packed, -1))
        if not is_file(self._folder / "sample_annotation.json"):
            return PointLabels(labels, None)
        boxes = read_once(_read_boxes, self._folder, self._confined, _ANNOTATIONS)
        return in_boxes(xyz, boxes, boxes.of_sample.get(shot.sample.token, []), labels)

    def _known(self, path: Path, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """The same labels; BadScene for one that is no index of category.json."""
        if strange := [label for label in np.unique(labels).tolist() if label >= 0 and label not in self.names]:
            raise BadScene(
                f"{path}: label {strange[-1]} is not an index of {self._folder / 'category.json'}, which has "
                f"{len(self.names)} categories: they belong to different label sets; use both files from one "
                "download"
            )
        return labels

    def _file(self, shot: Shot, kind: str, ending: str) -> Path | None:
        path = self._confined(self._root / kind / self._folder.name / f"{shot.token}_{kind}.{ending}")
        return path if is_file(path) else None


def read_lidarseg(path: Path, points: int) -> NDArray[np.int32]:
    """(points,) category indices."""
    data = read_bytes(path, MAX_SWEEP_BYTES)
    if len(data) != points:
        raise BadScene(f"{path}: {len(data):,} labels of one byte; its sweep has {points:,} points")
    return np.frombuffer(data, np.uint8).astype(np.int32)


def read_panoptic(path: Path, points: int) -> NDArray[np.integer]:
    """(points,) the array `data` of an .npz; its size is checked before it is unpacked, and nothing is unpickled."""
    packed = read_bytes(path, MAX_SWEEP_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open("data.npy") as member:
            content = member.read(8 * points + 4096)
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(stream)
        if shape != (points,) or dtype.kind not in "ui":
            raise BadScene(f"{path}: {dtype} of shape {shape}; whole numbers for {points:,} points were expected")
        values = np.frombuffer(content, dtype, points, stream.tell())
    except (
        OSError, ValueError, KeyError, EOFError, SyntaxError, RuntimeError, NotImplementedError,
        zipfile.BadZipFile, zlib.error, tokenize.TokenError,
    ) as error:  # fmt: skip
        detail = str(error)[:120]
        raise BadScene(f"{path}: cannot be read as an .npz with whole numbers in 'data': {detail}") from error
    if len(values) and not 0 <= int(values.min()) <= int(values.max()) < 1 << 30:
        raise BadScene(f"{path}: labels from {values.min()} to {values.max()}; 0 to 65535 were expected")
    return values


def in_boxes(
    xyz: NDArray[np.float64], boxes: Boxes, rows: Sequence[int], labels: NDArray[np.int32] | None
) -> PointLabels:
    """The instance of each point that lies in one box of its own category, as panoptic labels were made.

    Without labels the boxes give them. Points in several boxes that fit have no instance.
    """
    count, instances = np.zeros(len(xyz), np.int32), np.full(len(xyz), -1, np.int32)
    given = np.full(len(xyz), -1, np.int32)
    for row in rows:
        to_world = matrix_of(boxes.centre[row], boxes.rotation[row])
        local = (xyz - to_world[:3, 3]) @ to_world[:3, :3]
        inside = (2 * np.abs(local) <= boxes.size[row, [1, 0, 2]]).all(axis=1)
        if labels is not None:
            inside &= labels == boxes.category[row]
        count += inside
        instances[inside], given[inside] = boxes.instance[row], boxes.category[row]
    instances[count > 1] = -1
    return PointLabels(given if labels is None else labels, instances)


def _categories(path: Path, rows: Iterable[dict[str, Any]]) -> dict[str, tuple[int, str]]:
    """token -> (index, name)."""
    found = {}
    for number, row in enumerate(rows):
        index = row.get("index", number)
        if not isinstance(index, int) or not 0 <= index < 1 << 20:
            raise BadScene(f"{path}: a category with 'index': {index!r:.40}; a whole number was expected")
        found[text_of(path, row, "token")] = (index, text_of(path, row, "name")[:200])
    return found


@lru_cache(maxsize=1)
def _read_boxes(folder: Path, stamp: object) -> Boxes:
    path = folder / "instance.json"
    categories = _categories(folder / "category.json", read_json_rows(folder / "category.json"))
    objects: dict[str, tuple[int, int]] = {}
    for number, row in enumerate(read_json_rows(path)):
        category = categories.get(text_of(path, row, "category_token"))
        if category is None:
            raise BadScene(f"{path}: row {number + 1} is of a category that category.json does not have")
        objects[text_of(path, row, "token")] = (number, category[0])
    path = folder / "sample_annotation.json"
    numbers, owners = array("d"), array("i")
    of_sample: dict[str, list[int]] = {}
    for row in read_json_rows(path):
        found = objects.get(text_of(path, row, "instance_token"))
        if found is None:
            raise BadScene(f"{path}: a box of an instance that instance.json does not have")
        of_sample.setdefault(text_of(path, row, "sample_token"), []).append(len(owners) // 2)
        owners.extend(found)
        for part in (numbers_of(path, row, "translation", 3), numbers_of(path, row, "size", 3)):
            numbers.extend(part)
        numbers.extend(unit_quaternion(path, row))
    table, owner = np.array(numbers).reshape(-1, 10), np.array(owners, np.int32).reshape(-1, 2)
    return Boxes(table[:, :3], table[:, 3:6], table[:, 6:], owner[:, 1], owner[:, 0], of_sample)
