"""LAS and LAZ files of surveyors' scanners, read by laspy: points in the file's own coordinates, colours, classes."""

from pathlib import Path

import laspy
import numpy as np
from numpy.typing import NDArray

from ...core.budget import Budget
from ...core.errors import BadScene

_AT_ONCE = 1 << 20  # points
# ASPRS, LAS 1.4 R15, table 17; 0 and 1 are "created, never classified" and "unclassified"
CLASSES = {
    2: "ground", 3: "low vegetation", 4: "medium vegetation", 5: "high vegetation", 6: "building", 7: "low point",
    9: "water", 10: "rail", 11: "road surface", 13: "wire guard", 14: "wire conductor", 15: "transmission tower",
    16: "wire structure connector", 17: "bridge deck", 18: "high noise",
}  # fmt: skip


def read_las(path: Path) -> NDArray[np.void]:
    """(N,) structured points; `label` is the class, -1 where there is none, and only where any point has one.

    Points are decoded piece by piece, so that a header that lies takes no memory.
    """
    budget = Budget(path)
    try:
        with laspy.open(path) as file:
            budget.take_bytes(file.header.point_count * np.dtype(_dtype(True)).itemsize, "its points")
            pieces = [_piece(piece) for piece in file.chunk_iterator(_AT_ONCE)]
            expected = file.header.point_count
    except BadScene:
        raise
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # laspy and the decoders under it each raise their own
        raise BadScene(f"{path}: cannot be read as LAS or LAZ: {str(error)[:120] or type(error).__name__}") from error
    points = np.concatenate(pieces) if pieces else np.empty(0, _dtype(False))
    if len(points) != expected:
        raise BadScene(f"{path}: truncated: {len(points):,} points of the {expected:,} in its header")
    if (points["label"] < 0).all():
        return points[[name for name in points.dtype.names or () if name != "label"]]
    return points


def _piece(piece: laspy.ScaleAwarePointRecord) -> NDArray[np.void]:
    coloured = {"red", "green", "blue"} <= set(piece.point_format.dimension_names)
    points = np.empty(len(piece), _dtype(coloured))
    for axis in "xyz":
        points[axis] = piece[axis]
    kind = np.asarray(piece["classification"]).astype(np.int32)
    points["label"] = np.where(kind > 1, kind, -1)
    for name in ("red", "green", "blue") if coloured else ():
        points[name] = piece[name]
    return points


def _dtype(coloured: bool) -> list[tuple[str, str]]:
    colours = [(name, "u2") for name in ("red", "green", "blue")] if coloured else []
    return [("x", "f8"), ("y", "f8"), ("z", "f8"), ("label", "i4"), *colours]
