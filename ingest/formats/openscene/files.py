"""OpenScene's own files: points in `.pth`, fused features in `.pt` (openscene.md 1.1 and 2.5).

    <name>.pth       (coordinates (N, 3) metres, colours (N, 3) from -1 to 1 or the number 0, labels (N,))
    <name>_<n>.pt    {"feat": (M, C) halves, "mask_full": (N,) true at those M points}, by ascending point
                     older: {"feat": (K, C) or (K, C, 1), "mask_full": (N,) true at the chunk's K points,
                     "mask": which of the K have a feature, as truth values or as numbers}

No label is 255 or -100. Files are read as numbers, never executed; they are written in words that NumPy 1 knows, which
is what the original's tools run with.
"""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy._core import multiarray
from numpy.typing import NDArray

from ....core.errors import BadScene, BadWeights
from ....core.files import replacing
from ....core.regular import is_file
from ....core.scene import PointCloud
from ....models.safe_load import plain_array, read_torch
from ...files.measured import measured
from ...files.naming import naming
from ...imported_features import ImportedFeatures, usable

UNLABELLED = 255
_ALSO_UNLABELLED = -100
_COLOUR_SLACK = 1e-3  # beyond -1 and 1; colours in float32 are off by less


def read_points(path: Path, label_names: Mapping[int, str]) -> PointCloud:
    """The points of a .pth, labels -1 where it has none; classes not among `label_names` are called "class 7"."""
    stored = _read(path)
    if not isinstance(stored, tuple | list) or len(stored) != 3:
        raise BadScene(f"{path}: contains a {type(stored).__name__}; (coordinates, colours, labels) was expected")
    xyz = _array(path, "coordinates", stored[0])
    if xyz.ndim != 2 or xyz.shape[1] != 3 or xyz.dtype.kind != "f":
        raise BadScene(
            f"{path}: coordinates are {xyz.dtype} of shape {xyz.shape}; floats of shape (N, 3) were expected"
        )
    labels = _labels(path, stored[2], len(xyz))
    rgb, kept = _rgb(path, stored[1], len(xyz)), measured(path, xyz)
    present = [] if labels is None else [int(label) for label in np.unique(labels[kept]) if label >= 0]
    names = {label: label_names.get(label, f"class {label}") for label in present}
    with naming(path):
        return PointCloud(
            xyz[kept].astype(np.float64),
            rgb=None if rgb is None else rgb[kept],
            labels=labels[kept] if labels is not None and present else None,
            label_names=names,
            left_out=None if kept.all() else np.flatnonzero(~kept),
        )


def write_points(path: Path, points: PointCloud, labels: NDArray[np.generic]) -> None:
    """The same back; `labels` (N,) in the dtype that they shall have, 255 for none."""
    colours = 0 if points.rgb is None else points.rgb / 127.5 - 1
    _write(path, (np.ascontiguousarray(points.xyz, np.float64), colours, labels))


def read_features(paths: Sequence[Path]) -> ImportedFeatures:
    """The chunks of one scene as one. Of a point that several hold, the first one's vector is taken.

    Chunks of one fusion agree where they overlap; where they do not, a finding says so. Rows without a direction (all
    zero, or not finite) are left out and counted.
    """
    chunks = [_read_chunk(path) for path in paths]
    counts = {len(covered) for covered, _ in chunks}
    widths = {vectors.shape[1] for _, vectors in chunks}
    if len(counts) > 1 or len(widths) > 1:
        raise BadScene(
            f"{paths[0].parent}: the chunks {paths[0].name} to {paths[-1].name} are of {_listed(counts)} points and "
            f"{_listed(widths)} numbers each; one scene and one network were expected"
        )
    covered, vectors, findings = _merged(chunks)
    has_direction = usable(vectors)
    if not has_direction.all():
        findings.append(
            f"{(~has_direction).sum():,} of {len(vectors):,} imported features left out: zero or not finite"
        )
        covered[np.flatnonzero(covered)[~has_direction]] = False
        vectors = vectors[has_direction]
    if not len(vectors):
        raise BadScene(f"{paths[0]}: no point has a feature")
    return ImportedFeatures(covered, vectors, tuple(findings))


def write_features(
    path: Path, covered: NDArray[np.bool_], vectors: NDArray[np.float16], numpy_mask: bool = False
) -> None:
    """One whole scene as one file; `numpy_mask` for nuScenes, whose masks are arrays."""
    mask = covered if numpy_mask else torch.from_numpy(np.ascontiguousarray(covered))
    _write(path, {"feat": torch.from_numpy(np.ascontiguousarray(vectors, np.float16)), "mask_full": mask})


def _read_chunk(path: Path) -> tuple[NDArray[np.bool_], NDArray[np.float16]]:
    """(N,) which points have a vector, and (M, C) the vectors."""
    stored = _read(path)
    if not isinstance(stored, Mapping) or not {"feat", "mask_full"} <= set(stored):
        found = ", ".join(map(str, stored)) if isinstance(stored, Mapping) else f"a {type(stored).__name__}"
        raise BadScene(f"{path}: contains {found[:80]}; a dict with 'feat' and 'mask_full' was expected")
    feat = _array(path, "feat", stored["feat"])
    if feat.ndim == 3:
        feat = feat[:, :, 0] if feat.shape[2] else feat[:, :, :0]
    covered = _array(path, "mask_full", stored["mask_full"]).astype(bool)
    if feat.ndim != 2 or feat.dtype.kind != "f" or covered.ndim != 1 or len(feat) != covered.sum():
        raise BadScene(
            f"{path}: 'feat' is {feat.dtype} of shape {feat.shape}, 'mask_full' of shape {covered.shape} with "
            f"{covered.sum():,} points; as many rows as points were expected"
        )
    if "mask" in stored:
        seen = _rows(path, _array(path, "mask", stored["mask"]).reshape(-1), len(feat))
        covered[np.flatnonzero(covered)[~seen]] = False
        feat = feat[seen]
    with np.errstate(over="ignore"):  # what becomes infinite is left out later, and counted
        return covered, feat.astype(np.float16)


def _rows(path: Path, mask: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """(count,) the mask of a chunk as truth values."""
    if mask.dtype.kind == "b" and len(mask) == count:
        return mask
    if mask.dtype.kind in "iu" and (not len(mask) or (mask.min() >= 0 and mask.max() < count)):
        rows = np.zeros(count, bool)
        rows[mask] = True
        return rows
    raise BadScene(f"{path}: 'mask' is {mask.dtype} of length {len(mask)}; it should choose among {count:,} rows")


def _merged(
    chunks: Sequence[tuple[NDArray[np.bool_], NDArray[np.float16]]],
) -> tuple[NDArray[np.bool_], NDArray[np.float16], list[str]]:
    if len(chunks) == 1:
        return chunks[0][0], chunks[0][1], []
    point = np.concatenate([np.flatnonzero(covered) for covered, _ in chunks])
    vectors = np.concatenate([vectors for _, vectors in chunks])
    order = np.argsort(point, kind="stable")
    first = np.diff(point[order], prepend=-1) > 0
    again = np.flatnonzero(~first)
    differ = int((vectors[order[again]] != vectors[order[again - 1]]).any(axis=1).sum())
    findings = [f"{differ:,} points have other features in another chunk; the first was used"] if differ else []
    return np.logical_or.reduce([covered for covered, _ in chunks]), vectors[order[first]], findings


def _rgb(path: Path, colours: Any, count: int) -> NDArray[np.uint8] | None:
    if isinstance(colours, int | float):
        return None  # the number 0 stands for "no colour"
    values = _array(path, "colours", colours)
    if values.shape != (count, 3) or values.dtype.kind != "f":
        raise BadScene(f"{path}: colours are {values.dtype} of shape {values.shape}; ({count}, 3) floats were expected")
    low, high = values.min(initial=0), values.max(initial=0)
    if not (low >= -1 - _COLOUR_SLACK and high <= 1 + _COLOUR_SLACK):
        raise BadScene(f"{path}: colours from {low:g} to {high:g}; OpenScene's go from -1 to 1")
    return np.clip(np.rint((values.astype(np.float64) + 1) * 127.5), 0, 255).astype(np.uint8)


def _labels(path: Path, stored: Any, count: int) -> NDArray[np.int32] | None:
    """(N,) with -1 for none; a number in place of labels stands for "no labels"."""
    if isinstance(stored, int | float):
        return None
    labels = _array(path, "labels", stored)
    whole = labels.dtype.kind in "iub" or bool((np.isfinite(labels) & (labels == np.rint(labels))).all())
    if labels.shape != (count,) or not whole:
        raise BadScene(
            f"{path}: labels are {labels.dtype} of shape {labels.shape}; {count:,} whole numbers were expected"
        )
    labels = labels.astype(np.float64)
    unlabelled = (labels == UNLABELLED) | (labels == _ALSO_UNLABELLED)
    known = labels[~unlabelled]
    if len(known) and not (known.min() >= 0 and known.max() <= np.iinfo(np.int32).max):
        raise BadScene(f"{path}: labels from {known.min():g} to {known.max():g}; classes are 0 to 254, none is 255")
    return np.where(unlabelled, -1, labels).astype(np.int32)


def _read(path: Path) -> Any:
    if not is_file(path):
        raise BadScene(f"{path}: no such file")
    try:
        return read_torch(path)
    except BadWeights as error:
        raise BadScene(str(error)) from error


def _array(path: Path, what: str, stored: Any) -> NDArray[Any]:
    """A tensor or array of real numbers that has the elements it claims to have."""
    if isinstance(stored, torch.Tensor):
        try:
            return plain_array(path, what, stored)
        except BadWeights as error:
            raise BadScene(str(error)) from error
    if not isinstance(stored, np.ndarray):
        raise BadScene(f"{path}: {what} is a {type(stored).__name__}; an array was expected")
    if stored.dtype.kind not in "fiub":
        raise BadScene(f"{path}: {what} is {stored.dtype}; real numbers were expected")
    if stored.nbytes > path.stat().st_size:
        raise BadScene(f"{path}: {what} claims {stored.nbytes:,} bytes; the file has {path.stat().st_size:,}")
    return stored


def _listed(numbers: set[int]) -> str:
    return " and ".join(f"{number:,}" for number in sorted(numbers))


class _Pickler(pickle._Pickler):
    """Arrays under the name that NumPy 1 gave to what makes them; NumPy 2 knows it too."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if obj is multiarray._reconstruct:
            self.write(pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n")  # type: ignore[attr-defined]
            self.memoize(obj)  # type: ignore[attr-defined]
        else:
            super().save_global(obj, name)  # type: ignore[misc]

    dispatch: ClassVar[dict[type, Any]] = {**pickle._Pickler.dispatch, type(multiarray._reconstruct): save_global}


def _write(path: Path, value: Any) -> None:
    """The file, whole or not at all; equal values give equal bytes."""
    with replacing(path) as part, part.open("wb") as file:
        torch.save(value, file, pickle_module=SimpleNamespace(__name__="pickle", Pickler=_Pickler, dumps=pickle.dumps))
