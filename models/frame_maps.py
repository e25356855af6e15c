"""Files of frames that wait on disk, and which of them is a frame's: its name says, or the number in it."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ..core.errors import BadInput
from ..core.features import FeatureMap
from ..core.frame_masks import FrameMasks
from ..core.wording import short_list

Reader = Callable[[], FeatureMap]
Held = TypeVar("Held")


@dataclass(frozen=True)
class FrameFiles(Generic[Held]):
    """What one scene's frames have on disk, each read when it is asked for."""

    source: str  # where they lie, for people
    digest: str  # of what decides their numbers, wherever they lie
    readers: Mapping[str, Callable[[], Held]]  # by name: the file's without its suffix, after its folders' ("left/20")
    files: tuple[Path, ...] = ()  # and folders that they are read from
    noun: str = "map"  # what people call one

    def of_frames(self, frames: Mapping[str, str]) -> dict[str, Callable[[], Held]]:
        """The readers of those frames that have one; `frames` are names and what their pictures' files are called.

        Files are called like frames, or else like pictures. BadInput where that leaves a choice or nothing fits at all.
        """
        names = list(self.readers)
        found = match(list(frames), names, self.source, self.noun)
        if not found:
            times = Counter(frames.values())
            frame_of = {picture: frame for frame, picture in frames.items() if times[picture] == 1}
            by_picture = match(list(frame_of), names, self.source, self.noun)
            found = {frame_of[picture]: name for picture, name in by_picture.items()}
        if frames and not found:
            one, many = self.noun, f"{self.noun}s"
            held = f"{len(self.readers)} {many}, such as {next(iter(self.readers))!r}" if self.readers else f"no {many}"
            raise BadInput(
                f"{self.source}: none of the scene's {len(frames)} frames, such as {next(iter(frames))!r}, has a "
                f"{one}; the folder has {held}. Name the files like frames or their images, or by their numbers."
            )
        return {frame: self.readers[name] for frame, name in found.items()}


class FrameMaps(FrameFiles[FeatureMap]):
    """The maps of one scene."""


MaskFiles = FrameFiles[FrameMasks]  # the 2D masks of one scene


def match(frames: Sequence[str], names: Sequence[str], source: str, noun: str = "map") -> dict[str, str]:
    """Frame -> name of its file: the same name, the same but for leading zeros, or a bare number for the only number.

    "000020", "20" and "frame-000020" are one frame; "left_20" and "right_20" are not. Folders before a name and
    suffixes behind it count only where it is not unique without them.
    """
    found: dict[str, str] = {}
    tables = [(_table(names, of_name), of_frame) for of_name, of_frame in _KEYS]
    for frame in frames:
        for table, of_frame in tables:
            candidates = table.get(of_frame(frame), [])
            if len(candidates) > 1:
                raise BadInput(
                    f"{source}: each of {_listed(candidates)} may be the {noun} of frame {frame!r}; keep one."
                )
            if candidates:
                found[frame] = candidates[0]
                break
    owner: dict[str, str] = {}
    for frame, name in found.items():
        if (other := owner.setdefault(name, frame)) != frame:
            raise BadInput(f"{source}: {name!r} may be the {noun} of frame {other!r} and of {frame!r}; rename it.")
    return found


def _table(names: Sequence[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for name in names:
        table[key(name)].append(name)
    table.pop("", None)
    return table


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _stem(name: str) -> str:
    """Without suffixes, which begin with a letter: the fraction of a timestamp is none."""
    return re.sub(r"(\.[a-z]\w*)+$", "", _last(name), flags=re.IGNORECASE)


def _without_zeros(name: str) -> str:
    return re.sub(r"[0-9]+", lambda number: number[0].lstrip("0") or "0", _stem(name))


def _bare_number(name: str) -> str:
    plain = _without_zeros(name)
    return plain if re.fullmatch(r"[0-9]+", plain) else ""


def _number_within(name: str) -> str:
    numbers = re.findall(r"[0-9]+", plain := _without_zeros(name))
    return numbers[0] if len(numbers) == 1 and plain != numbers[0] else ""


_KEYS: tuple[tuple[Callable[[str], str], Callable[[str], str]], ...] = (  # (of a map's name, of a frame's), in turn
    (str, str),
    (_last, _last),
    (_stem, _stem),
    (_without_zeros, _without_zeros),
    (_number_within, _bare_number),
    (_bare_number, _number_within),
)


def _listed(names: Sequence[str]) -> str:
    return short_list([repr(name) for name in names], 2)
