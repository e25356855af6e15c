"""Masks in JSON: of one frame, as SAM's automatic generator and SA-1B write them, or of all frames, as COCO does.

    [{"segmentation": ...}, ...]                                            SamAutomaticMaskGenerator
    {"image": {"width", "height"}, "annotations": [{"segmentation": ...}]}  SA-1B
    {"images": [...], "annotations": [{"image_id", "segmentation": ...}]}   COCO's instances
    [{"image_id" or "file_name", "segmentation": ...}, ...]                 COCO's results
    {"annotations": [{"file_name", "segments_info": [...]}]}                COCO's panoptic, beside coloured PNGs

A segmentation is run lengths, {"size": [height, width], "counts": text or numbers}, or polygons [[x, y, x, y ...]].
Categories and scores are passed over, and so are COCO's crowds, which are many things in one mask.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import BadInput
from ....core.frame_masks import FrameMasks
from ..polygons import mask_of_polygons
from ..runs import mask_of_runs
from .layers import MAX_MASKS, packed

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class FrameRecords:
    """What a JSON says of one frame."""

    size: Size | None  # None: run lengths have it
    segmentations: tuple[Any, ...]


def is_panoptic(content: Any) -> bool:
    """Whether it describes the segments of coloured PNGs."""
    annotations = content.get("annotations") if isinstance(content, dict) else None
    return bool(isinstance(annotations, list) and annotations and _has(annotations[0], "segments_info"))


def frames_of(path: Path, content: Any) -> dict[str, FrameRecords] | None:
    """Frame -> records where the JSON speaks of all frames, None where it is of one."""
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        return _of_images(path, content)
    if (
        isinstance(content, list)
        and content
        and all(_has(one, "image_id") or _has(one, "file_name") for one in content)
    ):
        by_frame = defaultdict(list)
        for entry in content:
            by_frame[_name(entry.get("file_name", entry.get("image_id")))].append(entry)
        return {name: FrameRecords(None, _segmentations(path, own)) for name, own in by_frame.items()}
    return None


def records_of(path: Path, content: Any) -> FrameRecords:
    """Those of the one frame that a JSON is about."""
    size, entries = None, content
    if isinstance(content, dict):
        entries = content.get("annotations", content.get("masks"))
        image = content.get("image", content)
        size = _size(path, image.get("height"), image.get("width")) if isinstance(image, dict) else None
    if not isinstance(entries, list):
        raise BadInput(
            f"{path}: not masks: a list of {{'segmentation': ...}} as SAM's automatic mask generator writes it, or "
            "COCO's instances or panoptic JSON, was expected."
        )
    if size is None and entries and _has(entries[0], "crop_box"):
        size = _whole_crop(entries[0]["crop_box"])
    return FrameRecords(size, _segmentations(path, entries))


def read(path: Path, records: FrameRecords) -> FrameMasks:
    """The masks, one after the other."""
    size = records.size or next((_own_size(path, one) for one in records.segmentations if isinstance(one, dict)), None)
    if size is None:
        if records.segmentations:
            raise BadInput(f"{path}: polygons without the size of their image; 'height' and 'width' were expected.")
        return FrameMasks(np.zeros((0, 1, 1), np.int32), 0, str(path))
    return packed(path, _masks(path, records, size), *size)


def _masks(path: Path, records: FrameRecords, size: Size) -> Iterator[NDArray[np.bool_]]:
    for one in records.segmentations:
        if not isinstance(one, dict):
            yield mask_of_polygons(path, *size, one)
        elif (own := _own_size(path, one)) != size:
            raise BadInput(f"{path}: masks of one image have {size[1]}x{size[0]} and {own[1]}x{own[0]} pixels.")
        else:
            yield mask_of_runs(path, *size, one.get("counts"))


def _of_images(path: Path, content: dict[str, Any]) -> dict[str, FrameRecords]:
    """Of all images, those without a mask among them."""
    found: dict[str, FrameRecords] = {}
    by_image: dict[Any, list[Any]] = defaultdict(list)
    try:
        for entry in content.get("annotations", ()):
            by_image[entry["image_id"]].append(entry)
        for image in content["images"]:
            name = _name(image["file_name"])
            if name in found:
                raise BadInput(f"{path}: two images are called {image['file_name']!r}; keep one.")
            size = _size(path, image.get("height"), image.get("width"))
            found[name] = FrameRecords(size, _segmentations(path, by_image.pop(image["id"], [])))
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: not COCO's instances JSON (images with id and file_name): {error!r}.") from error
    if by_image:
        raise BadInput(f"{path}: masks of image_id {str(next(iter(by_image)))[:40]}, which is not among its images.")
    return found


def _segmentations(path: Path, entries: Sequence[Any]) -> tuple[Any, ...]:
    if len(entries) > MAX_MASKS:
        raise BadInput(f"{path}: {len(entries):,} masks of one frame; at most {MAX_MASKS:,} are read.")
    if not all(_has(one, "segmentation") for one in entries):
        raise BadInput(f"{path}: an entry without 'segmentation'; run lengths or polygons were expected in each.")
    return tuple(one["segmentation"] for one in entries if not one.get("iscrowd"))


def _own_size(path: Path, runs: dict[str, Any]) -> Size:
    size = runs.get("size")
    found = _size(path, *size) if isinstance(size, list) and len(size) == 2 else None
    if found is None:
        raise BadInput(f"{path}: run lengths of size {str(size)[:40]}; [height, width] was expected.")
    return found


def _size(path: Path, height: Any, width: Any) -> Size | None:
    if height is None and width is None:
        return None
    if type(height) is not int or type(width) is not int:
        raise BadInput(f"{path}: an image of {str(width)[:20]}x{str(height)[:20]} pixels.")
    return height, width


def _whole_crop(box: Any) -> Size | None:
    """Height and width of the image where SAM looked at all of it."""
    whole = isinstance(box, list) and len(box) == 4 and all(type(one) is int for one in box) and box[:2] == [0, 0]
    return (box[3], box[2]) if whole else None


def _name(file_name: Any) -> str:
    """As files in folders are called: "left/000020"."""
    return PurePosixPath(str(file_name)).with_suffix("").as_posix() if str(file_name).strip("./") else "?"


def _has(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and key in entry
