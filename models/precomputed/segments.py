"""Pictures of segments: ids in PNG files, in COCO's panoptic colours, or as the runs of detectron2's JSON."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.budget import Budget
from ...core.errors import BadInput
from ...core.regular import require_file
from ..pictures import check_size, opened
from .runs import mask_of_runs

_MOST_JSON = 1 << 30


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
        content = path.read_bytes()
        Budget(path).take_json(content)
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON: {error}") from error


def panoptic(path: Path, content: Any = None) -> tuple[dict[str, dict[int, int]], dict[int, str]]:
    """COCO's panoptic JSON: picture -> segment id -> category, and the names of categories where it has them.

    `content` is what it holds, where it has been read.
    """
    content = read_json(path) if content is None else content
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
    check_size(path, width, height)
    found = np.zeros((height, width), np.int64)
    for category, size, runs in parts:
        if size != (height, width) or category < 0:
            raise BadInput(f"{path}: masks of one image have sizes {(height, width)} and {size}, category {category}.")
        found[mask_of_runs(path, height, width, runs)] = category + 1
    return found
