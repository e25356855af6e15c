"""GLB out: what other programs read is what was given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glb_file import document, linear_colours
from ovstore.core.errors import BadInput
from ovstore.store.files import glb_writer
from ovstore.store.files.glb_writer import write_glb

trimesh = pytest.importorskip("trimesh", reason="needs the extra 'generate'")


def _in_scan(scene: Any) -> tuple[Any, Any]:
    """The one geometry of a loaded file, and where the node puts its vertices."""
    [geometry] = scene.geometry.values()
    [node] = scene.graph.nodes_geometry
    matrix, _ = scene.graph[node]
    return geometry, np.asarray(geometry.vertices) @ matrix[:3, :3].T + matrix[:3, 3]


def test_another_reader_sees_the_same_mesh_with_z_turned_to_y(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz, rgb = rng.normal(size=(100, 3)).astype(np.float32), rng.integers(0, 256, (100, 3), dtype=np.uint8)
    faces = rng.integers(0, 100, (50, 3))
    normals = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    write_glb(tmp_path / "m.glb", "room", xyz, rgb, normals, faces)
    mesh, placed = _in_scan(trimesh.load(tmp_path / "m.glb", process=False))
    np.testing.assert_array_equal(mesh.vertices, xyz)
    np.testing.assert_array_equal(mesh.faces, faces)
    np.testing.assert_allclose(placed, xyz[:, [0, 2, 1]] * [1, 1, -1])
    np.testing.assert_allclose(mesh.vertex_normals, normals, atol=1e-5)


def test_colours_are_linear_light_drawn_without_lamps(tmp_path: Path) -> None:
    rgb = np.array([[0, 10, 255], [128, 188, 64]], np.uint8)
    write_glb(tmp_path / "c.glb", "room", np.eye(3)[:2], rgb)
    known = [[0, 0.003035, 1, 1], [0.215861, 0.502886, 0.051269, 1]]  # of the sRGB curve
    np.testing.assert_allclose(linear_colours(tmp_path / "c.glb"), known, atol=1e-5)
    assert document(tmp_path / "c.glb")["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}


def test_a_cloud_has_points_without_faces(tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    write_glb(tmp_path / "c.glb", "room", xyz, np.zeros((7, 3), np.uint8))
    cloud, _ = _in_scan(trimesh.load(tmp_path / "c.glb"))
    assert isinstance(cloud, trimesh.PointCloud)
    np.testing.assert_array_equal(cloud.vertices, xyz)
    [mesh] = document(tmp_path / "c.glb")["meshes"]
    assert mesh["primitives"][0]["mode"] == 0 and "indices" not in mesh["primitives"][0]


@pytest.mark.parametrize("up_axis", ["x", "y", "z", "-x", "-y", "-z"])
def test_whatever_is_up_in_the_scan_is_y_in_the_file_and_nothing_is_mirrored(tmp_path: Path, up_axis: str) -> None:
    up = np.zeros(3)
    up["xyz".index(up_axis[-1])] = -1 if up_axis.startswith("-") else 1
    write_glb(tmp_path / "c.glb", "room", np.stack([np.zeros(3), up]), up_axis=up_axis)
    matrix = np.array(document(tmp_path / "c.glb")["nodes"][0]["matrix"]).reshape(4, 4).T
    np.testing.assert_array_equal(matrix[:3, :3] @ up, [0, 1, 0])
    assert np.linalg.det(matrix) == pytest.approx(1)


def test_coordinates_of_a_map_keep_their_tenth_of_a_millimetre(tmp_path: Path) -> None:
    xyz = np.array([[4_512_345.1234, 512_345.5678, 120.0001], [4_512_349.4321, 512_341.8765, 123.9999]])
    write_glb(tmp_path / "c.glb", "map", xyz)
    _, placed = _in_scan(trimesh.load(tmp_path / "c.glb"))
    np.testing.assert_allclose(placed, xyz[:, [0, 2, 1]] * [1, 1, -1], atol=1e-4, rtol=0)


def test_every_block_of_the_file_is_aligned_and_whole(tmp_path: Path) -> None:
    xyz = np.zeros((5, 3), np.float32)
    write_glb(tmp_path / "c.glb", 'a "b"\u202e', xyz, np.zeros((5, 3), np.uint8), faces=np.array([[0, 1, 2]]))
    said = document(tmp_path / "c.glb")
    ends = [view["byteOffset"] + view["byteLength"] for view in said["bufferViews"]]
    assert all(view["byteOffset"] % 4 == 0 for view in said["bufferViews"])
    assert ends[-1] == said["buffers"][0]["byteLength"]
    assert said["nodes"][0]["name"] == 'a "b"\u202e'


def test_what_a_glb_cannot_hold_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glb_writer, "_LARGEST", 1000)
    with pytest.raises(BadInput, match=r"big\.glb would have .* write a PLY instead"):
        write_glb(tmp_path / "big.glb", "room", np.zeros((100, 3)))
    assert not list(tmp_path.iterdir())
