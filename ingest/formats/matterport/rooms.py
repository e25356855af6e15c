"""What kind of room a region is: the line R of house_segmentations/HOUSE.house (data_organization.md)."""

from pathlib import Path

from ....core.errors import BadScene
from ....core.regular import require_file

_BYTES = 1 << 20  # regions come first in the file, a line of 150 bytes each

ROOMS = {
    "a": "bathroom", "b": "bedroom", "c": "closet", "d": "dining room", "e": "entryway", "f": "family room",
    "g": "garage", "h": "hallway", "i": "library", "j": "laundry room", "k": "kitchen", "l": "living room",
    "m": "meeting room", "n": "lounge", "o": "office", "p": "porch", "r": "game room", "s": "stairs", "t": "toilet",
    "u": "utility room", "v": "tv room", "w": "gym", "x": "outdoor", "y": "balcony", "z": "other room", "B": "bar",
    "C": "classroom", "D": "dining booth", "S": "spa", "Z": "junk",
}  # fmt: skip


def read_room(path: Path, region: int) -> str | None:
    """The kind of room, or None where the file says none."""
    require_file(path)
    try:
        with open(path, "rb") as file:
            lines = file.read(_BYTES).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise BadScene(f"{path}: {error.strerror or error}") from error
    for line in lines:
        match line.split():
            case ["R", index, _, _, _, label, *_] if index == str(region):
                return ROOMS.get(label)
    return None
