"""2D masks that segmenters left on disk: every form gives the same masks, every fault one sentence with the file."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.frame_masks import FrameMasks
from ovstore.models.precomputed.masks.folder import load_frame_masks
from ovstore.models.precomputed.masks.layers import MAX_MASKS
from ovstore.models.precomputed.polygons import mask_of_polygons
from ovstore.models.precomputed.runs import mask_of_runs
from PIL import Image

HEIGHT, WIDTH = 12, 17
CUP = np.zeros((HEIGHT, WIDTH), bool)
CUP[2:9, 3:14] = True
CUP[4:6, 5:7] = CUP[0, 0] = CUP[11, 16] = False
TABLE = np.zeros((HEIGHT, WIDTH), bool)
TABLE[9:12] = True
IDS = np.where(CUP, 2, np.where(TABLE, 9, 0)).astype(np.uint16)


def _runs(mask: NDArray[np.bool_]) -> list[int]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges.tolist(), flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths


def _rle(mask: NDArray[np.bool_], **more: Any) -> dict[str, Any]:
    return {"size": [HEIGHT, WIDTH], "counts": _runs(mask)} | more


def _sam(*masks: NDArray[np.bool_]) -> list[dict[str, Any]]:
    return [{"segmentation": _rle(mask), "area": int(mask.sum()), "predicted_iou": 0.9} for mask in masks]


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def _panoptic(folder: Path) -> None:
    Image.fromarray(np.stack([IDS, IDS // 256, np.zeros_like(IDS)], axis=2).astype(np.uint8)).save(folder / "7.png")
    segments = [{"id": 2, "category_id": 1}, {"id": 9, "category_id": 5}]
    _write_json(folder / "panoptic.json", {"annotations": [{"file_name": "7.png", "segments_info": segments}]})


def _coco(folder: Path) -> None:
    images = [{"id": 4, "file_name": "color/7.jpg", "height": HEIGHT, "width": WIDTH}]
    crowd = {"image_id": 4, "iscrowd": 1, "segmentation": _rle(CUP | TABLE)}
    table = {"image_id": 4, "category_id": 3, "segmentation": [[0, 9, WIDTH, 9, WIDTH, HEIGHT, 0, HEIGHT]]}
    cup = {"image_id": 4, "category_id": 8, "segmentation": _rle(CUP)}
    _write_json(folder / "instances.json", {"images": images, "annotations": [crowd, cup, table]})


FORMS: dict[str, Callable[[Path], None]] = {
    "png of 8 bits": lambda folder: Image.fromarray(IDS.astype(np.uint8)).save(folder / "7.png"),
    "png of 16 bits": lambda folder: Image.fromarray(IDS * 300).save(folder / "7.png"),
    "npy of ids, -1 for none": lambda folder: np.save(folder / "7.npy", IDS.astype(np.int32) - (IDS == 0)),
    "npy of a stack": lambda folder: np.save(folder / "7.npy", np.stack([CUP, TABLE])),
    "npz of ids": lambda folder: np.savez_compressed(folder / "7.npz", IDS),
    "npz of a stack": lambda folder: np.savez_compressed(
        folder / "7.npz", masks=np.stack([CUP, TABLE]), scores=np.ones(2), boxes=np.ones((2, 4))
    ),
    "npz of a stack of 255": lambda folder: np.savez(folder / "7.npz", np.stack([CUP, TABLE]).astype(np.uint8) * 255),
    "SAM's records": lambda folder: _write_json(folder / "7.json", _sam(CUP, TABLE)),
    "SA-1B": lambda folder: _write_json(
        folder / "7.json",
        {"image": {"width": WIDTH, "height": HEIGHT, "file_name": "7.jpg"}, "annotations": _sam(CUP, TABLE)},
    ),
    "COCO's panoptic": _panoptic,
    "COCO's instances": _coco,
    "COCO's results": lambda folder: _write_json(
        folder / "results.json", [{"image_id": 7, "score": 0.9} | one for one in _sam(CUP, TABLE)]
    ),
}


def _read(files: Path, frame: str = "000007") -> FrameMasks:
    return load_frame_masks(str(files), "room").of_frames({frame: "7"})[frame]()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_masks(tmp_path: Path, form: str) -> None:
    (tmp_path / "room").mkdir()
    FORMS[form](tmp_path / "room")
    masks = _read(tmp_path)
    assert masks.count == 2 and masks.layers.shape == (1, HEIGHT, WIDTH)
    np.testing.assert_array_equal(masks.layers[0], np.where(CUP, 1, np.where(TABLE, 2, 0)))
    assert str(tmp_path / "room") in masks.source


def test_masks_that_overlap_come_in_as_few_layers_as_they_need(tmp_path: Path) -> None:
    handle = np.zeros_like(CUP)
    handle[6:8, 12:14] = True
    _write_json(tmp_path / "7.json", _sam(CUP, np.zeros_like(CUP), TABLE, handle, CUP | TABLE))
    masks = _read(tmp_path)
    assert masks.count == 4 and len(masks.layers) == 3  # the empty one is none
    for number, mask in enumerate((CUP, TABLE, handle, CUP | TABLE), start=1):
        np.testing.assert_array_equal((masks.layers == number).any(axis=0), mask)


def test_cocos_compressed_text_is_what_pycocotools_wrote() -> None:
    expected = CUP.copy()
    expected[0, 0] = expected[11, 16] = True
    found = mask_of_runs(Path("x"), HEIGHT, WIDTH, "01U16PO00KM13OM134000000000000Q1J")
    np.testing.assert_array_equal(found, expected)


def test_a_polygon_holds_the_pixels_whose_centres_it_holds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        corners = rng.uniform(-5, 35, (int(rng.integers(3, 9)), 2))
        found = mask_of_polygons(Path("x"), 25, 30, [corners.ravel().tolist()])
        for row, column in rng.integers(0, (25, 30), (60, 2)).tolist():
            x, y, inside = column + 0.5, row + 0.5, False
            for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                if (y0 > y) != (y1 > y) and x > x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                    inside = not inside
            assert found[row, column] == inside


def test_several_polygons_are_one_mask_and_those_outside_of_the_image_are_empty() -> None:
    left, right = [0, 0, 4, 0, 4, 4, 0, 4], [6, 0, 9, 0, 9, 2, 6, 2]
    assert mask_of_polygons(Path("x"), 8, 10, [left, right]).sum() == 16 + 6
    assert mask_of_polygons(Path("x"), 8, 10, [left, left]).sum() == 16
    assert not mask_of_polygons(Path("x"), 8, 10, [20, 20, 30, 20, 30, 30]).any()


def test_a_frame_without_masks_has_none(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "7.png")
    _write_json(tmp_path / "8.json", [])
    _write_json(tmp_path / "9.json", {"image": {"width": 6, "height": 4}, "annotations": []})
    readers = load_frame_masks(str(tmp_path), "room").of_frames({name: name for name in "789"})
    for read in readers.values():
        masks = read()
        assert masks.count == 0 and not masks.at(np.zeros((3, 2)), 6, 4).any()


def test_the_digest_is_of_what_the_files_hold_and_not_of_where_they_lie(tmp_path: Path) -> None:
    for name, ids in (("a", IDS), ("b", IDS), ("c", IDS * 2)):
        (tmp_path / name).mkdir()
        Image.fromarray(ids).save(tmp_path / name / "7.png")
    first, second, other = (load_frame_masks(str(tmp_path / name), "room").digest for name in "abc")
    assert first == second != other


def test_masks_of_other_frames_are_told_with_both_names(tmp_path: Path) -> None:
    Image.fromarray(IDS).save(tmp_path / "kitchen_7.png")
    with pytest.raises(BadInput, match=r"'left_3', has a mask file; the folder has 1 mask files, such as 'kitchen_7'"):
        load_frame_masks(str(tmp_path), "room").of_frames({"left_3": "left_3"})


def test_two_files_of_one_frame_are_told(tmp_path: Path) -> None:
    FORMS["png of 8 bits"](tmp_path)
    FORMS["SAM's records"](tmp_path)
    with pytest.raises(BadInput, match=r"7\.json and 7\.png have the same name; keep one"):
        load_frame_masks(str(tmp_path), "room")


def _bad(content: Any) -> Callable[[Path], None]:
    return lambda folder: _write_json(folder / "7.json", content)


def _lying_npz(folder: Path) -> None:
    """A header of 80 gigabytes over some bytes."""
    header = b"{'descr': '|b1', 'fortran_order': False, 'shape': (1000, 8000, 10000), }"
    head = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with zipfile.ZipFile(folder / "7.npz", "w") as archive:
        archive.writestr("masks.npy", head + b"\0" * 100)


def _pickle_npz(folder: Path) -> None:
    np.savez(folder / "7.npz", masks=np.array([{"segmentation": 1}], object))


def _many_ids(folder: Path) -> None:
    Image.fromarray(np.arange(65536, dtype=np.uint16).reshape(256, 256)).save(folder / "7.png")


def _png_bomb(folder: Path) -> None:
    Image.fromarray(np.zeros((16000, 16000), np.uint8)).save(folder / "7.png")


CORNERS = [float(k % 97) for k in range(2_000_000)]
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "runs that are too long": (_bad([{"segmentation": _rle(CUP) | {"counts": [5, 1_000_000_000]}}]),
                               r"runs of 1,000,000,005 pixels for a mask of 17x12, which has 204"),
    "runs that are too short": (_bad([{"segmentation": _rle(CUP) | {"counts": [5, 9]}}]), "runs of 14 pixels"),
    "runs below zero": (_bad([{"segmentation": _rle(CUP) | {"counts": [-4, 208]}}]), "runs of 204 pixels"),
    "runs beyond 64 bits": (_bad([{"segmentation": _rle(CUP) | {"counts": [1 << 70]}}]), "run lengths"),
    "a text that is truncated": (_bad([{"segmentation": _rle(CUP) | {"counts": "01U"}}]), "truncated"),
    "a text of other characters": (_bad([{"segmentation": _rle(CUP) | {"counts": "01 é"}}]), "other characters"),
    "runs that are no numbers": (_bad([{"segmentation": _rle(CUP) | {"counts": ["a"]}}]), "whole numbers was expected"),
    "a size of a billion": (_bad([{"segmentation": {"size": [1 << 40, 1 << 40], "counts": "0"}}]), "at most"),
    "a size that is none": (_bad([{"segmentation": {"size": [12], "counts": "0"}}]), r"\[height, width\]"),
    "two sizes": (_bad([{"segmentation": _rle(CUP)}, {"segmentation": {"size": [3, 3], "counts": [9]}}]),
                  "masks of one image have 17x12 and 3x3 pixels"),
    "polygons without a size": (_bad([{"segmentation": [[0, 0, 5, 0, 5, 5]]}]), "size of their image"),
    "a million corners": (_bad({"height": 90, "width": 90, "annotations": [{"segmentation": [CORNERS]}]}),
                          "1,000,000 corners; at most 65,536"),
    "a corner of text": (_bad({"height": 9, "width": 9, "annotations": [{"segmentation": [[0, 0, "x", 1, 2, 3]]}]}),
                         "not numbers"),
    "two corners": (_bad({"height": 9, "width": 9, "annotations": [{"segmentation": [[0, 0, 1, 1]]}]}), "3 or more"),
    "another JSON": (_bad({"objects": []}), "SAM's automatic mask generator"),
    "an entry without a mask": (_bad([{"bbox": [0, 0, 1, 1]}]), "without 'segmentation'"),
    "too many masks": (_bad([{"segmentation": _rle(CUP)}] * (MAX_MASKS + 1)), "5,001 masks of one frame"),
    "text": (lambda folder: (folder / "7.json").write_text("masks"), "not JSON"),
    "65,535 ids": (_many_ids, "more than 5,000 masks in one frame"),
    "an image of 256 million pixels": (_png_bomb, "at most 80,000,000"),
    "an image that is none": (lambda folder: (folder / "7.png").write_bytes(b"\x89PNG"), "image"),
    "an image with transparency": (lambda folder: Image.new("RGBA", (4, 4)).save(folder / "7.png"), "mode 'RGBA'"),
    "scores": (lambda folder: np.save(folder / "7.npy", np.ones((2, 4, 4), np.float32)), "booleans"),
    "ids with a fraction": (lambda folder: np.save(folder / "7.npy", np.ones((4, 4), np.float32)), "whole numbers"),
    "a stack of ids": (lambda folder: np.save(folder / "7.npy", np.arange(32).reshape(2, 4, 4)), "one mask"),
    "an archive of two stacks": (lambda folder: np.savez(folder / "7.npz", a=IDS, b=IDS), "holds a, b"),
    "an archive that lies": (_lying_npz, "claims 80,000,000,0"),
    "an archive of pickles": (_pickle_npz, "no arrays of 2 or 3 axes"),
    "Fortran order": (lambda folder: np.savez(folder / "7.npz", np.asfortranarray(np.stack([CUP, TABLE]))), "Fortran"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    write, message = BAD[case]
    write(tmp_path)
    with pytest.raises(BadInput, match=message) as refused:
        _read(tmp_path)
    assert str(tmp_path / "7.") in str(refused.value) and "\n" not in str(refused.value)


COCO = {"id": 1, "file_name": "7.jpg", "height": HEIGHT, "width": WIDTH}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": [COCO, COCO | {"id": 2}], "annotations": []}, "two images are called '7.jpg'"),
        ({"images": [COCO], "annotations": [{"image_id": 5, "segmentation": _rle(CUP)}]}, "masks of image_id 5"),
        ({"images": [{"id": 1}], "annotations": []}, "images with id and file_name"),
        ({"images": [COCO], "annotations": [3]}, "images with id and file_name"),
        ({"annotations": [{"file_name": "7.png", "segments_info": []}]}, "none of the images that it describes"),
        ({"annotations": [{"segments_info": []}]}, "COCO's panoptic JSON"),
    ],
)
def test_a_bad_json_of_all_frames_is_one_sentence_that_names_it(tmp_path: Path, content: Any, message: str) -> None:
    _write_json(tmp_path / "all.json", content)
    with pytest.raises(BadInput, match=message) as refused:
        _read(tmp_path)
    assert str(tmp_path / "all.json") in str(refused.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder of masks"):
        load_frame_masks(str(tmp_path / "none"), "room")
