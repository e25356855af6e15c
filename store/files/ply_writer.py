"""PLY out: one cloud or mesh as binary little-endian, for MeshLab, CloudCompare, Blender and our own reader."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.files import replacing
from ...core.wording import shown

_TYPES = {"u1": "uchar", "i4": "int", "f4": "float", "f8": "double"}
_KINDS = {"i": "<i4", "u": "<i4", "f": "<f4", "b": "u1"}  # of a column
_FINEST = 1e-4  # metres; where float32 is coarser than this (beyond 1 km from the origin), coordinates are doubles


def write_ply(
    path: Path,
    xyz: NDArray[np.floating],
    rgb: NDArray[np.uint8] | None = None,
    normals: NDArray[np.float32] | None = None,
    faces: NDArray[np.integer] | None = None,
    columns: Mapping[str, NDArray[np.generic]] | None = None,
    comments: Sequence[str] = (),
) -> None:
    """`ply_bytes` as a file, which appears whole or not at all."""
    made = ply_bytes(xyz, rgb, normals, faces, columns, comments)
    with replacing(path) as part:
        part.write_bytes(made)


def ply_bytes(
    xyz: NDArray[np.floating],
    rgb: NDArray[np.uint8] | None = None,
    normals: NDArray[np.float32] | None = None,
    faces: NDArray[np.integer] | None = None,
    columns: Mapping[str, NDArray[np.generic]] | None = None,
    comments: Sequence[str] = (),
) -> bytes:
    """One vertex a point, in the order given: xyz (N, 3) metres, rgb (N, 3), normals (N, 3), faces (F, 3).

    `columns` are further (N,) numbers a vertex: whole ones such as labels, floats, or masks. `comments` are lines of
    the header, which is ASCII: what is not, and what would end a line, is escaped.
    """
    far = float(np.abs(xyz).max(initial=0))
    place = "<f8" if np.spacing(np.float32(far)) > _FINEST else "<f4"
    vertex: list[tuple[str, str, NDArray[np.generic]]] = [
        (name, place, xyz[:, axis]) for axis, name in enumerate("xyz")
    ]
    if normals is not None:
        vertex += [(name, "<f4", normals[:, axis]) for axis, name in enumerate(("nx", "ny", "nz"))]
    if rgb is not None:
        vertex += [(name, "u1", rgb[:, channel]) for channel, name in enumerate(("red", "green", "blue"))]
    vertex += [(name, _KINDS[column.dtype.kind], column) for name, column in (columns or {}).items()]

    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment written by ovstore, metres",
        *(f"comment {_ascii(comment)}" for comment in comments),
        f"element vertex {len(xyz)}",
    ]
    header += [f"property {_TYPES[kind.lstrip('<')]} {name}" for name, kind, _ in vertex]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    header.append("end_header\n")

    vertices = np.empty(len(xyz), [(name, kind) for name, kind, _ in vertex])
    for name, _, column in vertex:
        vertices[name] = column
    parts = ["\n".join(header).encode("ascii"), vertices.tobytes()]
    if faces is not None:
        corners = np.empty(len(faces), [("count", "u1"), ("rows", "<i4", 3)])
        corners["count"], corners["rows"] = 3, faces
        parts.append(corners.tobytes())
    return b"".join(parts)


def _ascii(text: str) -> str:
    return shown(text).encode("ascii", "backslashreplace").decode("ascii")
