"""PCD files of the Point Cloud Library: ascii and binary, any scalar fields; the packed `rgb` becomes three columns.

    FIELDS x y z rgb        SIZE 4 4 4 4        TYPE F F F F        COUNT 1 1 1 1        POINTS 213        DATA ascii

The sensor's VIEWPOINT is not applied, as PCL does not apply it. Facts: pointclouds.org, "The PCD file format".
"""

import re
from pathlib import Path

import numpy as np
from numpy.lib import recfunctions
from numpy.typing import NDArray

from ...core.errors import BadScene
from ...core.regular import require_file
from .ply_body import AsciiBody, BinaryBody, Body, Element, Property

_MAX_HEADER = 1 << 16
_TYPES = {f"{kind}{size}": f"{letter}{size}" for kind, letter in (("I", "i"), ("U", "u")) for size in "1248"}
_TYPES |= {"F4": "f4", "F8": "f8"}


def read_pcd(path: Path) -> NDArray[np.void]:
    """(N,) structured points; BadScene for a file that is no PCD or does not hold what its header promises."""
    try:
        data = np.memmap(path, np.uint8, "r") if require_file(path) else np.empty(0, np.uint8)
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    element, form, start = _header(path, bytes(data[:_MAX_HEADER]))
    if form == "binary_compressed":
        raise BadScene(
            f"{path}: DATA binary_compressed is not supported; write it as binary, such as by "
            "pcl_convert_pcd_ascii_binary IN.pcd OUT.pcd 1"
        )
    body: Body = AsciiBody(path, data[start:]) if form == "ascii" else BinaryBody(path, data[start:], "<")
    points = body.scalars(element)
    body.finish()
    return _unpacked(points)


def _header(path: Path, head: bytes) -> tuple[Element, str, int]:
    """The fields, the kind of data, and where it begins."""
    end = re.search(rb"^DATA[ \t]+(ascii|binary|binary_compressed)[ \t]*\r?\n", head, re.MULTILINE)
    if end is None:
        raise BadScene(f"{path}: not a PCD file (no line 'DATA ascii' or 'DATA binary' in its header)")
    lines = head[: end.start()].decode("ascii", "replace").splitlines()
    rows = {words[0]: words[1:] for line in lines if (words := line.partition("#")[0].split())}
    fields, sizes, types = (rows.get(name, []) for name in ("FIELDS", "SIZE", "TYPE"))
    counts = rows.get("COUNT", ["1"] * len(fields))
    if not fields or not len(fields) == len(sizes) == len(types) == len(counts):
        raise BadScene(f"{path}: FIELDS, SIZE, TYPE and COUNT in its header have different lengths")
    properties = []
    for number, (name, size, kind, count) in enumerate(zip(fields, sizes, types, counts, strict=True)):
        if (code := _TYPES.get(kind + size)) is None or not (count.isdigit() and 0 < int(count) <= 4096):
            raise BadScene(
                f"{path}: no field has TYPE {kind[:9]}, SIZE {size[:9]}, COUNT {count[:9]}, as {name[:40]!r}"
            )
        single = name if count == "1" and name != "_" and name not in fields[:number] else f"{name} {number}"
        properties += [Property(single if count == "1" else f"{single} {k}", code) for k in range(int(count))]
    points = rows.get("POINTS") or [str(_whole(rows, "WIDTH") * _whole(rows, "HEIGHT"))]
    if not (points[0].isascii() and points[0].isdigit() and len(points[0]) < 16):
        raise BadScene(f"{path}: POINTS is {points[0][:20]!r}; a whole number was expected")
    return Element("point", int(points[0]), tuple(properties)), end[1].decode(), end.end()


def _whole(rows: dict[str, list[str]], name: str) -> int:
    word = (rows.get(name) or ["0"])[0]
    return int(word) if word.isascii() and word.isdigit() and len(word) < 12 else 0


def _unpacked(points: NDArray[np.void]) -> NDArray[np.void]:
    """With columns red, green, blue in place of a float or whole number whose bytes are 0, red, green, blue."""
    name = next((name for name in ("rgb", "rgba") if name in (points.dtype.names or ())), None)
    if name is None or points.dtype[name].itemsize != 4:
        return points
    packed = np.ascontiguousarray(points[name]).view(np.uint32)
    colours = [((packed >> shift) & 255).astype(np.uint8) for shift in (16, 8, 0)]
    unpacked = recfunctions.append_fields(points, ["red", "green", "blue"], colours, usemask=False)
    return np.asarray(unpacked)
