"""OpenScene's .pth and .pt files: what is written reads back equal, whoever wrote it, and nothing in them is run."""

import pickletools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from ovstore.core.errors import BadScene
from ovstore.core.features import Correspondence, EmbeddingSpace
from ovstore.core.scene import PointCloud
from ovstore.ingest.formats.openscene.files import read_features, read_points, write_features, write_points
from ovstore.ingest.imported_features import ImportedFeatures, point_features
from ovstore.store.files.stored_points import StoredPoints

rng = np.random.default_rng(0)
XYZ = rng.normal(size=(50, 3))
RGB = rng.integers(0, 256, (50, 3), dtype=np.uint8)
LABELS = np.where(np.arange(50) % 5 == 0, 255, np.arange(50) % 3).astype(np.float64)
VECTORS = rng.normal(size=(50, 8)).astype(np.float16)


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def saved(path: Path, value: object, **how: object) -> Path:
    torch.save(value, path, **how)
    return path


# Points


def test_points_read_back_as_they_were_written(tmp_path: Path) -> None:
    write_points(tmp_path / "a.pth", PointCloud(XYZ, RGB), LABELS)
    points = read_points(tmp_path / "a.pth", {0: "wall", 1: "floor"})
    np.testing.assert_array_equal(points.xyz, XYZ)
    np.testing.assert_array_equal(points.rgb, RGB)
    np.testing.assert_array_equal(points.labels, np.where(LABELS == 255, -1, LABELS))
    assert points.label_names == {0: "wall", 1: "floor", 2: "class 2"}


def test_the_original_finds_what_it_expects(tmp_path: Path) -> None:
    write_points(tmp_path / "a.pth", PointCloud(XYZ, RGB), LABELS)
    coords, colors, labels = torch.load(tmp_path / "a.pth", weights_only=False)
    assert [array.dtype for array in (coords, colors, labels)] == [np.float64] * 3
    np.testing.assert_array_equal(colors, RGB / 127.5 - 1)
    write_points(tmp_path / "b.pth", PointCloud(XYZ), LABELS)
    assert torch.load(tmp_path / "b.pth", weights_only=False)[1] == 0


def test_what_is_written_is_in_the_words_of_numpy_1_and_always_the_same(tmp_path: Path) -> None:
    for name in ("a.pth", "b.pth"):
        write_points(tmp_path / name, PointCloud(XYZ, RGB), LABELS)
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        operations = list(pickletools.genops(archive.read("archive/data.pkl")))
    words = {argument for code, argument, _ in operations if code.name == "GLOBAL"}
    assert words == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype", "_codecs encode"}
    assert not [code for code, _, _ in operations if code.name == "STACK_GLOBAL"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "i8", "i4", "u1"])
def test_both_formats_of_torch_and_every_kind_of_label_are_read(tmp_path: Path, zipped: bool, dtype: str) -> None:
    value = (XYZ.astype(np.float32), 0, LABELS.astype(dtype))
    path = saved(tmp_path / "a.pth", value, _use_new_zipfile_serialization=zipped)
    points = read_points(path, {})
    np.testing.assert_array_equal(points.xyz, XYZ.astype(np.float32))
    assert points.rgb is None
    np.testing.assert_array_equal(points.labels, np.where(LABELS == 255, -1, LABELS))


def test_labels_of_255_and_minus_100_are_none(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", (XYZ[:3], 0, np.array([255.0, -100.0, 4.0])))
    assert read_points(path, {}).labels.tolist() == [-1, -1, 4]
    assert read_points(saved(path, (XYZ[:2], 0, np.array([255, -100]))), {}).labels is None


def test_points_that_are_not_finite_are_left_out_with_their_columns(tmp_path: Path) -> None:
    torch.save((np.where(np.arange(50)[:, None] == 7, np.nan, XYZ), np.zeros((50, 3)), LABELS), tmp_path / "a.pth")
    points, rest = read_points(tmp_path / "a.pth", {}), np.delete(np.arange(50), 7)
    np.testing.assert_array_equal(points.xyz, XYZ[rest])
    np.testing.assert_array_equal(points.labels, np.where(LABELS == 255, -1, LABELS)[rest])
    assert points.rgb is not None and len(points.rgb) == 49
    assert points.left_out is not None and points.left_out.tolist() == [7]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"coord": XYZ}, "contains a dict; .coordinates, colours, labels. was expected"),
        ((XYZ[:, :2], 0, LABELS), r"coordinates are float64 of shape \(50, 2\)"),
        ((XYZ, np.full((50, 3), 3.0), LABELS), "colours from 0 to 3; OpenScene's go from -1 to 1"),
        ((XYZ, 0, LABELS[:7]), r"labels are float64 of shape \(7,\); 50 whole numbers"),
        ((XYZ, 0, LABELS + 0.5), "whole numbers were expected"),
        ((XYZ, 0, LABELS - 7), "labels from -7 to"),
        ((np.where(XYZ > 0, np.nan, XYZ), 0, LABELS), "of 50 points are not finite"),
        ((XYZ.astype(object), 0, LABELS), "was not loaded"),
        ((torch.zeros(1).expand(10**9, 3), 0, LABELS), "claims 12,000,000,000 bytes, but the file has"),
        ((XYZ, "red", LABELS), "colours is a str; an array was expected"),
    ],
)
def test_what_is_wrong_with_points_is_one_sentence(tmp_path: Path, value: object, says: str) -> None:
    with pytest.raises(BadScene, match=says):
        read_points(saved(tmp_path / "a.pth", value), {})


# Features


@pytest.mark.parametrize("numpy_mask", [False, True])
def test_features_read_back_as_they_were_written(tmp_path: Path, numpy_mask: bool) -> None:
    covered = np.arange(50) % 3 == 0
    write_features(tmp_path / "a_0.pt", covered, VECTORS[covered], numpy_mask)
    found = read_features([tmp_path / "a_0.pt"])
    np.testing.assert_array_equal(found.covered, covered)
    np.testing.assert_array_equal(found.vectors, VECTORS[covered])
    assert found.findings == ()
    loaded = torch.load(tmp_path / "a_0.pt", weights_only=False)
    assert (loaded["feat"].dtype, type(loaded["mask_full"])) == (
        torch.float16,
        np.ndarray if numpy_mask else torch.Tensor,
    )


def chunk(path: Path, points: np.ndarray, vectors: np.ndarray = VECTORS) -> Path:
    covered = np.zeros(50, bool)
    covered[points] = True
    return saved(path, {"feat": torch.from_numpy(vectors[covered]), "mask_full": torch.from_numpy(covered)})


def test_chunks_are_merged_by_point(tmp_path: Path) -> None:
    chunks = [chunk(tmp_path / f"a_{n}.pt", rng.choice(50, 20, replace=False)) for n in range(5)]
    found = read_features(chunks)
    assert found.covered.sum() > 40
    np.testing.assert_array_equal(found.vectors, VECTORS[found.covered])
    assert found.findings == ()


def test_where_chunks_disagree_the_first_is_taken_and_it_is_said(tmp_path: Path) -> None:
    first = chunk(tmp_path / "a_0.pt", np.arange(10))
    second = chunk(tmp_path / "a_1.pt", np.arange(5, 20), -VECTORS)
    found = read_features([first, second])
    np.testing.assert_array_equal(found.vectors[:10], VECTORS[:10])
    np.testing.assert_array_equal(found.vectors[10:], -VECTORS[10:20])
    assert found.findings == ("5 points have other features in another chunk; the first was used",)


@pytest.mark.parametrize("as_index", [False, True])
@pytest.mark.parametrize("extra_axis", [False, True])
def test_the_three_keys_of_older_files_are_read(tmp_path: Path, as_index: bool, extra_axis: bool) -> None:
    chunk_points, seen = np.sort(rng.choice(50, 20, replace=False)), np.arange(20) % 2 == 0
    member = np.zeros(50, bool)
    member[chunk_points] = True
    feat = torch.from_numpy(VECTORS[chunk_points])
    mask = torch.from_numpy(np.flatnonzero(seen) if as_index else seen)
    value = {"feat": feat[:, :, None] if extra_axis else feat, "mask": mask, "mask_full": torch.from_numpy(member)}
    found = read_features([saved(tmp_path / "a_0.pt", value)])
    np.testing.assert_array_equal(np.flatnonzero(found.covered), chunk_points[seen])
    np.testing.assert_array_equal(found.vectors, VECTORS[chunk_points[seen]])


def test_rows_without_a_direction_are_left_out_and_counted(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[3], vectors[4, 2] = 0, np.nan
    found = read_features([chunk(tmp_path / "a_0.pt", np.arange(10), vectors)])
    assert np.flatnonzero(found.covered).tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert found.findings == ("2 of 10 imported features left out: zero or not finite",)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"feat": torch.zeros(3, 8)}, "contains feat; a dict with 'feat' and 'mask_full' was expected"),
        (torch.zeros(3, 8), "contains a Tensor"),
        ({"feat": torch.zeros(3, 8), "mask_full": torch.ones(5, dtype=torch.bool)}, r"\(3, 8\).*with 5 points"),
        ({"feat": torch.zeros(0, 8), "mask_full": torch.zeros(5, dtype=torch.bool)}, "no point has a feature"),
        (
            {"feat": torch.ones(2, 8), "mask_full": torch.ones(2, dtype=torch.bool), "mask": torch.tensor([2])},
            "'mask' is int64 of length 1; it should choose among 2 rows",
        ),
        ({"feat": torch.zeros(1).expand(10**7, 512), "mask_full": torch.ones(10**7, dtype=torch.bool)}, "claims"),
    ],
)
def test_what_is_wrong_with_features_is_one_sentence(tmp_path: Path, value: object, says: str) -> None:
    with pytest.raises(BadScene, match=says):
        read_features([saved(tmp_path / "a_0.pt", value)])


def test_chunks_of_two_scenes_are_refused(tmp_path: Path) -> None:
    first = chunk(tmp_path / "a_0.pt", np.arange(5))
    other = {"feat": torch.ones(2, 8), "mask_full": torch.ones(2, dtype=torch.bool)}
    with pytest.raises(BadScene, match="are of 2 and 50 points and 8 numbers each"):
        read_features([first, saved(tmp_path / "a_1.pt", other)])


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_run(tmp_path: Path, zipped: bool) -> None:
    bomb = Bomb(tmp_path / "owned")
    points = saved(tmp_path / "a.pth", (XYZ, bomb, LABELS), _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        BadScene, match=r"a\.pth asks to run code when it is loaded, or is damaged, so it was not loaded"
    ):
        read_points(points, {})
    features = saved(tmp_path / "a.pt", {"feat": bomb, "mask_full": 0}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadScene, match="asks to run code"):
        read_features([features])
    assert not (tmp_path / "owned").exists()


# In the store's terms


SPACE = EmbeddingSpace("toy", 8, "")


def stored(original_index: np.ndarray) -> StoredPoints:
    """Points that lie at zero: only their order counts."""
    count = len(original_index)
    return StoredPoints(PointCloud(np.zeros((count, 3))), np.zeros(count, np.int32), original_index)


def test_features_follow_their_points_into_the_stores_order() -> None:
    covered = np.arange(50) % 3 == 0
    order = rng.permutation(50).astype(np.int32)
    seen = [
        Correspondence(0, np.arange(25, dtype=np.int32), np.zeros((25, 2), np.float32), np.ones(25, np.float32))
    ] * 2
    found = point_features(ImportedFeatures(covered, VECTORS[covered]), stored(order), seen, SPACE, unit_length=False)
    np.testing.assert_array_equal(found.vectors, VECTORS[order[found.point_index]])
    np.testing.assert_array_equal(np.sort(order[found.point_index]), np.flatnonzero(covered))
    np.testing.assert_array_equal(found.view_count, np.where(found.point_index < 25, 2, 1))


def test_unit_length_is_made_once_and_then_kept_to_the_bit() -> None:
    everything, order = np.ones(50, bool), np.arange(50, dtype=np.int32)
    once = point_features(ImportedFeatures(everything, VECTORS), stored(order), [], SPACE, unit_length=True)
    np.testing.assert_allclose(np.linalg.norm(once.vectors.astype(np.float32), axis=1), 1, atol=1e-3)
    twice = point_features(ImportedFeatures(everything, once.vectors), stored(order), [], SPACE, unit_length=True)
    np.testing.assert_array_equal(twice.vectors, once.vectors)


def test_another_width_or_number_of_points_is_refused() -> None:
    features = ImportedFeatures(np.ones(50, bool), VECTORS)
    with pytest.raises(BadScene, match="the features have 8 numbers, but vectors of other have 4: name"):
        features.require_space(EmbeddingSpace("other", 4, ""))
    with pytest.raises(BadScene, match="the features are for 50 points, the scan has 49"):
        features.require_points(49)
