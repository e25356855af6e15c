"""Pixels named by words: known colours get their names, the network is asked once per picture."""

import time
from pathlib import Path
from typing import Any

import coloured_scenes
import numpy as np
import ovstore
import pytest
from ovstore.core.errors import BadInput, NotFound, UnknownWords
from ovstore.drawing.preview import Labels, nearest_label
from ovstore.models.encoders import color_words
from ovstore.query import towers
from ovstore.query.segment import MOST_LABELS
from ovstore.store.postgres.database import Database
from PIL import Image

LABELS = ("red", "green", "blue")
RGB = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}


@pytest.fixture(scope="module")
def coloured(shared_store: Database) -> Database:
    coloured_scenes.publish(shared_store, "room", 1)
    return shared_store


def stripes(width: int = 96, height: int = 64) -> np.ndarray[Any, Any]:
    """Red, green and blue, a third each, side by side."""
    image = np.zeros((height, width, 3), np.uint8)
    for number, label in enumerate(LABELS):
        image[:, number * width // 3 : (number + 1) * width // 3] = RGB[label]
    return image


def test_each_stripe_gets_the_name_of_its_colour(coloured: Database) -> None:
    found = ovstore.segment(coloured, LABELS, image=stripes())
    assert found.label_map.shape == found.confidence.shape == (64, 96)
    for number in range(3):
        middle = found.label_map[:, number * 32 + 8 : number * 32 + 24]
        assert (middle == number).all()
        assert found.confidence[:, number * 32 + 8 : number * 32 + 24].min() > 0.5
    np.testing.assert_allclose(found.shares, 1 / 3, atol=0.05)
    np.testing.assert_allclose(found.probabilities.sum(axis=2), 1, atol=1e-5)


def test_the_order_of_the_labels_changes_their_numbers_alone(coloured: Database) -> None:
    found = ovstore.segment(coloured, LABELS, image=stripes())
    turned = ovstore.segment(coloured, LABELS[::-1], image=stripes())
    np.testing.assert_array_equal(2 - turned.label_map, found.label_map)
    np.testing.assert_allclose(turned.confidence, found.confidence, atol=1e-6)


def test_the_label_of_a_pixel_is_that_of_extracted_features(coloured: Database) -> None:
    """`ovstore extract --labels` draws the same map."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (8, 12, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    found = ovstore.segment(coloured, LABELS, image=image)
    options = color_words.Options()
    vectors = color_words.load_text_encoder(options)(list(LABELS))
    [feature_map] = color_words.load_image_encoder(options)([image])
    expected = nearest_label(feature_map.values, Labels(LABELS, vectors, ()), (96, 64), feature_map.sampling)
    assert (found.label_map == expected).mean() > 0.999


def test_the_confidence_is_the_softmax_at_each_pixel(coloured: Database) -> None:
    found = ovstore.segment(coloured, LABELS, image=stripes())
    rows, columns = found.scores.shape[:2]
    cell = found.scores[rows // 2, columns // 6] * found.logit_scale
    expected = np.exp(cell[0]) / np.exp(cell).sum()
    assert found.confidence[32, 16] == pytest.approx(expected, abs=1e-4)


def test_other_words_for_a_picture_need_no_network(coloured: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.kron(stripes(), np.ones((7, 7, 1), np.uint8))[:480, :640]
    ovstore.segment(coloured, ["red", "green", "blue", "yellow"], image=image)
    monkeypatch.setattr(towers.image_tower, "_make", None)  # a second call of the network fails
    for encoder in list(towers.image_tower._values):
        monkeypatch.setitem(towers.image_tower._values, encoder, None)
    spent = []
    for words in (["white", "black"], ["red", "yellow", "black", "white"], ["red", "green", "blue", "yellow"]):
        before = time.process_time()
        assert ovstore.segment(coloured, words, image=image).label_map.shape == (448, 640)
        spent.append(time.process_time() - before)
    assert min(spent) < 0.1


def test_a_frame_of_the_store_is_named_by_its_scene(coloured: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no frame named|image of frame"):
        ovstore.segment(coloured, ["red"], frame=("room", "nowhere"))


def test_a_picture_is_tinted_and_saved(coloured: Database, tmp_path: Path) -> None:
    Image.fromarray(stripes()).save(tmp_path / "stripes.png")
    found = ovstore.segment(coloured, LABELS, image=tmp_path / "stripes.png")
    found.save_picture(tmp_path / "out.png", opacity=1.0)
    drawn = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
    for colour in found.colours:
        assert (drawn == np.array(colour)).all(axis=2).sum() > 64
    assert [row["label"] for row in found.to_dict()["labels"]] == list(LABELS)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"labels": []}, BadInput, "No labels were given"),
        ({"labels": ["red", "red"]}, BadInput, "'red' was given twice"),
        ({"labels": [f"red {n}" for n in range(MOST_LABELS + 1)]}, BadInput, "256 labels were given; at most 255"),
        ({"labels": ["red"], "image": None}, BadInput, "exactly one of them"),
        ({"labels": ["red", " "]}, BadInput, "has no words"),
        ({"labels": ["glorp"]}, UnknownWords, "glorp"),
        ({"labels": ["red"], "image": b"nonsense"}, BadInput, "no JPEG, PNG or WebP"),
        ({"labels": ["red"], "features": "other"}, NotFound, "No features named 'other'"),
    ],
)
def test_what_cannot_be_segmented_is_one_sentence(
    coloured: Database, arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        ovstore.segment(coloured, **({"image": stripes()} | arguments))
    with pytest.raises(BadInput, match="opacity is 2"):
        ovstore.segment(coloured, ["red"], image=stripes()).picture(opacity=2)
