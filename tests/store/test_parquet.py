"""Files of a scene: what is written reads back equal, and a region's rows cost only the row groups they lie in."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from limits import full_disk
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import Correspondence, EmbeddingSpace, PointFeatures
from ovstore.core.scene import PointCloud
from ovstore.store.files import columns, parquet

SPACE = EmbeddingSpace("toy", 16, "")


def _cloud(count: int, everything: bool) -> PointCloud:
    rng = np.random.default_rng(count)
    if not everything:
        return PointCloud(rng.normal(size=(count, 3)))
    return PointCloud(
        xyz=rng.normal(size=(count, 3)) * 1e3,
        rgb=rng.integers(0, 256, (count, 3), dtype=np.uint8),
        normals=rng.normal(size=(count, 3)).astype(np.float32),
        labels=rng.integers(-1, 5, count).astype(np.int32),
        label_names={0: "chair", 3: "Bücherregal"},
        instances=rng.integers(-1, 9, count).astype(np.int32),
        segments=rng.integers(0, 99, count).astype(np.int32),
        faces=rng.integers(0, count, (2 * count, 3)).astype(np.int32),
    )


def _features(count: int, superpoint: NDArray[np.int32], seed: int = 0) -> PointFeatures:
    rng = np.random.default_rng(seed)
    seen = np.sort(rng.choice(len(superpoint), count, replace=False)).astype(np.int32)
    vectors = rng.normal(size=(count, SPACE.dim)).astype(np.float16)
    return PointFeatures(SPACE, seen, vectors, rng.integers(1, 300, count).astype(np.int32))


@pytest.mark.parametrize("everything", [True, False])
@pytest.mark.parametrize("count", [1, 1000, 70_000])
def test_points_read_back_equal(tmp_path: Path, count: int, everything: bool) -> None:
    cloud = _cloud(count, everything)
    superpoint, original = np.arange(count, dtype=np.int32) // 3, np.arange(count, dtype=np.int32)[::-1]
    parquet.write_points(tmp_path / "points.parquet", cloud, superpoint, original)
    held = parquet.read_points(tmp_path / "points.parquet")
    for column in fields(PointCloud):
        before, after = getattr(cloud, column.name), getattr(held.points, column.name)
        if isinstance(before, np.ndarray):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
        else:
            assert after == before
    np.testing.assert_array_equal(held.superpoint, superpoint)
    np.testing.assert_array_equal(held.original_index, original)


def _correspondence(frame: int, count: int) -> Correspondence:
    rng = np.random.default_rng(frame)
    seen = np.sort(rng.choice(5000, count, replace=False)).astype(np.int32)
    return Correspondence(frame, seen, rng.normal(size=(count, 2)).astype(np.float32), rng.random(count, np.float32))


def test_correspondences_read_back_equal_in_ascending_frames_empty_ones_included(tmp_path: Path) -> None:
    written = [_correspondence(frame, count) for frame, count in [(4, 10), (0, 300), (2, 0), (7, 1)]]
    parquet.write_correspondences(tmp_path / "c.parquet", written)
    read = parquet.read_correspondences(tmp_path / "c.parquet")
    assert [seen.frame for seen in read] == [0, 2, 4, 7]
    for before in written:
        (after,) = parquet.read_correspondences(tmp_path / "c.parquet", [before.frame])
        for name in ("point_index", "uv", "depth"):
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
            assert getattr(after, name).dtype == getattr(before, name).dtype


def test_a_frame_that_was_never_written_is_named(tmp_path: Path) -> None:
    parquet.write_correspondences(tmp_path / "c.parquet", [_correspondence(0, 3)])
    with pytest.raises(BadInput, match="Frame 5 is not one of the 1 frames"):
        parquet.read_correspondences(tmp_path / "c.parquet", [5])


@pytest.mark.parametrize("count", [0, 1, 900, 20_000])
def test_features_read_back_equal(tmp_path: Path, count: int) -> None:
    superpoint = np.random.default_rng(1).integers(0, 50, 30_000).astype(np.int32)
    features = _features(count, superpoint)
    parquet.write_features(tmp_path / "f.parquet", features, superpoint, np.arange(50, dtype=np.int32) // 7)
    read = parquet.read_features(tmp_path / "f.parquet", SPACE)
    for name in ("point_index", "vectors", "view_count"):
        np.testing.assert_array_equal(getattr(read, name), getattr(features, name))


def test_row_ranges_select_exactly_the_points_of_each_region(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    superpoint = rng.integers(0, 50, 30_000).astype(np.int32)
    object_of_superpoint = rng.integers(0, 6, 50).astype(np.int32)
    features = _features(20_000, superpoint)
    ranges = parquet.write_features(tmp_path / "f.parquet", features, superpoint, object_of_superpoint)
    of_point = {"superpoint": superpoint, "object": object_of_superpoint[superpoint]}
    for level, of_level in ranges.items():
        seen = of_point[level][features.point_index]
        assert set(of_level) == set(seen.tolist())
        for ordinal, (start, stop) in of_level.items():
            points, vectors = parquet.read_feature_rows(tmp_path / "f.parquet", start, stop)
            order = np.argsort(points)
            np.testing.assert_array_equal(points[order], features.point_index[seen == ordinal])
            np.testing.assert_array_equal(vectors[order], features.vectors[seen == ordinal])


def test_a_range_reads_only_the_row_groups_it_touches(tmp_path: Path) -> None:
    """Garbage in every other row group goes unnoticed; garbage in its own does not."""
    superpoint = np.zeros(40_000, np.int32)
    path = tmp_path / "f.parquet"
    features = _features(40_000, superpoint)
    parquet.write_features(path, features, superpoint, np.zeros(1, np.int32))
    with columns.opened(path, "features") as (file, _):
        groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
    start, stop = groups[0].num_rows, groups[0].num_rows + groups[1].num_rows
    content = bytearray(path.read_bytes())
    for number, group in enumerate(groups):
        if number != 1:
            chunks = [group.column(column) for column in range(group.num_columns)]
            begin = min(chunk.data_page_offset for chunk in chunks)
            end = max(chunk.data_page_offset + chunk.total_compressed_size for chunk in chunks)
            content[begin:end] = b"\xff" * (end - begin)
    path.write_bytes(content)
    points, vectors = parquet.read_feature_rows(path, start + 10, stop - 10)
    np.testing.assert_array_equal(points, features.point_index[start + 10 : stop - 10])
    np.testing.assert_array_equal(vectors, features.vectors[start + 10 : stop - 10])
    with pytest.raises(BadInput, match="damaged"):
        parquet.read_feature_rows(path, start - 1, stop)


def test_rows_outside_the_file_are_refused(tmp_path: Path) -> None:
    superpoint = np.zeros(10, np.int32)
    parquet.write_features(tmp_path / "f.parquet", _features(5, superpoint), superpoint, np.zeros(1, np.int32))
    assert len(parquet.read_feature_rows(tmp_path / "f.parquet", 2, 2)[0]) == 0
    with pytest.raises(BadInput, match="Rows 3 to 6 are not in"):
        parquet.read_feature_rows(tmp_path / "f.parquet", 3, 6)


def test_vectors_of_another_space_are_refused(tmp_path: Path) -> None:
    superpoint = np.zeros(10, np.int32)
    parquet.write_features(tmp_path / "f.parquet", _features(5, superpoint), superpoint, np.zeros(1, np.int32))
    with pytest.raises(BadInput, match="'toy', not 'other'"):
        parquet.read_features(tmp_path / "f.parquet", EmbeddingSpace("other", 16, ""))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x80\x04]q\x00.", b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        parquet.read_points(tmp_path / "p.parquet")


def test_a_missing_file_and_one_of_another_kind_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="missing from the store"):
        parquet.read_points(tmp_path / "p.parquet")
    parquet.write_correspondences(tmp_path / "c.parquet", [_correspondence(0, 3)])
    with pytest.raises(BadInput, match="not a points file"):
        parquet.read_points(tmp_path / "c.parquet")


@pytest.mark.parametrize("room", [0, 100])
def test_nothing_is_left_when_the_disk_is_full(tmp_path: Path, room: int) -> None:
    with full_disk(room), pytest.raises(BadInput, match=r"c\.parquet cannot be written: .*File too large"):
        parquet.write_correspondences(tmp_path / "c.parquet", [_correspondence(0, 3)])
    assert list(tmp_path.iterdir()) == []


def test_duckdb_reads_vectors_as_lists_of_floats(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the extra 'sql'")
    superpoint = np.zeros(100, np.int32)
    features = _features(50, superpoint)
    parquet.write_features(tmp_path / "f.parquet", features, superpoint, np.zeros(1, np.int32))
    rows = duckdb.sql(f"SELECT point_index, vector FROM '{tmp_path}/f.parquet' ORDER BY point_index").fetchall()
    assert [row[0] for row in rows] == features.point_index.tolist()
    np.testing.assert_array_equal(np.array([row[1] for row in rows], np.float16), features.vectors)
    parquet.write_correspondences(tmp_path / "c.parquet", [_correspondence(1, 30), _correspondence(3, 20)])
    assert duckdb.sql(f"SELECT frame, count(*) FROM '{tmp_path}/c.parquet' GROUP BY 1 ORDER BY 1").fetchall() == [
        (1, 30),
        (3, 20),
    ]


def test_a_file_without_page_checksums_as_older_stores_have_it_still_reads(tmp_path: Path) -> None:
    new, old = tmp_path / "new.parquet", tmp_path / "old.parquet"
    table = {"superpoint": np.arange(5000, dtype=np.int32)}
    columns.write_columns(new, "points", [table], {"label_names": {}})
    pq.write_table(pq.read_table(new), old, write_page_checksum=False)
    assert old.read_bytes() != new.read_bytes()
    for path in (old, new):
        np.testing.assert_array_equal(parquet.read_superpoints(path), table["superpoint"])


def test_a_flipped_bit_anywhere_is_one_sentence_or_changes_no_column_that_is_read(tmp_path: Path) -> None:
    points = _cloud(300, True)
    path = tmp_path / "points.parquet"
    superpoint = np.arange(300, dtype=np.int32)
    parquet.write_points(path, points, superpoint, superpoint)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(250):
        at, bit = int(rng.integers(len(whole))), int(rng.integers(8))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            now = parquet.read_points(path).points
            parquet.read_superpoints(path)
            parquet.read_labels(path)
        except BadInput as error:
            refused += 1
            assert "`ovstore doctor` says what to do" in str(error) or "is not a points file" in str(error)
        else:
            np.testing.assert_array_equal(now.xyz, points.xyz)
            np.testing.assert_array_equal(now.labels, points.labels)
            assert now.label_names == points.label_names
    assert refused > 100
