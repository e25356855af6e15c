"""queries.json: pictures to ask with, and what they show.

    [{"picture": "crops/0.jpg", "box_xyxy": [120, 80, 260, 240], "label": "snoopy", "scene": "scene0003_00"}, ...]

`picture` is a path below the folder of the file; `box_xyxy` is in pixels of that picture, or null for all of it;
`label` is what the dataset calls the thing, `scene` where it stands.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.budget import Budget
from ...core.errors import BadInput
from ...core.regular import require_file

NAME = "queries.json"
MAX_BYTES = 1 << 26
BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """A picture, or a box of it."""

    path: Path
    box_xyxy: BoxXyxy | None
    label: str
    scene: str

    def __str__(self) -> str:
        box = "" if self.box_xyxy is None else f" [{','.join(f'{value:g}' for value in self.box_xyxy)}]"
        return f"{self.path.name}{box} ({self.label}, {self.scene})"


def read_pictures(folder: Path) -> list[Picture]:
    """What the folder's queries.json lists."""
    path = folder / NAME
    try:
        if (size := require_file(path)) > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; a list of images has at most {MAX_BYTES:,}.")
        content = path.read_bytes()
        Budget(path).take_json(content)
        body = json.loads(content)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}.") from error
    if not isinstance(body, list) or not body:
        raise BadInput(f"{path} is not a list of images.")
    return [_picture(path, number, entry) for number, entry in enumerate(body)]


def _picture(path: Path, number: int, entry: Any) -> Picture:
    where = f"{path}, picture {number}"
    match entry:
        case {"picture": str(name), "label": str(label), "scene": str(scene)} if name and label:
            pass
        case _:
            raise BadInput(f"{where}: {str(entry)[:80]} is not an object with the strings picture, label and scene.")
    if not (path.parent / name).resolve().is_relative_to(path.parent.resolve()):
        raise BadInput(f"{where}: {name!r} leads out of the folder.")
    match entry.get("box_xyxy"):
        case None:
            box = None
        case [int() | float() as x0, int() | float() as y0, int() | float() as x1, int() | float() as y1]:
            box = (float(x0), float(y0), float(x1), float(y1))
        case other:
            raise BadInput(f"{where}: box_xyxy is {str(other)[:60]}; four pixels x0, y0, x1, y1 or null were expected.")
    return Picture(path.parent / name, box, label, scene)
