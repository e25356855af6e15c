"""Crops of objects: which pixels they are, which frames they come from, and what becomes of their vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.features import Correspondence, EmbeddingSpace, RegionView
from ovstore.core.scene import Camera, Frame
from ovstore.ingest.crops import encode
from ovstore.ingest.crops.cut import crop_boxes, cut
from ovstore.ingest.crops.encode import encode_crops
from ovstore.ingest.crops.most_visible import most_visible
from ovstore.ingest.crops.options import CropOptions
from PIL import Image

SPACE = EmbeddingSpace("colours", 3, "")
Pixels = NDArray[np.uint8]


def openmask3d_crops(mask: NDArray[np.bool_], image: Pixels, levels: int, ratio: float) -> list[Pixels]:
    """The published rule, written down plainly: the mask's box, then whole pixels of its size times the level."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, upper, right, lower = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    found = []
    for level in range(levels):
        across, down = int((right - left) * ratio) * level, int((lower - upper) * ratio) * level
        box = (
            max(0, left - across), max(0, upper - down),
            min(mask.shape[1], right + across), min(mask.shape[0], lower + down),
        )  # fmt: skip
        found.append(np.asarray(Image.fromarray(image).crop(box)))
    return found


def test_the_same_mask_gives_openmask3ds_crops_to_the_pixel() -> None:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for _ in range(200):
        mask = np.zeros((90, 120), bool)
        (y0, y1), (x0, x1) = np.sort(random.integers(0, 90, 2)), np.sort(random.integers(0, 120, 2))
        mask[y0, x0] = mask[y1, x1] = True
        boxes = crop_boxes((float(x0), float(y0), float(x1), float(y1)), 120, 90, CropOptions())
        expected = openmask3d_crops(mask, image, 3, 0.1)
        for box, theirs in zip(boxes, expected, strict=True):
            np.testing.assert_array_equal(cut(image, box, CropOptions()), theirs)


def test_a_level_adds_whole_pixels_of_the_tight_box_and_stops_at_the_image() -> None:
    assert crop_boxes((10, 20, 64, 48), 100, 60, CropOptions()) == [
        (10, 20, 65, 49), (5, 18, 70, 51), (0, 16, 75, 53),
    ]  # fmt: skip
    assert crop_boxes((0, 0, 99, 59), 100, 60, CropOptions())[2] == (0, 0, 100, 60)
    assert crop_boxes((7, 7, 7, 7), 100, 60, CropOptions(levels=2)) == [(7, 7, 8, 8)] * 2


def test_white_padding_puts_the_crop_in_the_middle_of_a_square() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    for box in [(3, 4, 20, 9), (3, 4, 8, 30), (3, 4, 9, 9), (0, 0, 40, 40), (5, 5, 12, 17)]:
        padded = cut(image, box, CropOptions(padding="white"))
        crop = Image.fromarray(image).crop(box)
        square = Image.new("RGB", (max(crop.size),) * 2, (255, 255, 255))
        square.paste(crop, ((square.width - crop.width) // 2, (square.height - crop.height) // 2))
        np.testing.assert_array_equal(padded, np.asarray(square))


def frame(number: int, folder: Path = Path("images")) -> Frame:
    return Frame(f"{number}", Camera(60, 40, 50.0, 50.0, 29.5, 19.5), np.eye(4), folder / f"{number}.png")


def test_the_most_visible_frames_are_those_a_plain_loop_counts() -> None:
    random = np.random.default_rng(2)
    objects = random.integers(-1, 5, 300).astype(np.int32)
    frames = [frame(number) for number in range(7)]
    correspondences = []
    for number in range(7):
        index = np.flatnonzero(random.random(300) < 0.4).astype(np.int32)
        uv = (random.random((len(index), 2)) * (62, 42) - 1).astype(np.float32)
        correspondences.append(Correspondence(number, index, uv, np.ones(len(index), np.float32)))
    found = most_visible(objects, correspondences[::-1], frames, 3)
    assert sorted(found) == [0, 1, 2, 3, 4]
    for ordinal, views in found.items():
        counted = []
        for seen in correspondences:
            mine = [row for row, point in enumerate(seen.point_index) if objects[point] == ordinal]
            columns = [min(max(round(float(seen.uv[row, 0])), 0), 59) for row in mine]
            rows = [min(max(round(float(seen.uv[row, 1])), 0), 39) for row in mine]
            box = (min(columns), min(rows), max(columns), max(rows))
            counted.append((-len(mine), seen.frame, box))
        assert [(-view.visible_points, view.frame, view.box_xyxy) for view in views] == sorted(counted)[:3]


def mean_colour(images: Sequence[Pixels]) -> NDArray[np.float32]:
    return np.array([image.reshape(-1, 3).mean(axis=0) for image in images], np.float32)


@pytest.fixture
def pictures(tmp_path) -> list[Frame]:
    random = np.random.default_rng(4)
    for number in range(4):
        Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    return [frame(number, tmp_path) for number in range(4)]


VIEWS = {
    7: (RegionView(3, (1, 2, 20, 30), 9), RegionView(0, (30, 2, 59, 12), 8)),
    2: (RegionView(0, (5, 5, 44, 39), 20),),
    4: (),
}


def test_a_vector_is_the_mean_of_the_unit_vectors_of_its_crops(pictures) -> None:
    found = encode_crops(VIEWS, pictures, mean_colour, SPACE, CropOptions())
    assert found.ordinal.tolist() == [2, 7]  # an object that no frame shows has none
    assert found.crop_count.tolist() == [3, 6]
    for row, ordinal in enumerate(found.ordinal.tolist()):
        units = []
        for view in VIEWS[ordinal]:
            image = np.asarray(Image.open(pictures[view.frame].image_path))
            for box in crop_boxes(view.box_xyxy, 60, 40, CropOptions()):
                [colour] = mean_colour([cut(image, box, CropOptions())])
                units.append(colour / np.linalg.norm(colour))
        mean = np.mean(units, axis=0)
        np.testing.assert_allclose(found.vectors[row], mean / np.linalg.norm(mean), atol=5e-4)


def test_each_frame_is_decoded_once_and_crops_of_all_objects_share_batches(pictures, monkeypatch) -> None:
    decoded, batches = [], []
    decode = encode.decode
    monkeypatch.setattr(encode, "decode", lambda picture: decoded.append(picture.position) or decode(picture))
    monkeypatch.setattr(encode, "_CROPS", 4)

    def encoder(images):
        batches.append(len(images))
        return mean_colour(images)

    encode_crops(VIEWS, pictures, encoder, SPACE, CropOptions())
    assert sorted(decoded) == [0, 3]
    assert batches == [4, 4, 1]


def test_an_image_of_another_size_than_its_camera_is_refused_by_name(pictures) -> None:
    Image.new("RGB", (30, 20)).save(pictures[3].image_path)
    with pytest.raises(BadScene, match=r"3\.png: 30x20 pixels"):
        encode_crops(VIEWS, pictures, mean_colour, SPACE, CropOptions())


@pytest.mark.parametrize("wrong", [{"top": 0}, {"levels": 0}, {"growth": -0.1}, {"growth": float("nan")}])
def test_crops_that_cannot_be_are_one_sentence(wrong) -> None:
    with pytest.raises(BadInput, match="expected"):
        CropOptions(**wrong)
