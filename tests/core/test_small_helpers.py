"""Small things that every room shares: unit rows, digests of files, first lines of errors, counts, arrays on disk."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ovstore.core.arrays import map_npy, require_numbers
from ovstore.core.digests import file_digest, json_digest
from ovstore.core.errors import BadInput
from ovstore.core.vectors import unit_rows
from ovstore.core.wording import counted, first_line, reason


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_unit_rows_keep_direction_and_type_and_rows_of_zeros_stay(kind: type) -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [-2.0, 0.0]], kind)
    found = unit_rows(rows)
    assert found.dtype == kind
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [-1, 0]])
    np.testing.assert_array_equal(unit_rows(rows.reshape(3, 1, 2)), found.reshape(3, 1, 2))


def test_unit_rows_do_not_hide_what_is_not_finite() -> None:
    assert np.isnan(unit_rows(np.array([[np.nan, 1.0]]))).all()


def test_digests_are_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"room")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"room").hexdigest()
    assert json_digest({"b": 1, "a": [2]}) == hashlib.sha256(b'{"a": [2], "b": 1}').hexdigest()


def test_an_error_is_told_in_one_line() -> None:
    assert first_line(ValueError("\n one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert reason(FileNotFoundError(2, "No such file or directory", "a.npy")) == "No such file or directory"
    assert reason(ValueError("one\ntwo")) == "one"


def test_counts_go_with_their_noun() -> None:
    assert [counted(1, "scene"), counted(2000, "scene"), counted(1, "pass", "es"), counted(3, "pass", "es")] == [
        "1 scene", "2,000 scenes", "1 pass", "3 passes",
    ]  # fmt: skip


def test_arrays_stay_on_disk_and_hold_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(6.0).reshape(2, 3))
    assert isinstance(map_npy(path), np.memmap) and map_npy(path).shape == (2, 3)
    np.save(path, np.array(["chair"]))
    with pytest.raises(BadInput, match=r"an array of <U5 of shape .1,.; real numbers were expected"):
        map_npy(path)
    np.savez(tmp_path / "b.npz", a=np.zeros(1))
    (tmp_path / "b.npz").rename(path)
    with pytest.raises(BadInput, match=r"an archive that is called .npy; call it .npz"):
        map_npy(path)
    with pytest.raises(BadInput, match="real numbers were expected"):
        require_numbers(path, np.zeros(0), empty=False)
    assert require_numbers(path, np.zeros(0)).size == 0
