"""Clouds other than PLY: PCD, text and LAS give the same points, and no header is believed."""

import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import toy_room
from ovstore.core.errors import BadScene, MissingPackage
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.files.clouds import read_cloud

XYZ = np.array([[0, 0, 0.5], [1.5, -2, 3], [4, 5, 6], [7, 8, -9.25]])
RGB = np.array([[255, 128, 0], [1, 2, 3], [9, 9, 9], [0, 0, 255]], np.uint8)
FAR = np.array([600_000, 5_000_000, 0])
NORMALS = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, -1, 0]], float)


def pcd(kind: str, rgb: str = "F", points: int = 4) -> bytes:
    """Points with a packed colour, padding and a label, as PCL writes them."""
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z rgb _ label\nSIZE 4 4 4 4 1 4\n"
        f"TYPE F F F {rgb} U U\nCOUNT 1 1 1 1 2 1\nWIDTH 4\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {points}\nDATA {kind}\n"
    ).encode()
    packed = [int(r) << 16 | int(g) << 8 | int(b) for r, g, b in RGB]
    if kind == "ascii":
        shown = [repr(float(np.uint32(p).view(np.float32))) if rgb == "F" else str(p) for p in packed]
        return (
            head
            + "".join(
                f"{x} {y} {z} {c} 0 0 {k}\n" for k, ((x, y, z), c) in enumerate(zip(XYZ, shown, strict=True))
            ).encode()
        )
    return head + b"".join(
        struct.pack("<3fI2BI", *xyz, c, 0, 0, k) for k, (xyz, c) in enumerate(zip(XYZ, packed, strict=True))
    )


@pytest.mark.parametrize("rgb", ["F", "U"])
@pytest.mark.parametrize("kind", ["ascii", "binary"])
def test_pcd_has_points_packed_colours_and_labels(tmp_path: Path, kind: str, rgb: str) -> None:
    (tmp_path / "a.PCD").write_bytes(pcd(kind, rgb))
    cloud = read_cloud(tmp_path / "a.PCD")
    np.testing.assert_allclose(cloud.xyz, XYZ)
    np.testing.assert_array_equal(cloud.rgb, RGB)
    np.testing.assert_array_equal(cloud.labels, np.arange(4))


def test_pcd_of_lost_returns_leaves_them_out(tmp_path: Path) -> None:
    (tmp_path / "a.pcd").write_bytes(pcd("ascii").replace(b"\n1.5 -2.0 3.0", b"\nnan nan nan"))
    cloud = read_cloud(tmp_path / "a.pcd")
    np.testing.assert_allclose(cloud.xyz, XYZ[[0, 2, 3]])
    assert cloud.left_out is not None and cloud.left_out.tolist() == [1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a PCD"),
        (
            pcd("binary").replace(b"DATA binary", b"DATA binary_compressed"),
            "binary_compressed is not supported; write it as",
        ),
        (pcd("binary")[:-3], "truncated"),
        (pcd("binary", points=10**15 - 1), "truncated: its header announces 999,999,999,999,999"),
        (pcd("ascii", points=9), "truncated"),
        (pcd("binary").replace(b"SIZE 4 4", b"SIZE 4"), "have different lengths"),
        (pcd("binary").replace(b"TYPE F", b"TYPE Q"), "no field has TYPE Q, SIZE 4"),
        (pcd("binary").replace(b"COUNT 1 1 1 1 2", b"COUNT 1 1 1 1 99999"), "COUNT 99999"),
        (pcd("ascii").replace(b"FIELDS x", b"FIELDS q"), "vertices without x, y, z"),
    ],
)
def test_what_is_no_sound_pcd_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.pcd").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(BadScene, match=said) as told:
        read_cloud(tmp_path / "a.pcd")
    assert "a.pcd" in str(told.value) and tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


TEXTS = {
    "x y z": [], "rgb": [RGB], "normals": [NORMALS], "intensity": [np.arange(4)[:, None]],
    "intensity and rgb": [np.arange(4)[:, None] * 1000, RGB], "rgb and normals": [RGB, NORMALS],
    "normals and rgb": [NORMALS, RGB],
}  # fmt: skip


@pytest.mark.parametrize("separator", [" ", "\t", ",", "; "])
@pytest.mark.parametrize("what", TEXTS)
def test_columns_of_text_are_known_by_their_number_and_values(tmp_path: Path, what: str, separator: str) -> None:
    table = np.concatenate([XYZ, *TEXTS[what]], axis=1)
    lines = [separator.join(f"{value:g}" for value in row) for row in table]
    (tmp_path / "a.xyz").write_text("// by hand\n" + "\r\n".join(lines) + "\n\n# the end\n")
    cloud = read_cloud(tmp_path / "a.xyz")
    np.testing.assert_allclose(cloud.xyz, XYZ)
    assert (cloud.rgb is None) == ("rgb" not in what) and (cloud.normals is None) == ("normals" not in what)
    if cloud.rgb is not None:
        np.testing.assert_array_equal(cloud.rgb, RGB)
    if cloud.normals is not None:
        np.testing.assert_allclose(cloud.normals, NORMALS)


def test_a_line_of_names_decides_and_pts_begins_with_its_count(tmp_path: Path) -> None:
    rows = [" ".join(f"{v:g}" for v in [*rgb, *xyz]) for xyz, rgb in zip(XYZ, RGB, strict=True)]
    (tmp_path / "a.xyz").write_text("Red Green Blue X Y Z\n" + "\n".join(rows))
    (tmp_path / "b.pts").write_text(
        "4\n" + "\n".join(" ".join(f"{v:g}" for v in [*x, 7, *c]) for x, c in zip(XYZ, RGB, strict=True))
    )
    for name in ("a.xyz", "b.pts"):
        cloud = read_cloud(tmp_path / name)
        np.testing.assert_allclose(cloud.xyz, XYZ)
        np.testing.assert_array_equal(cloud.rgb, RGB)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xyz", "", "no points in it"),
        ("a.xyz", "1 2 3\n4 5\n", "lines with other than 3 numbers"),
        ("a.xyz", "1 2 3\n4 five 6\n", "not everything is a number"),
        ("a.xyz", "1 2 3 4 5\n", "5 numbers per line; x y z, with an intensity, colours or normals"),
        ("a.pts", "3\n1 2 3\n4 5 6\n", "2 lines of points; its first line says 3"),
    ],
)
def test_text_that_is_no_cloud_is_one_sentence(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadScene, match=said):
        read_cloud(tmp_path / name)


def test_a_scene_takes_the_cloud_that_is_named(tmp_path: Path) -> None:
    room = toy_room.write(tmp_path / "room", frames=3)
    whole = rgbd.load_scene(room, "room", rgbd.Options(), tmp_path / "u").points
    points = np.round(whole.xyz[:: max(1, len(whole) // 500)], 4)
    (room / "survey.xyz").write_text("\n".join(" ".join(map(str, row)) for row in points.tolist()))
    scene = check_scene(rgbd.load_scene(room, "room", rgbd.Options(cloud="survey.xyz"), tmp_path / "u"))
    np.testing.assert_allclose(scene.points.xyz, points)
    assert "points: survey.xyz" in scene.findings


def test_text_of_millions_of_lines_is_read(tmp_path: Path) -> None:
    rows = "".join(f"{k} {k % 7} 0.5\n" for k in range(1000))
    (tmp_path / "a.xyz").write_text(rows * 1200)
    assert len(read_cloud(tmp_path / "a.xyz")) == 1_200_000


def las(path: Path, colours: np.ndarray | None, classes: list[int]) -> Path:
    laspy = pytest.importorskip("laspy", reason="needs the extra 'las'")
    header = laspy.LasHeader(point_format=2 if colours is not None else 0, version="1.2")
    header.offsets, header.scales = [600_000, 5_000_000, 0], [0.001] * 3
    data = laspy.LasData(header)
    data.x, data.y, data.z = (XYZ + FAR).T
    data.classification = np.array(classes, np.uint8)
    if colours is not None:
        data.red, data.green, data.blue = colours.T
    data.write(str(path))
    return path


@pytest.mark.parametrize("suffix", [".las", ".LAZ"])
@pytest.mark.parametrize("bits", [8, 16])
def test_las_has_coordinates_in_full_colours_of_either_range_and_classes(
    tmp_path: Path, suffix: str, bits: int
) -> None:
    colours = RGB.astype(np.uint16) * (257 if bits == 16 else 1)
    cloud = read_cloud(las(tmp_path / f"a{suffix}", colours, [0, 2, 6, 1]))
    np.testing.assert_allclose(cloud.xyz, XYZ + FAR, atol=1e-6)
    np.testing.assert_array_equal(cloud.rgb, RGB)
    assert cloud.labels is not None and cloud.labels.tolist() == [-1, 2, 6, -1]
    assert cloud.label_names == {2: "ground", 6: "building"}
    assert bool(cloud.notes) == (bits == 8)


def test_las_without_colours_and_classes_has_points_alone(tmp_path: Path) -> None:
    cloud = read_cloud(las(tmp_path / "a.las", None, [0, 1, 0, 1]))
    assert (cloud.rgb, cloud.labels, len(cloud)) == (None, None, 4)


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_a_las_file_that_is_damaged_or_lies_is_one_sentence(tmp_path: Path, suffix: str) -> None:
    content = las(tmp_path / f"a{suffix}", RGB.astype(np.uint16), [0, 2, 6, 1]).read_bytes()
    path = tmp_path / f"b{suffix}"
    lying = bytearray(content)
    struct.pack_into("<I", lying, 107, 2_000_000_000)  # the number of points
    tracemalloc.start()
    for broken in (b"", b"LASF", content[:100], content[:-20], bytes(lying)):
        path.write_bytes(broken)
        with pytest.raises(BadScene, match=rf"b\{suffix}: "):
            read_cloud(path)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_las_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ovstore.ingest.files.las", raising=False)
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(MissingPackage, match=r"pip install 'ovstore\[las\]'"):
        read_cloud(tmp_path / "a.las")
