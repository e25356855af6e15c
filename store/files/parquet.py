"""The Parquet files of a scene: points, correspondences and per-point vectors.

    points.parquet            one row per point, in Morton order: x y z, r g b, nx ny nz, label, instance, segment,
                              superpoint, original_index; columns the scan does not have are left out
    points.faces.parquet      beside it where there is a mesh: a b c, rows of the points file
    correspondences.parquet   one row group per frame, ascending: frame, point_index, u, v, depth
    features.parquet          one row per seen point, ordered by object, superpoint, point_index, so that each region of
                              both levels is one range of rows: these three, view_count, vector

Everything is zstd-1 with page checksums. Vectors are plain FixedSizeList<float16>, which DuckDB reads and numpy takes
without a copy; geometry, which compresses, is delta coded and byte-split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.features import LEVELS, Correspondence, EmbeddingSpace, Level, PointFeatures
from ...core.scene import PointCloud
from .columns import Columns, opened, slices, stack, to_numpy, write_columns
from .stored_points import StoredPoints

_POINT_ROWS = 65_536  # rows a row group
_FEATURE_ROWS = 2_048  # the least a region costs to read: an 800-point one takes a third of the time it does at 8,192
_BLOCK_GROUPS = 4  # row groups that are read at once where all rows are wanted, but not all in memory

RowRanges = dict[Level, dict[int, tuple[int, int]]]  # level -> ordinal -> (first row, one past the last)


@dataclass(frozen=True)
class RowGroup:
    """Neighbouring points of a cloud: points are in Morton order, so that the rows of a group lie together in space."""

    start: int  # its first row
    stop: int  # one past the last; at most 65,536 more
    low: tuple[float, float, float]  # metres, the box of its points
    high: tuple[float, float, float]


def write_points(
    path: Path, points: PointCloud, superpoint: NDArray[np.int32], original_index: NDArray[np.int32]
) -> None:
    """One row a point; faces go to `faces_path(path)`."""
    names = {str(key): name for key, name in points.label_names.items()}
    columns = point_columns(points, superpoint, original_index)
    write_columns(path, "points", slices(columns, _POINT_ROWS), {"label_names": names})
    if points.faces is not None:
        write_columns(faces_path(path), "faces", slices(_split(points.faces, "abc", np.int32), _POINT_ROWS), {})


def point_columns(
    points: PointCloud, superpoint: NDArray[np.int32], original_index: NDArray[np.int32]
) -> dict[str, NDArray[Any]]:
    """The columns of a points file, in its types; what the scan does not have is left out."""
    columns = _split(points.xyz, "xyz", np.float64)
    if points.rgb is not None:
        columns |= _split(points.rgb, "rgb", np.uint8)
    if points.normals is not None:
        columns |= _split(points.normals, ("nx", "ny", "nz"), np.float32)
    for name, column in (
        ("label", points.labels),
        ("instance", points.instances),
        ("segment", points.segments),
        ("superpoint", superpoint),
        ("original_index", original_index),
    ):
        if column is not None:
            columns[name] = np.asarray(column, np.int32)
    return columns


def _split(rows: NDArray[Any], names: Sequence[str], dtype: type[np.generic]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(column, dtype) for name, column in zip(names, rows.T, strict=True)}


def faces_path(points_path: Path) -> Path:
    """Where the mesh of a points file is, if it has one."""
    return points_path.with_name(f"{points_path.stem}.faces.parquet")


def face_count(path: Path) -> int:
    """How many faces a file of them has; no row is read."""
    with opened(path, "faces") as (file, _):
        return int(file.metadata.num_rows)


def read_points(path: Path) -> StoredPoints:
    """The cloud with its mesh, where it has one, its superpoints and the order of its scan."""
    with opened(path, "points") as (file, about):
        columns = to_numpy(file.read())
    faces = None
    if faces_path(path).exists():
        with opened(faces_path(path), "faces") as (file, _):
            faces = stack(to_numpy(file.read()), ("a", "b", "c"))
    xyz = stack(columns, ("x", "y", "z"))
    if xyz is None:
        raise BadInput(f"{path} has no columns x, y, z. `ovstore doctor` checks the store's files.")
    points = PointCloud(
        xyz=xyz,
        rgb=stack(columns, ("r", "g", "b")),
        normals=stack(columns, ("nx", "ny", "nz")),
        labels=columns.get("label"),
        label_names=_label_names(about),
        instances=columns.get("instance"),
        segments=columns.get("segment"),
        faces=faces,
    )
    return StoredPoints(points, columns["superpoint"], columns["original_index"])


def read_point_columns(
    path: Path, columns: Sequence[str] | None = None, row_groups: Sequence[int] | None = None
) -> dict[str, NDArray[Any]]:
    """Some columns of some row groups, None: all of them; only those are read. Rows come in the order of the groups."""
    with opened(path, "points") as (file, _):
        held = file.schema_arrow.names
        if unknown := [name for name in columns or () if name not in held]:
            raise BadInput(f"The points of {path} have no column {unknown[0]!r}. They have: {', '.join(held)}.")
        count = file.metadata.num_row_groups
        if wrong := [number for number in row_groups or () if not 0 <= number < count]:
            raise BadInput(f"The points of {path} have no row group {wrong[0]}: they have {count}, numbered from 0.")
        named = held if columns is None else list(dict.fromkeys(columns))
        return to_numpy(file.read_row_groups(range(count) if row_groups is None else list(row_groups), columns=named))


def point_row_groups(path: Path) -> tuple[RowGroup, ...]:
    """Where the points of each row group lie, by the file's footer; no row is read."""
    with opened(path, "points") as (file, _):
        place = [file.schema_arrow.names.index(axis) for axis in "xyz"]
        found, start = [], 0
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            axes = [group.column(column).statistics for column in place]
            low, high = tuple(axis.min for axis in axes), tuple(axis.max for axis in axes)
            found.append(RowGroup(start, start + group.num_rows, low, high))
            start += group.num_rows
    return tuple(found)


def superpoint_count(path: Path) -> int:
    """One more than the largest superpoint of the points, by the file's footer; no row is read."""
    with opened(path, "points") as (file, _):
        column = file.schema_arrow.names.index("superpoint")
        groups = range(file.metadata.num_row_groups)
        return 1 + max(int(file.metadata.row_group(number).column(column).statistics.max) for number in groups)


def has_colors(path: Path) -> bool:
    """Whether the points of a points file have colours; no row is read."""
    with opened(path, "points") as (file, _):
        return "r" in file.schema_arrow.names


def read_superpoints(path: Path) -> NDArray[np.int32]:
    """(N,) the superpoint of each point; the other columns stay unread."""
    return _read_column(path, "points", "superpoint")


def read_original_index(path: Path) -> NDArray[np.int32]:
    """(N,) each point's row in the dataset's own order; the other columns stay unread."""
    return _read_column(path, "points", "original_index")


def read_xyz(path: Path) -> NDArray[np.float64]:
    """(N, 3) metres; the other columns stay unread."""
    with opened(path, "points") as (file, _):
        xyz = stack(to_numpy(file.read(columns=["x", "y", "z"])), ("x", "y", "z"))
    assert xyz is not None
    return xyz


def _read_column(path: Path, kind: str, name: str) -> NDArray[Any]:
    with opened(path, kind) as (file, _):
        return to_numpy(file.read(columns=[name]))[name]


def read_labels(path: Path) -> tuple[NDArray[np.int32] | None, dict[int, str]]:
    """The label of each point, None where the scan has none, and the names; the other columns stay unread."""
    with opened(path, "points") as (file, about):
        held = "label" in file.schema_arrow.names
        return to_numpy(file.read(columns=["label"]))["label"] if held else None, _label_names(about)


def _label_names(about: dict[str, Any]) -> dict[int, str]:
    return {int(key): name for key, name in about["label_names"].items()}


def write_correspondences(path: Path, correspondences: Sequence[Correspondence]) -> None:
    """One row group a frame, in ascending frames; a frame that sees nothing keeps its (empty) place.

    Without any frame the file is one empty row group, for its columns.
    """
    ordered = sorted(correspondences, key=lambda seen: seen.frame)
    nobody = Correspondence(-1, np.empty(0, np.int32), np.empty((0, 2), np.float32), np.empty(0, np.float32))
    groups = [_correspondence_columns(seen) for seen in ordered or [nobody]]
    write_columns(path, "correspondences", groups, {"frames": [seen.frame for seen in ordered]})


def read_correspondences(path: Path, frames: Sequence[int] | None = None) -> list[Correspondence]:
    """Those of `frames` in the order asked for (None: all, ascending); only their row groups are read."""
    with opened(path, "correspondences") as (file, about):
        row_group = {frame: group for group, frame in enumerate(about["frames"])}
        wanted = list(row_group) if frames is None else list(frames)
        if unknown := [frame for frame in wanted if frame not in row_group]:
            raise BadInput(f"Frame {unknown[0]} is not one of the {len(row_group)} frames of {path}.")
        return [_correspondence(frame, to_numpy(file.read_row_group(row_group[frame]))) for frame in wanted]


def _correspondence_columns(seen: Correspondence) -> Columns:
    return {
        "frame": np.full(len(seen), seen.frame, np.int32),
        "point_index": np.asarray(seen.point_index, np.int32),
        "u": np.asarray(seen.uv[:, 0], np.float32),
        "v": np.asarray(seen.uv[:, 1], np.float32),
        "depth": np.asarray(seen.depth, np.float32),
    }


def _correspondence(frame: int, columns: Columns) -> Correspondence:
    uv = np.stack([columns["u"], columns["v"]], axis=1)
    return Correspondence(frame, columns["point_index"], uv, columns["depth"])


def write_features(
    path: Path, features: PointFeatures, superpoint: NDArray[np.int32], object_of_superpoint: NDArray[np.int32]
) -> RowRanges:
    """One row a seen point; returns the rows of each seen region. `superpoint` is (N,) over the whole cloud."""
    columns = feature_columns(features, superpoint, object_of_superpoint)
    write_columns(path, "features", slices(columns, _FEATURE_ROWS), {"space": features.space.name})
    return {level: _runs(columns[level]) for level in LEVELS}


def feature_columns(
    features: PointFeatures, superpoint: NDArray[np.int32], object_of_superpoint: NDArray[np.int32]
) -> dict[str, NDArray[Any]]:
    """The columns of a features file, in its types and order."""
    of_superpoint = superpoint[features.point_index]
    of_object = object_of_superpoint[of_superpoint]
    order = np.lexsort((features.point_index, of_superpoint, of_object))
    return {
        "object": np.asarray(of_object[order], np.int32),
        "superpoint": np.asarray(of_superpoint[order], np.int32),
        "point_index": np.asarray(features.point_index[order], np.int32),
        "view_count": np.asarray(features.view_count[order], np.int32),
        "vector": np.asarray(features.vectors[order], np.float16),
    }


def read_features(path: Path, space: EmbeddingSpace) -> PointFeatures:
    """All vectors, in ascending point_index."""
    with opened(path, "features") as (file, about):
        columns = to_numpy(file.read(columns=["point_index", "view_count", "vector"]))
    vectors = columns["vector"]
    _require_space(path, about, vectors, space)
    order = np.argsort(columns["point_index"])
    return PointFeatures(space, columns["point_index"][order], vectors[order], columns["view_count"][order])


def feature_blocks(path: Path, space: EmbeddingSpace) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float16]]]:
    """point_index and vectors of all rows in file order, a few thousand at a time."""
    with opened(path, "features") as (file, about):
        groups = range(file.metadata.num_row_groups)
        for first in groups[::_BLOCK_GROUPS]:
            table = file.read_row_groups(groups[first : first + _BLOCK_GROUPS], columns=["point_index", "vector"])
            columns = to_numpy(table)
            _require_space(path, about, columns["vector"], space)
            yield columns["point_index"], columns["vector"]


def read_view_counts(path: Path, point_count: int) -> NDArray[np.int32]:
    """(N,) the frames that saw each point of the cloud, as far as it has a vector; 0 for the others."""
    with opened(path, "features") as (file, _):
        columns = to_numpy(file.read(columns=["point_index", "view_count"]))
    views = np.zeros(point_count, np.int32)
    views[columns["point_index"]] = columns["view_count"]
    return views


def read_feature_rows(path: Path, start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
    """point_index and vectors of rows start..stop-1, a region's range; only the row groups it touches are read."""
    with opened(path, "features") as (file, _):
        counts = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        first = np.concatenate([[0], np.cumsum(counts)])  # first[g] is the first row of group g
        if not 0 <= start <= stop <= first[-1]:
            raise BadInput(f"Rows {start} to {stop} are not in {path}, which has {first[-1]}.")
        groups = [g for g in range(len(counts)) if first[g] < stop and first[g + 1] > start]
        table = file.read_row_groups(groups, columns=["point_index", "vector"])
    skipped = int(first[groups[0]]) if groups else 0
    columns = to_numpy(table.slice(start - skipped, stop - start))
    return columns["point_index"], columns["vector"]


def read_seen(path: Path) -> NDArray[np.int32]:
    """(M,) the point of each row, in file order; the other columns stay unread."""
    return _read_column(path, "features", "point_index")


def read_vectors_at(path: Path, space: EmbeddingSpace, rows: NDArray[np.integer]) -> NDArray[np.float16]:
    """(len(rows), C) the vectors of rows of the file, in the order asked for; only the row groups they touch are read.

    Row groups are read one after the other: memory is that of the answer.
    """
    vectors = np.empty((len(rows), space.dim), np.float16)
    if not len(rows):
        return vectors
    order = np.argsort(rows, kind="stable")
    ascending = rows[order]
    with opened(path, "features") as (file, about):
        counts = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        first = np.concatenate([[0], np.cumsum(counts)])  # first[g] is the first row of group g
        if not 0 <= ascending[0] <= ascending[-1] < first[-1]:
            raise BadInput(f"Rows {ascending[0]} to {ascending[-1]} are not in {path}, which has {first[-1]}.")
        groups, starts = np.unique(np.searchsorted(first, ascending, side="right") - 1, return_index=True)
        for group, start, stop in zip(groups.tolist(), starts, np.append(starts[1:], len(rows)), strict=True):
            held = to_numpy(file.read_row_group(group, columns=["vector"]))["vector"]
            _require_space(path, about, held, space)
            vectors[order[start:stop]] = held[ascending[start:stop] - first[group]]
    return vectors


def read_objects(path: Path, superpoint: NDArray[np.int32]) -> NDArray[np.int32]:
    """(N,) the object of each point of the cloud, that of its superpoint; -1 where nobody saw the superpoint.

    `superpoint` is (N,), of the cloud that the features belong to.
    """
    return read_object_of_superpoint(path, int(superpoint.max()) + 1)[superpoint]


def read_object_of_superpoint(path: Path, count: int) -> NDArray[np.int32]:
    """(count,) the object of each superpoint of the cloud; -1 for those that nobody saw."""
    with opened(path, "features") as (file, _):
        of_seen = to_numpy(file.read(columns=["superpoint", "object"]))
    of_superpoint = np.full(count, -1, np.int32)
    of_superpoint[of_seen["superpoint"]] = of_seen["object"]
    return of_superpoint


def _require_space(path: Path, about: dict[str, Any], vectors: NDArray[np.float16], space: EmbeddingSpace) -> None:
    """BadInput for a file of another space than the catalog says."""
    if about["space"] != space.name or vectors.shape[1] != space.dim:
        raise BadInput(
            f"{path} contains {vectors.shape[1]}-dimensional vectors of {about['space']!r}, not {space.name!r}."
        )


def _runs(ordinals: NDArray[np.int32]) -> dict[int, tuple[int, int]]:
    """The range of rows of each value of a grouped column."""
    starts = np.flatnonzero(np.r_[len(ordinals) > 0, ordinals[1:] != ordinals[:-1]])
    stops = np.r_[starts[1:], len(ordinals)]
    return {int(ordinals[a]): (int(a), int(b)) for a, b in zip(starts, stops, strict=False)}
