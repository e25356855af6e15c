"""The rows of a trajectory: numbers, the name of an image before them, and the line that names their columns.

# timestamp tx ty tz qx qy qz qw                                    TUM
#timestamp [ns], p_RS_R_x [m], ..., q_RS_w [], q_RS_x [], ...       EuRoC: the quaternion's w comes first
frame_0001.png 0.1 0.2 0.3 0 0 0 1                                  the image's name first
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import BadScene
from .numbers_text import BRACKETS, MAX_BYTES
from .whole import read_text

_UNIT = re.compile(r"[\[(]([^\])]*)[\])]")
_COLUMNS = {
    "time": r"#?(time_?stamps?|time|stamp|t|sec|secs|seconds)(_?(s|ms|us|ns|sec))?",
    "frame": r"(frame|image|img|pose)?_?(id|idx|index|no|nr|num|number)|frame|i|n",
    "name": r"(image|img|file|frame)?_?(name|path)|image|file",
    **{f"q{axis}": rf"(q|quat|quaternion|r|rot|rotation|orientation)_?(.+_)?{axis}" for axis in "xyz"},
    "qw": r"((q|quat|quaternion|r|rot|rotation|orientation)_?(.+_)?)?w",
    **{f"t{axis}": rf"((t|p|pos|position|trans|translation|c|centre|center)_?(.+_)?)?{axis}" for axis in "xyz"},
}
_NEEDED = ("tx", "ty", "tz", "qx", "qy", "qz", "qw")


@dataclass(frozen=True)
class PoseRows:
    """What is written in a file, line by line."""

    rows: list[list[float]]
    names: tuple[str, ...] | None  # an image's, before the numbers of each row
    columns: dict[str, int] | None  # "tx" ... "qw", "time", "frame" -> place among the numbers; None: no such line


def read_pose_rows(path: Path) -> PoseRows:
    """The rows; BadScene names the line that is none."""
    rows: list[list[float]] = []
    names: list[str] = []
    header = ""
    for number, line in enumerate(read_text(path, MAX_BYTES).splitlines(), start=1):
        text, _, remark = line.partition("#")
        text = text.partition("//")[0]
        if not text.strip():
            header = remark if remark.strip() and not rows else header
            continue
        words = text.translate(BRACKETS).split()
        if not rows and not names and _columns(text) is not None:
            header = text
            continue
        named = not _is_number(words[0]) and len(words) > 4
        try:
            row = [float(word) for word in words[named:]]
        except ValueError as error:
            raise BadScene(f"{path}, line {number}: {line.strip()[:60]!r} is not only numbers") from error
        if row:
            rows.append(row)
            names += words[:1] if named else []
    if not rows:
        raise BadScene(f"{path}: no numbers in it")
    if names and len(names) != len(rows):
        raise BadScene(
            f"{path}: {len(names)} of {len(rows)} rows begin with an image's name; all or none were expected"
        )
    return PoseRows(rows, tuple(names) or None, _places(header, len(rows[0]), bool(names)))


def _places(header: str, width: int, named: bool) -> dict[str, int] | None:
    """Where each column is, if the header names as many as there are."""
    columns = _columns(header)
    if columns is None or len(columns) != width + named:
        return None
    return {column: place - named for place, column in enumerate(columns) if column and place >= named}


def _columns(header: str) -> list[str] | None:
    """What each column holds, "" where that is unknown; None for a line that names no position and quaternion."""
    text = _UNIT.sub(" ", header).lower().lstrip("# ")
    words = [word.strip() for word in text.split(",")] if "," in text else text.split()
    found = [next((name for name, shape in _COLUMNS.items() if re.fullmatch(shape, word)), "") for word in words]
    found = [name if name not in found[:place] else "" for place, name in enumerate(found)]
    return found if set(_NEEDED) <= set(found) else None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
