"""Rows of numbers in text files, as people and tools write matrices and trajectories."""

from pathlib import Path

from ...store.errors import BadScene

MAX_BYTES = 1 << 28
_BRACKETS = str.maketrans("[](),;", "      ")


def read_rows(path: Path) -> list[list[float]]:
    """The numbers of each line that has any; commas and brackets are blanks, "#" and "//" begin a remark."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadScene(f"{path}: {path.stat().st_size:,} bytes are too many for a text of poses or intrinsics")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadScene(f"{path}: not a text file") from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].partition("//")[0].translate(_BRACKETS).split()
        try:
            row = [float(word) for word in words]
        except ValueError as error:
            raise BadScene(f"{path}, line {number}: {line.strip()[:60]!r} are not numbers only") from error
        if row:
            rows.append(row)
    if not rows:
        raise BadScene(f"{path}: no numbers in it")
    return rows
