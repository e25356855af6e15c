"""Points as rows of text: .xyz, .xyzn, .xyzrgb and .pts, blanks, commas or semicolons between the numbers.

    x y z                       x y z nx ny nz              x y z r g b (0 to 255)
    x y z intensity             x y z intensity r g b       x y z r g b nx ny nz, x y z nx ny nz r g b

A first line of names, "x,y,z,red,green,blue", decides; without one the values do: normals have length 1. A .pts file
begins with its number of points. "#" and "//" begin remarks.
"""

import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene
from .whole import read_bytes

_MAX_BYTES = 1 << 30
_REMARK = re.compile(r"(#|//).*")
_BLANK_LINES = re.compile(r"\n\s*\n")
_SEPARATORS = str.maketrans(",;\r", "   ")
_NORMALS, _COLOURS = ("nx", "ny", "nz"), ("red", "green", "blue")


def read_xyz(path: Path) -> NDArray[np.void]:
    """(N,) structured points; BadScene for lines that are not equally long, or of numbers that nobody can name.

    Lines never become objects of their own: a survey has tens of millions.
    """
    try:
        text = read_bytes(path, _MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error
    names, count, body = _head(path, _BLANK_LINES.sub("\n", _REMARK.sub("", text.translate(_SEPARATORS))).strip())
    lines, width = body.count("\n") + 1, len(body.partition("\n")[0].split())
    if not width:
        raise BadScene(f"{path}: no points in it")
    if count is not None and count != lines:
        raise BadScene(f"{path}: {lines:,} lines of points; its first line says {count:,}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            words = np.fromstring(body, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise BadScene(f"{path}: not everything is a number") from error
    if len(words) != width * lines:
        raise BadScene(f"{path}: lines with other than {width} numbers, which the first one has")
    table = words.reshape(lines, width)
    columns = names if len(names) == width else _named(path, table)
    points = np.empty(lines, [(name, "f8") for name in columns])
    for column, name in enumerate(columns):
        points[name] = table[:, column]
    return points


def _head(path: Path, text: str) -> tuple[list[str], int | None, str]:
    """The names of columns and the number of points, where the first line has such, and the lines of numbers."""
    first, _, rest = text.partition("\n")
    names = first[:1000].casefold().split()
    if {"x", "y", "z"} <= set(names) and len(set(names)) == len(names):
        return names, None, rest
    if len(names) == 1 and names[0].isascii() and names[0].isdigit() and len(names[0]) < 16 and rest:
        return [], int(names[0]), rest
    return [], None, text


def _named(path: Path, table: NDArray[np.float64]) -> tuple[str, ...]:
    """What the columns are, by how many there are and by their values."""
    start = ("x", "y", "z", "intensity") if table.shape[1] in (4, 7) else ("x", "y", "z")
    rest = [table[:, column : column + 3] for column in range(len(start), table.shape[1], 3)]
    kinds = [_NORMALS if _are_normals(part) else _COLOURS for part in rest if part.shape[1] == 3]
    if len(kinds) != len(rest) or len(set(kinds)) != len(kinds):
        raise BadScene(
            f"{path}: {table.shape[1]} numbers per line; x y z, with an intensity, colours or normals after them, "
            "were expected, or a first line that names the columns"
        )
    return (*start, *(name for kind in kinds for name in kind))


def _are_normals(part: NDArray[np.float64]) -> bool:
    """Whether the rows have length 1; (0, 0, 1), which a colour could be too, is such."""
    if part.shape[1] != 3:
        return False
    length = np.linalg.norm(part[np.isfinite(part).all(axis=1)], axis=1)
    return bool(len(length) and np.median(np.abs(length - 1)) < 1e-2)
