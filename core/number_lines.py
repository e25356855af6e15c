"""Whole numbers in a text file, one per line, as ScanNet's benchmark takes labels and masks of points."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .regular import require_file

_LONGEST_LINE = 24  # bytes a point; more is no such file


def read_whole_numbers(path: Path, point_count: int, what: str) -> NDArray[np.int64]:
    """(N,) one a line; BadInput tells of `what` the lines should hold."""
    try:
        size = require_file(path)
        if size > _LONGEST_LINE * max(point_count, 64):
            raise BadInput(f"{path}: {size:,} bytes are too many for {point_count:,} lines of one {what} each.")
        lines = path.read_text(encoding="utf-8-sig").split()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not text; one {what} per line was expected.") from error
    if len(lines) != point_count:
        raise BadInput(
            f"{path} has {len(lines):,} {what}s; the scene has {point_count:,} points, and one line for each is "
            "expected, in the dataset's own order."
        )
    try:
        return np.array(lines, np.int64)
    except (ValueError, OverflowError) as error:
        row, line = next((row, line) for row, line in enumerate(lines, 1) if not _whole(line))
        raise BadInput(f"{path}, line {row}: {line[:40]!r} is not a {what} (a whole number).") from error


def _whole(line: str) -> bool:
    try:
        return abs(int(line)) < 1 << 63
    except ValueError:
        return False
