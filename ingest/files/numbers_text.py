"""Rows of numbers in text files, as people and tools write matrices and trajectories."""

from pathlib import Path

from ...core.errors import BadScene
from .whole import read_text

MAX_BYTES = 1 << 28
BRACKETS = str.maketrans("[](),;", "      ")


def read_rows(path: Path) -> list[list[float]]:
    """The numbers of each line that has any; commas and brackets are blanks, "#" and "//" begin a remark."""
    rows = []
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), start=1):
        words = line.partition("#")[0].partition("//")[0].translate(BRACKETS).split()
        try:
            row = [float(word) for word in words]
        except ValueError as error:
            raise BadScene(f"{path}, line {number}: {line.strip()[:60]!r} is not only numbers") from error
        if row:
            rows.append(row)
    if not rows:
        raise BadScene(f"{path}: no numbers in it")
    return rows
