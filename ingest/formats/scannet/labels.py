"""What ScanNet says its mesh vertices are: segments, object instances, names."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadScene
from ...files.json_text import read_object
from ...files.ply import read_ply
from ...files.whole import read_text
from .nyu40 import NYU40

TABLE = "scannetv2-labels.combined.tsv"
_TABLE_BYTES = 1 << 24
_STRAYS = ([50], [149])  # alone in three scans of the v2 release: scene0270_00, scene0270_02, scene0384_00


def read_segments(path: Path, point_count: int) -> NDArray[np.int32]:
    """(N,) the over-segmentation of a .segs.json: one segment id a vertex."""
    indices = read_object(path).get("segIndices")
    try:
        segments = np.array(indices)
    except ValueError:
        segments = np.empty(0, object)
    if segments.dtype.kind not in "iu" or segments.ndim != 1:
        raise BadScene(f"{path}: 'segIndices' is not a list of integers")
    if len(segments) != point_count:
        raise BadScene(f"{path}: {len(segments):,} segment ids; the mesh has {point_count:,} vertices")
    if segments.min() < 0 or segments.max() > np.iinfo(np.int32).max:
        raise BadScene(f"{path}: segment ids from {segments.min()} to {segments.max()}; they are 0 to 2147483647")
    return segments.astype(np.int32)


def read_aggregation(
    path: Path, segments: NDArray[np.int32], smallest_first: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32], dict[int, str], list[str]]:
    """Labels (N,), instances (N,), names of the labels, and findings of an .aggregation.json.

    A label is an object's raw name; names are numbered in alphabetical order. Where objects share a segment, the later
    one has it; with `smallest_first` that of the fewest points, the earlier one of as many (ScanNet++).
    """
    groups = [_group(path, group) for group in _list(path, read_object(path), "segGroups")]
    names = sorted({name for _, name, _ in groups})
    number = {name: i for i, name in enumerate(names)}
    known, place, count = np.unique(segments, return_inverse=True, return_counts=True)
    if smallest_first:
        sizes = np.array([int(count[np.isin(known, members)].sum()) for _, _, members in groups])
        groups = [groups[row] for row in np.lexsort((-np.arange(len(groups)), -sizes))]
    label, instance = np.full(len(known), -1, np.int32), np.full(len(known), -1, np.int32)
    missing = 0
    for object_id, name, members in groups:
        rows = np.searchsorted(known, members)
        found = (rows < len(known)) & (known[np.minimum(rows, len(known) - 1)] == members)
        missing += int((~found).sum())
        label[rows[found]] = number[name]
        instance[rows[found]] = object_id
    findings = [f"{path.name} names {missing} segments that the mesh does not have"] if missing else []
    return label[place], instance[place], dict(enumerate(names)), findings


def belongs_to(path: Path, segments_file: Path) -> bool:
    """Whether an aggregation is about this over-segmentation; the fine and the coarse mesh have one each."""
    named = read_object(path).get("segmentsFile")
    return not isinstance(named, str) or named.endswith(segments_file.name)


def read_nyu40(path: Path, point_count: int, table: Path | None) -> tuple[NDArray[np.int32], dict[int, str], list[str]]:
    """(N,) NYU40 classes of a .labels.ply, -1 where it says none, the names of those that occur, and findings.

    Older files carry the ids of raw categories, which numbers beyond NYU40's prove: `table`,
    scannetv2-labels.combined.tsv, maps them, and without it they are refused.
    """
    vertices = read_ply(path).vertices
    if "label" not in (vertices.dtype.names or ()):
        raise BadScene(f"{path}: vertices without a property 'label'")
    if len(vertices) != point_count:
        raise BadScene(f"{path}: {len(vertices):,} vertices; the mesh has {point_count:,}")
    stored = vertices["label"].astype(np.int64)
    known, place = np.unique(stored, return_inverse=True)
    beyond = [label for label in known.tolist() if not 0 <= label <= len(NYU40)]
    findings = []
    if beyond in _STRAYS:
        findings.append(f"labels: {path.name} has {beyond[0]} at {(stored == beyond[0]).sum():,} vertices: no label")
    elif beyond:
        if table is None:
            raise BadScene(
                f"{path}: label {beyond[-1]} is not a NYU40 class (0 to {len(NYU40)}): older files have ids of raw "
                f"categories; put {TABLE} beside the scans to map them, or use the file of ScanNet v2"
            )
        known = _mapped(path, known, _nyu40_ids(table))
        findings.append(f"labels: {path.name} has ids of raw categories; {TABLE} maps them to NYU40")
    known = np.where((known >= 1) & (known <= len(NYU40)), known, -1)
    names = {label: NYU40[label] for label in sorted(set(known.tolist())) if label > 0}
    return known[place].astype(np.int32), names, findings


def _mapped(path: Path, ids: NDArray[np.int64], nyu40: dict[int, int]) -> NDArray[np.int64]:
    """The NYU40 class of each id; 0 stays 0."""
    if strange := [label for label in ids.tolist() if label and label not in nyu40]:
        raise BadScene(f"{path}: label {strange[-1]} is neither a NYU40 class nor an id of {TABLE}")
    return np.array([nyu40.get(label, 0) for label in ids.tolist()], np.int64)


def _nyu40_ids(path: Path) -> dict[int, int]:
    """The columns id and nyu40id of a scannetv2-labels.combined.tsv."""
    head, *lines = read_text(path, _TABLE_BYTES).splitlines() or [""]
    columns = head.split("\t")
    if not {"id", "nyu40id"} <= set(columns):
        raise BadScene(f"{path}: no columns 'id' and 'nyu40id', between tabs, in its first line")
    places = columns.index("id"), columns.index("nyu40id")
    rows = [line.split("\t") for line in lines if line.strip()]
    try:
        return {int(row[places[0]]): int(row[places[1]]) for row in rows}
    except (ValueError, IndexError) as error:
        raise BadScene(f"{path}: a row without whole numbers in 'id' and 'nyu40id': {error}") from error


def _group(path: Path, group: Any) -> tuple[int, str, NDArray[np.int64]]:
    match group:
        case {"objectId": int(object_id), "label": str(name), "segments": list(segments)} if (
            all(isinstance(s, int) and 0 <= s < 1 << 31 for s in segments) and 0 <= object_id < 1 << 31
        ):
            return object_id, name, np.array(segments, np.int64)
    raise BadScene(f"{path}: {str(group)[:60]} is not an object with 'objectId', 'label' and 'segments'")


def _list(path: Path, body: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(body.get(key), list):
        raise BadScene(f"{path}: no list {key!r} in it")
    return body[key]
