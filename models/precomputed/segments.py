"""Pictures of segments: ids in PNG files, in COCO's panoptic colours, or as the runs of detectron2's JSON."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.regular import require_file
from ..pictures import MAX_PIXELS, opened

_MOST_JSON = 1 << 30
_MOST_BITS = 40  # of a run length


def read_ids(path: Path) -> NDArray[np.int64]:
    """(H, W) ids of a PNG with 8 or 16 bits a pixel; R + 256 G + 65536 B of a coloured one, as COCO's panoptic are."""
    with opened(path) as picture:
        if picture.mode not in ("L", "P", "1", "I", "RGB") and not picture.mode.startswith("I;16"):
            raise BadInput(f"{path}: pixels of mode {picture.mode!r}; ids of 8 or 16 bits, or RGB, were expected.")
        stored = np.asarray(picture).astype(np.int64)
    return stored @ np.array([1, 256, 65536]) if stored.ndim == 3 else stored


def require_triplet(path: Path, ids: NDArray[np.int64], rows: int, entries: Any) -> None:
    """BadInput unless ids and rows of a picture agree, and the entries of its JSON (None where there is none) too.

    Row 0 is nothing's, row i segment i's, entry i - 1 describes it (UOV's extractors of FC-CLIP, SAN, CAT-Seg).
    """
    if int(ids.max()) >= rows:
        raise BadInput(f"{path}: segment {int(ids.max())} has no row; its embeddings have rows 0 to {rows - 1}.")
    if rows > 256 and _is_8_bit(path):
        raise BadInput(f"{path}: {rows - 1} segments in an image of 8 bits, which holds 255: ids wrapped around to 0.")
    if entries is None:
        return
    if isinstance(entries, Mapping):
        entries = entries.get("segments_info")
    if not isinstance(entries, list) or len(entries) != rows - 1:
        count = f"{len(entries)} entries" if isinstance(entries, list) else "no list"
        raise BadInput(f"{path}: the JSON beside it has {count} for {rows - 1} segments with a row.")


def _is_8_bit(path: Path) -> bool:
    with opened(path) as picture:
        return picture.mode in ("L", "P")


def read_json(path: Path) -> Any:
    """Any JSON, of a size that a person's memory takes."""
    try:
        if (size := require_file(path)) > _MOST_JSON:
            raise BadInput(f"{path}: {size:,} bytes of JSON; at most {_MOST_JSON:,} are read.")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON: {error}") from error


def panoptic(path: Path) -> tuple[dict[str, dict[int, int]], dict[int, str]]:
    """COCO's panoptic JSON: picture -> segment id -> category, and the names of categories where it has them."""
    content = read_json(path)
    try:
        found = {
            Path(str(entry["file_name"])).name: {
                int(one["id"]): int(one["category_id"]) for one in entry["segments_info"]
            }
            for entry in content["annotations"]
        }
        names = {int(one["id"]): str(one["name"]) for one in content.get("categories", ())}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}: not COCO's panoptic JSON (annotations with segments_info): {error!r}") from error
    return found, names


def semantic(path: Path) -> dict[str, list[tuple[int, tuple[int, int], str]]]:
    """detectron2's sem_seg_predictions.json: picture -> (category, (height, width), runs) of each class in it."""
    found: dict[str, list[tuple[int, tuple[int, int], str]]] = defaultdict(list)
    try:
        for entry in read_json(path):
            height, width = map(int, entry["segmentation"]["size"])
            runs = str(entry["segmentation"]["counts"])
            found[str(entry["file_name"])].append((int(entry["category_id"]), (height, width), runs))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{path}: not detectron2's sem_seg_predictions.json: {error!r}") from error
    return dict(found)


def classes_of(path: Path, parts: Sequence[tuple[int, tuple[int, int], str]]) -> NDArray[np.int64]:
    """(H, W) category of each pixel plus 1; 0 where no class was found."""
    height, width = parts[0][1]
    if not 0 < height * width <= MAX_PIXELS:
        raise BadInput(f"{path}: a mask of {width}x{height} pixels; 1 to {MAX_PIXELS:,} are read.")
    found = np.zeros((height, width), np.int64)
    for category, size, runs in parts:
        if size != (height, width) or category < 0:
            raise BadInput(f"{path}: masks of one image have sizes {(height, width)} and {size}, category {category}.")
        found[_mask(path, size, runs)] = category + 1
    return found


def _mask(path: Path, size: tuple[int, int], runs: str) -> NDArray[np.bool_]:
    """(H, W) from COCO's compressed runs: columns first, lengths of 0s and 1s in turn."""
    lengths = run_lengths(runs)
    if any(length < 0 for length in lengths) or sum(lengths) != size[0] * size[1]:
        raise BadInput(f"{path}: runs of {sum(lengths):,} pixels for a mask of {size[1]}x{size[0]}.")
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(size[1], size[0]).T


def run_lengths(runs: str) -> list[int]:
    """COCO's text of run lengths: six bits a character from '0', five of number, one that says that more follow.

    From the third on a number is the difference to the one two before; its highest bit is its sign.
    """
    lengths: list[int] = []
    value, shift = 0, 0
    for character in runs:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32 and shift < _MOST_BITS:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value, shift = 0, 0
    return lengths
