"""Objects of a scan that other tools found, for its points in the dataset's own order.

    FILES/SCENE.txt     ScanNet's predicted instances (core/instance_lists.py): mask, label id, confidence a line
    FILES/SCENE.npz     pred_masks (N, K) or (K, N), and pred_scores (K,) where there are confidences
    FILES/SCENE.npy     (N,) the instance of each point, negative for none
    FILES/SCENE.ply     the same as a whole-number property instance, instance_id, object_id or objectId

FILES may also be the file of the only scene. A point that several instances claim goes to the surest, of equally sure
ones to the smallest, then to the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import map_npy
from ...core.errors import BadScene
from ...core.instance_lists import read_list, read_masks
from ...core.names import file_name
from ...core.regular import is_file, is_folder
from ...models.precomputed.arrays import Member, array, members
from ...models.precomputed.files import digest_of
from ..files.clouds import read_cloud

SUFFIXES = (".txt", ".npz", ".npy", ".ply")
MAX_INSTANCES = 20_000  # of a scene
_MASKS, _SCORES = ("pred_masks", "masks"), ("pred_scores", "pred_score", "scores")
_BYTES_AT_ONCE = 1 << 26


@dataclass(frozen=True)
class GivenInstances:
    """Which instance each point belongs to."""

    of_point: NDArray[np.int32]  # (N,) in the dataset's own order, -1 for none
    count: int  # instances that the file lists
    shared: int  # points that several claimed


def instance_file(files: Path, scene: str) -> Path:
    """The file of a scene; BadScene says what was looked for."""
    if not is_folder(files):
        if not is_file(files):
            raise BadScene(f"{files}: no such file or folder of instances")
        if files.suffix.lower() not in SUFFIXES:
            raise BadScene(f"{files}: instances are read from {', '.join(SUFFIXES)}")
        return files
    found = [path for suffix in SUFFIXES if is_file(path := files / file_name(scene, suffix))]
    if len(found) != 1:
        names = " and ".join(path.name for path in found)
        raise BadScene(
            f"{files}: {names} are both instances of {scene}; keep one"
            if found
            else f"{files}: no instances of {scene!r}; {file_name(scene, '.txt')}, or the same with "
            f"{', '.join(SUFFIXES[1:])}, was expected"
        )
    return found[0]


def instances_digest(path: Path) -> str:
    """Of the file, and of the masks that it lists; not of where they lie."""
    masks = [each.path for each in read_list(path)] if path.suffix.lower() == ".txt" else []
    return digest_of(path.parent.resolve(), [path.resolve(), *masks])


def read_instances(path: Path, point_count: int) -> GivenInstances:
    """What a file says of a scan with so many points; BadInput that names it where it speaks of another."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        listed = read_list(path)
        _require_few(path, len(listed))
        found = _surest(read_masks(listed, point_count), [each.confidence for each in listed], point_count)
    elif suffix == ".npz":
        found = _of_stack(path, point_count)
    else:
        found = _of_ids(path, _ids(path), point_count)
    if (found.of_point < 0).all():
        raise BadScene(f"{path}: no point belongs to an instance; all {found.count:,} are empty")
    return found


def _ids(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".npy":
        return map_npy(path)
    cloud = read_cloud(path)
    if cloud.left_out is not None:
        raise BadScene(f"{path}: {len(cloud.left_out):,} of its points are not finite; one row per point was expected")
    if cloud.instances is None:
        raise BadScene(f"{path}: vertices without a whole-number property instance, instance_id, object_id or objectId")
    return cloud.instances


def _of_ids(path: Path, ids: NDArray[Any], point_count: int) -> GivenInstances:
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise BadScene(
            f"{path}: an array of {ids.dtype} and shape {ids.shape}; one whole number per point was expected"
        )
    _require_points(path, len(ids), point_count)
    found, place = np.unique(ids, return_inverse=True)
    real = found >= 0
    _require_few(path, int(real.sum()))
    number = np.where(real, np.cumsum(real) - 1, -1)
    return GivenInstances(number[place].astype(np.int32), int(real.sum()), 0)


def _of_stack(path: Path, point_count: int) -> GivenInstances:
    held = members(path)
    member = next((held[name] for name in _MASKS if name in held), None)
    if member is None or len(member.shape) != 2 or member.dtype.kind not in "iub":
        shapes = ", ".join(f"{one.name} {one.dtype} {one.shape}" for one in held.values()) or "no arrays of numbers"
        raise BadScene(f"{path}: contains {shapes}; pred_masks of booleans, (points, instances), were expected")
    if member.columns_first:
        member = replace(member, shape=member.shape[::-1], columns_first=False)
    by_point = member.shape[0] == point_count if point_count in member.shape else member.shape[0] > member.shape[1]
    points, count = member.shape if by_point else member.shape[::-1]
    _require_points(path, points, point_count)
    _require_few(path, count)
    named = next((name for name in _SCORES if name in held), None)
    scores = np.zeros(count) if named is None else array(path, named).astype(np.float64).ravel()
    if len(scores) != count or not np.isfinite(scores).all():
        raise BadScene(
            f"{path}: {named} has {len(scores):,} numbers for {count:,} instances; finite ones were expected"
        )
    if not by_point:
        return _surest((plane != 0 for plane in member.planes()), scores.tolist(), point_count)
    return _surest_by_rows(member, scores)


def _surest(masks: Any, scores: list[float], point_count: int) -> GivenInstances:
    """From masks (N,), one at a time in memory."""
    of_point = np.full(point_count, -1, np.int32)
    score, size = np.full(point_count, -np.inf), np.full(point_count, np.iinfo(np.int64).max)
    claims = np.zeros(point_count, np.int32)
    for row, (mask, sure) in enumerate(zip(masks, scores, strict=True)):
        own = np.flatnonzero(mask)
        claims[own] += 1
        better = own[(score[own] < sure) | ((score[own] == sure) & (size[own] > len(own)))]
        of_point[better], score[better], size[better] = row, sure, len(own)
    return GivenInstances(of_point, len(scores), int((claims > 1).sum()))


def _surest_by_rows(member: Member, scores: NDArray[np.float64]) -> GivenInstances:
    """From rows (K,) of points, a block of them at a time in memory: once for the sizes, once for the choice."""
    sizes = np.zeros(len(scores), np.int64)
    for rows in _blocks(member):
        sizes += np.count_nonzero(rows, axis=0)
    order = np.lexsort((np.arange(len(scores)), sizes, -scores))
    found, shared = [np.empty(0, np.int32)], 0
    for rows in _blocks(member):
        inside = rows != 0
        first = order[inside[:, order].argmax(axis=1)] if len(order) else np.zeros(len(rows), np.int64)
        claims = np.count_nonzero(inside, axis=1)
        found.append(np.where(claims > 0, first, -1).astype(np.int32))
        shared += int((claims > 1).sum())
    return GivenInstances(np.concatenate(found), len(scores), shared)


def _blocks(member: Member) -> Iterator[NDArray[Any]]:
    width = max(1, member.shape[1] * member.dtype.itemsize)
    yield from member.planes(at_once=max(1, _BYTES_AT_ONCE // width))


def _require_points(path: Path, found: int, expected: int) -> None:
    if found != expected:
        raise BadScene(
            f"{path}: instances for another cloud: of {found:,} points, but the scene has {expected:,}; one row per "
            "point was expected, in the dataset's own order"
        )


def _require_few(path: Path, count: int) -> None:
    if count > MAX_INSTANCES:
        raise BadScene(f"{path}: {count:,} instances; at most {MAX_INSTANCES:,} are read of a scene")
