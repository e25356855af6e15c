"""What a folder of ovstore-bench-2 says of itself: houses, what they hold, pictures, and what stands where."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import BadInput
from ...core.regular import is_file
from ..retrieval.picture_list import Picture, read_pictures
from .rooms import Relations

MAX_BYTES = 1 << 27


@dataclass(frozen=True)
class House:
    """Rooms that are searched together."""

    scenes: tuple[str, ...]
    held: Mapping[str, str]  # the scene that holds each kind of the pool that is there, its needle
    absent: tuple[str, ...]  # the kinds of the pool that are not


@dataclass(frozen=True)
class Bench:
    """The benchmark in a folder."""

    folder: Path
    version: str
    untaught: frozenset[str]  # kinds that no encoder was trained on
    houses: tuple[House, ...]
    pictures: Mapping[str, Picture]  # of each scene's needle
    objects: Mapping[str, Sequence[dict[str, Any]]]  # of each scene, a row per instance: truth.json
    relations: Mapping[str, Relations]  # likewise

    def picture_from_elsewhere(self, house: int, label: str) -> Picture | None:
        """Of the kind, taken in the next house that holds it; None where no other does."""
        for step in range(1, len(self.houses)):
            held = self.houses[(house + step) % len(self.houses)].held
            if label in held:
                return self.pictures[held[label]]
        return None


def read_bench(folder: Path) -> Bench:
    """What `ovstore generate bench2` wrote; BadInput for anything else."""
    said, truth = _document(folder / "bench.json"), _document(folder / "truth.json")
    try:
        houses = tuple(
            House(tuple(house["scenes"]), dict(house["held"]), tuple(house["absent"])) for house in said["houses"]
        )
        objects = {scene["scene"]: list(scene["objects"]) for scene in truth["scenes"]}
        relations = {scene["scene"]: dict(scene["relations"]) for scene in truth["scenes"]}
        version, untaught = str(said["version"]), frozenset(said["untaught"])
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{folder} is not a benchmark with houses of rooms; see ovstore generate bench2 --help."
        ) from error
    pictures = {picture.scene: picture for picture in read_pictures(folder / "queries")}
    for house in houses:
        for scene in (*house.scenes, *house.held.values()):
            if scene not in objects:
                raise BadInput(f"{folder / 'truth.json'} does not say what stands in {scene}.")
        if missing := [scene for scene in house.held.values() if scene not in pictures]:
            raise BadInput(f"{folder / 'queries'} has no image for {missing[0]}.")
    return Bench(folder, version, untaught, houses, pictures, objects, relations)


def _document(path: Path) -> Any:
    if not is_file(path):
        raise BadInput(f"{path} is missing. `ovstore generate bench2` writes it.")
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} were expected.")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}.") from error
