"""PLY in: every kind of body gives the same mesh, and no header is believed."""

import math
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import shared_case
from ovstore.core.errors import BadScene
from ovstore.ingest.files.clouds import read_cloud
from ovstore.ingest.files.ply import read_ply
from ovstore.store.files.ply_writer import write_ply

XYZ = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 0.5, 1]])
RGB = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9], [1, 2, 3]])
LABEL = np.array([1, 2, 39, 40, 0])
TRIANGLES = [[0, 1, 2], [0, 2, 3], [0, 1, 4]]
MIXED = [[0, 1, 2, 3], [0, 1, 4], [0, 1, 2, 3, 4]]
FANS = [[0, 1, 2], [0, 2, 3], [0, 1, 4], [0, 1, 2], [0, 2, 3], [0, 3, 4]]


def ply(
    kind: str,
    faces: list[list[int]],
    *,
    xyz: np.ndarray = XYZ,
    vertices: int = 5,
    face_count: int | None = None,
    flags: bool = False,
) -> bytes:
    """A mesh with colours and labels; `flags` puts a scalar after each face's corners: 7, 8, 9 ..."""
    count = len(faces) if face_count is None else face_count
    head = (
        f"ply\nformat {kind} 1.0\ncomment by hand\nelement vertex {vertices}\nproperty float x\nproperty float y\n"
        "property double z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort label\n"
        f"element face {count}\nproperty list uchar int vertex_indices\n"
        f"{'property uchar flags' if flags else 'comment'}\n"
        "end_header\n"
    ).encode()
    if kind == "ascii":
        lines = [f"{x:g} {y:g} {z:g} {r} {g} {b} {n}" for (x, y, z), (r, g, b), n in zip(xyz, RGB, LABEL, strict=True)]
        lines += [" ".join(map(str, [len(face), *face, *([7 + k] if flags else [])])) for k, face in enumerate(faces)]
        return head + "\n".join(lines).encode() + b"\n"
    order = "<" if kind == "binary_little_endian" else ">"
    body = b"".join(
        struct.pack(order + "ffd3BH", *p, *c, n) for p, c, n in zip(xyz, RGB.tolist(), LABEL.tolist(), strict=True)
    )
    for k, face in enumerate(faces):
        body += struct.pack(order + f"B{len(face)}i", len(face), *face) + (bytes([7 + k]) if flags else b"")
    return head + body


def write(folder: Path, content: bytes) -> Path:
    path = folder / "möbel ⌘.ply"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("faces, expected", [(TRIANGLES, TRIANGLES), (MIXED, FANS), ([], [])])
@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_every_kind_of_body_holds_the_same_mesh(
    tmp_path: Path, kind: str, faces: list[list[int]], expected: list[list[int]], flags: bool
) -> None:
    cloud = read_cloud(write(tmp_path, ply(kind, faces, flags=flags)))
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    np.testing.assert_array_equal(cloud.rgb, RGB)
    np.testing.assert_array_equal(cloud.labels, LABEL)
    np.testing.assert_array_equal(cloud.faces, np.reshape(expected, (-1, 3)))


@pytest.mark.parametrize("faces, flags", [(TRIANGLES, [7, 8, 9]), (MIXED, [7, 7, 8, 9, 9, 9]), ([], [])])
@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_each_triangle_has_the_whole_numbers_of_its_polygon(
    tmp_path: Path, kind: str, faces: list[list[int]], flags: list[int]
) -> None:
    columns = read_ply(write(tmp_path, ply(kind, faces, flags=True))).face_columns
    assert {name: column.tolist() for name, column in columns.items()} == {"flags": flags}


def test_what_the_store_exports_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out.ply"
    write_ply(path, XYZ.astype(np.float32), RGB.astype(np.uint8), faces=np.array(TRIANGLES), columns={"label": LABEL})
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.xyz, XYZ)
    np.testing.assert_array_equal(cloud.faces, TRIANGLES)


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_more_promised_than_there_is_is_refused(tmp_path: Path, kind: str) -> None:
    for lie in ({"vertices": 5_000_000}, {"face_count": 4}, {"face_count": 10**12}):
        tracemalloc.start()
        with pytest.raises(BadScene, match="möbel"):
            read_ply(write(tmp_path, ply(kind, TRIANGLES, **lie)))
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_less_promised_than_there_is_is_refused(tmp_path: Path, kind: str) -> None:
    for lie in ({"vertices": 4}, {"face_count": 1}, {"face_count": 0}):
        with pytest.raises(BadScene, match="möbel"):
            read_ply(write(tmp_path, ply(kind, TRIANGLES, **lie)))


@pytest.mark.parametrize("faces", [TRIANGLES, MIXED])
def test_a_file_cut_short_anywhere_is_one_sentence(tmp_path: Path, faces: list[list[int]]) -> None:
    content = ply("binary_little_endian", faces)
    for length in range(len(content)):
        with pytest.raises(BadScene):
            read_ply(write(tmp_path, content[:length]))


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "not a PLY"),
        (b"\x80\x04\x95pickle", "not a PLY"),
        (ply("ascii", [[0, 1, 9]]), "refers to vertex 9"),
        (ply("ascii", [[0, 1]]), "2 corners"),
        (ply("ascii", TRIANGLES).replace(b"0.5 0.5 1 1", b"0.5 oops 1 1"), "number"),
        (ply("ascii", TRIANGLES).replace(b"255 0 0", b"300 0 0"), "'red' has the value 300"),
        (ply("ascii", TRIANGLES).replace(b"ascii", b"morse"), "'format morse 1.0' is not understood"),
        (ply("ascii", TRIANGLES).replace(b"float x", b"float32 x32"), "without x, y, z"),
        (ply("ascii", TRIANGLES).replace(b"element vertex", b"element vortex"), "no element 'vertex'"),
        (
            ply("ascii", TRIANGLES).replace(b"\n1 ", b"\nnan ").replace(b"0.5 0.5", b"nan 0.5"),
            "3 of 5 points are not finite",
        ),
        (ply("ascii", []).split(b"end_header")[0].replace(b"vertex 5", b"vertex 0") + b"end_header\n", "no points"),
        (ply("binary_little_endian", [[0, 1, 2], [0, 1, -2]]), "refers to vertex -2"),
    ],
)
def test_what_is_no_sound_ply_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadScene, match=said) as caught:
        read_cloud(write(tmp_path, content))
    assert "möbel" in str(caught.value)


def test_colours_as_floats_and_normals_of_any_length_are_understood(tmp_path: Path) -> None:
    content = (
        b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
        b"property float r\nproperty float g\nproperty float b\n"
        b"property float nx\nproperty float ny\nproperty float nz\nend_header\n"
        b"0 0 0 1 0.5 0 0 0 2\n1 1 1 0 0 1 3 0 0\n"
    )
    cloud = read_cloud(write(tmp_path, content))
    np.testing.assert_array_equal(cloud.rgb, [[255, 128, 0], [0, 0, 255]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1], [1, 0, 0]])
    assert read_cloud(write(tmp_path, content.replace(b"0 0 2\n", b"0 0 0\n"))).normals is None


@pytest.mark.filterwarnings("error")
def test_a_nan_of_any_kind_is_counted_without_a_warning(tmp_path: Path) -> None:
    content = ply("binary_little_endian", TRIANGLES)
    start = content.index(b"end_header\n") + len(b"end_header\n")
    signalling = struct.pack("<I", 0x7F80_0001)
    (tmp_path / "a.ply").write_bytes(content[:start] + signalling + content[start + 4 :])
    assert read_cloud(tmp_path / "a.ply").left_out.tolist() == [0]


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
@pytest.mark.parametrize("what", [math.nan, math.inf, -math.inf])
def test_a_vertex_that_is_not_finite_is_left_out_with_its_faces(tmp_path: Path, kind: str, what: float) -> None:
    whole = read_cloud(write(tmp_path, ply(kind, TRIANGLES)))
    cloud = read_cloud(write(tmp_path, ply(kind, TRIANGLES, xyz=np.where(np.arange(5)[:, None] == 3, what, XYZ))))
    kept = [0, 1, 2, 4]
    assert cloud.left_out is not None and cloud.left_out.tolist() == [3] and cloud.rows_in_file == 5
    for name in ("xyz", "rgb", "labels"):
        np.testing.assert_array_equal(getattr(cloud, name), getattr(whole, name)[kept])
    np.testing.assert_array_equal(cloud.faces, [[0, 1, 2], [0, 1, 3]])
    np.testing.assert_array_equal(cloud.of_file(np.arange(5)), kept)


def colours(kind: str, rgb: str) -> bytes:
    fields = "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue"))
    head = f"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n{fields}"
    return f"{head}end_header\n0 0 0 {rgb}\n1 0 0 0 0 0\n".encode()


@pytest.mark.parametrize(
    ("kind", "rgb", "expected", "said"),
    [
        ("uchar", "255 128 0", [255, 128, 0], None),
        ("ushort", "65535 32768 0", [255, 128, 0], None),
        ("ushort", "255 128 0", [255, 128, 0], "colours: uint16 from 0 to 255, taken as 8 bits"),
        ("int", "255 128 0", [255, 128, 0], "colours: int32 from 0 to 255, taken as 8 bits"),
        ("int", "65535 32768 0", [255, 128, 0], "colours: int32 from 0 to 65535, taken as 16 bits"),
        ("float", "1 0.5 0", [255, 128, 0], "colours: float32 from 0 to 1, taken as 0 to 1"),
        ("double", "255 128 0", [255, 128, 0], "colours: float64 from 0 to 255, taken as 8 bits"),
        ("float", "65535 32768 0", [255, 128, 0], "colours: float32 from 0 to 65535, taken as 16 bits"),
    ],
)
def test_the_values_of_colours_tell_their_range_and_a_guess_is_said(
    tmp_path: Path, kind: str, rgb: str, expected: list[int], said: str | None
) -> None:
    cloud = read_cloud(write(tmp_path, colours(kind, rgb)))
    assert cloud.rgb is not None and cloud.rgb[0].tolist() == expected
    assert cloud.notes == (() if said is None else (said,))


@pytest.mark.parametrize(("kind", "rgb"), [("float", "-1 0 1"), ("int", "65536 0 0")])
def test_colours_of_no_known_range_are_refused(tmp_path: Path, kind: str, rgb: str) -> None:
    with pytest.raises(BadScene, match=r"colours from .* expected 0 to 255, 0 to 65535, or 0 to 1"):
        read_cloud(write(tmp_path, colours(kind, rgb)))


def test_the_shared_colours_of_8_bits_in_16_are_orange() -> None:
    path = shared_case.CASES / "ply_16bit_colours_of_8bit/cloud.ply"
    if not path.exists():
        pytest.skip("needs ../shared/cases")
    np.testing.assert_array_equal(read_cloud(path).rgb, [[255, 128, 0]] * 3)
