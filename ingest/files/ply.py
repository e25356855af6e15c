"""PLY files: ascii and binary of both byte orders, any scalar vertex properties, faces of any number of corners.

Nothing is believed before it is counted: what the header promises is held against the bytes that follow, so a lying
header takes no memory. Elements other than vertices and faces are passed over.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.regular import require_file
from .ply_body import AsciiBody, BinaryBody, Body, Columns, Element, Polygons, Property

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_MAX_HEADER = 1 << 20


@dataclass(frozen=True)
class Ply:
    """The vertices and faces of a file."""

    vertices: NDArray[np.void]  # (N,) structured, one field a property, native byte order
    faces: NDArray[np.int32] | None  # (F, 3) vertex rows; polygons are cut into fans of triangles
    face_columns: Columns = field(default_factory=dict)  # (F,) each; whole numbers that the file has of its faces


def read_ply(path: Path) -> Ply:
    """All vertices and faces of a file; BadScene for one that is no PLY or does not hold what its header promises."""
    try:
        data = np.memmap(path, np.uint8, "r") if require_file(path) else np.empty(0, np.uint8)
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    order, elements, start = _read_header(path, bytes(data[:_MAX_HEADER]))
    body: Body = AsciiBody(path, data[start:]) if order == "=" else BinaryBody(path, data[start:], order)
    vertices, faces, of_polygons = None, None, {}
    for element in elements:
        if element.name == "vertex":
            if element.has_lists:
                raise BadScene(f"{path}: vertices with list properties are not supported")
            vertices = body.scalars(element)
        elif element.has_lists:
            polygons, columns = body.lists(element)
            if element.name == "face":
                faces, of_polygons = polygons, columns
        else:
            body.scalars(element)
    body.finish()
    if vertices is None:
        raise BadScene(f"{path}: no element 'vertex'; its header has {', '.join(e.name for e in elements) or 'none'}")
    if faces is None:
        return Ply(vertices, None)
    polygon, triangles = _triangles(path, faces, len(vertices))
    return Ply(vertices, triangles, {name: column[polygon] for name, column in of_polygons.items()})


def _read_header(path: Path, head: bytes) -> tuple[str, list[Element], int]:
    end = re.search(rb"\nend_header[ \t]*\r?\n", head)
    if not re.match(rb"ply\s*\n", head) or end is None:
        raise BadScene(f"{path}: not a PLY file (it begins with {head[:12]!r})")
    order = ""
    elements: list[tuple[str, int, list[Property]]] = []
    for line in head[: end.start()].decode("ascii", "replace").splitlines()[1:]:
        match line.split():
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", kind, _] if kind in _ORDERS:
                order = _ORDERS[kind]
            case ["element", name, count] if count.isdigit() and len(count) < 19:
                elements.append((name, int(count), []))
            case ["property", "list", count, kind, name] if (
                elements and _TYPES.get(count, "f")[0] in "iu" and kind in _TYPES
            ):
                elements[-1][2].append(Property(name, _TYPES[kind], _TYPES[count]))
            case ["property", kind, name] if elements and kind in _TYPES:
                elements[-1][2].append(Property(name, _TYPES[kind]))
            case _:
                raise BadScene(f"{path}: the header line {line.strip()[:60]!r} is not understood")
    if not order:
        raise BadScene(f"{path}: the header names no format; known: {', '.join(_ORDERS)}")
    for name, _, properties in elements:
        if not properties or len({p.name for p in properties}) != len(properties):
            raise BadScene(f"{path}: element {name!r} has no properties, or two of the same name")
    return order, [Element(name, count, tuple(properties)) for name, count, properties in elements], end.end()


def _triangles(path: Path, groups: Polygons, vertex_count: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Of each triangle, in the order of the file: its polygon (F,), its corners (F, 3).

    A polygon becomes the fan around its first corner (right for convex ones).
    """
    number, corners = [np.empty(0, np.int64)], [np.empty((0, 3), np.int64)]
    for group in groups:
        row, polygon = group[:, 0], group[:, 1:]
        if polygon.shape[1] < 3:
            raise BadScene(f"{path}: face {row[0]} has {polygon.shape[1]} corners; at least 3 were expected")
        outside = (polygon < 0) | (polygon >= vertex_count)
        if outside.any():
            raise BadScene(f"{path}: a face refers to vertex {polygon[outside][0]}; there are {vertex_count:,}")
        for k in range(1, polygon.shape[1] - 1):
            number.append(row)
            corners.append(polygon[:, [0, k, k + 1]])
    polygon_of = np.concatenate(number)
    order = np.argsort(polygon_of, kind="stable")
    return polygon_of[order], np.concatenate(corners)[order].astype(np.int32)
