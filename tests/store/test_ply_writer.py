"""PLY out: what other programs read is what was given."""

from pathlib import Path

import numpy as np
import pytest
from ovstore.store.files.ply_writer import write_ply

trimesh = pytest.importorskip("trimesh", reason="needs the extra 'generate'")


def test_another_reader_sees_the_same_mesh(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(100, 3)).astype(np.float32)
    rgb = rng.integers(0, 256, (100, 3), dtype=np.uint8)
    faces = rng.integers(0, 100, (50, 3))
    write_ply(tmp_path / "m.ply", xyz, rgb, faces=faces, columns={"label": np.arange(100) - 1})
    mesh = trimesh.load(tmp_path / "m.ply", process=False)
    np.testing.assert_array_equal(mesh.vertices, xyz)
    np.testing.assert_array_equal(mesh.faces, faces)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:, :3], rgb)
    np.testing.assert_array_equal(mesh.metadata["_ply_raw"]["vertex"]["data"]["label"].reshape(-1), np.arange(100) - 1)


def test_another_reader_sees_the_same_cloud(tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    write_ply(tmp_path / "c.ply", xyz)
    np.testing.assert_array_equal(trimesh.load(tmp_path / "c.ply").vertices, xyz)


def test_coordinates_of_a_map_keep_their_tenth_of_a_millimetre(tmp_path: Path) -> None:
    xyz = np.array([[4_512_345.1234, 512_345.5678, 120.0001]])
    write_ply(tmp_path / "c.ply", xyz)
    np.testing.assert_array_equal(trimesh.load(tmp_path / "c.ply").vertices, xyz)


def test_a_hostile_label_stays_one_comment_of_the_header(tmp_path: Path) -> None:
    xyz = np.zeros((3, 3), np.float32)
    hostile = "label 1 a\nend_header\n\x1b[2J\u202eSofa für zwei"
    write_ply(tmp_path / "c.ply", xyz, comments=[hostile], columns={"score": xyz[:, 0], "mask": xyz[:, 0] > 0})
    header = (tmp_path / "c.ply").read_bytes().partition(b"end_header\n" + bytes(3))[0].decode("ascii").splitlines()
    assert r"comment label 1 a\nend_header\n\x1b[2J\u202eSofa f\xfcr zwei" in header
    assert {"property float score", "property uchar mask"} <= set(header)
    assert len(trimesh.load(tmp_path / "c.ply").vertices) == 3
