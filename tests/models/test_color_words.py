"""color_words is the truth other tests stand on: its numbers are known."""

import numpy as np
import pytest
from ovstore.core.errors import BadInput, UnknownWords
from ovstore.models.encoders import color_words
from ovstore.models.encoders.color_words import COLORS, SYNONYMS, WORDS, Options, color_vectors

TYPICAL = {
    "black": (20, 20, 20),
    "grey": (128, 128, 128),
    "white": (250, 250, 250),
    "red": (200, 20, 20),
    "orange": (250, 130, 10),
    "yellow": (250, 230, 20),
    "green": (30, 160, 40),
    "blue": (30, 70, 200),
    "purple": (120, 30, 160),
    "pink": (255, 150, 180),
    "brown": (120, 70, 30),
}


def words_of(rgb: tuple[int, int, int]) -> dict[str, float]:
    vector = color_vectors(np.array(rgb, np.uint8))
    return {word: float(value) for word, value in zip(WORDS, vector, strict=True) if value > 1e-6}


def encode_text(*texts: str) -> np.ndarray:
    return color_words.load_text_encoder(Options())(texts)


def encode_image(image: np.ndarray, patch: int = 4) -> np.ndarray:
    return color_words.load_image_encoder(Options(patch))([image])[0].values


@pytest.mark.parametrize("word", COLORS)
def test_a_typical_colour_is_nearest_to_its_own_word(word: str) -> None:
    scores = encode_text(*COLORS) @ color_vectors(np.array(TYPICAL[word], np.uint8))
    assert COLORS[int(scores.argmax())] == word
    assert scores.max() > 0.85


def test_pure_red_is_exactly_red() -> None:
    assert words_of((255, 0, 0)) == {"red": 1.0}


def test_a_dark_red_worked_out_by_hand() -> None:
    # max 100/255, min 0: lightness 0.196, so dark = 0.5 * (0.40 - 0.196) / 0.25 = 0.408; red = 1
    length = np.hypot(1, 0.40784)
    assert words_of((100, 0, 0)) == pytest.approx({"red": 1 / length, "dark": 0.40784 / length}, rel=1e-4)


def test_a_hue_between_two_anchors_is_shared() -> None:
    # hue 15 lies half way between red (0) and orange (30); value 1 moves nothing to brown
    vector = words_of((255, 64, 0))
    assert vector["red"] == pytest.approx(vector["orange"], rel=0.02)
    assert set(vector) == {"red", "orange"}


def test_the_memberships_of_every_colour_are_unit_and_not_negative() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5000, 3), dtype=np.uint8)
    vectors = color_vectors(rgb)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors.min() >= -1e-6


def test_a_text_is_the_words_it_knows() -> None:
    dark_red = np.zeros(len(WORDS))
    dark_red[[WORDS.index("red"), WORDS.index("dark")]] = np.array([1, 0.5]) / np.hypot(1, 0.5)
    np.testing.assert_allclose(encode_text("a Dark RED chair")[0], dark_red, rtol=1e-6)


@pytest.mark.parametrize(("said", "meant"), SYNONYMS.items())
def test_a_synonym_means_the_word(said: str, meant: str) -> None:
    np.testing.assert_array_equal(encode_text(said), encode_text(meant))


def test_shades_tell_light_from_dark() -> None:
    light, dark = color_vectors(np.array([(170, 200, 255), (0, 10, 70)], np.uint8))
    light_blue, dark_blue = encode_text("light blue", "dark blue")
    assert light @ light_blue > light @ dark_blue
    assert dark @ dark_blue > dark @ light_blue


def test_a_text_without_a_colour_is_answered_with_the_words_there_are() -> None:
    with pytest.raises(
        UnknownWords, match=r"'a snoopy' is not a colour name; color_words knows only black, grey, white, red."
    ):
        encode_text("red", "a snoopy")


def test_one_cell_a_pixel_looks_up_the_pixel() -> None:
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(encode_image(image, patch=1), color_vectors(image).astype(np.float16))


def test_a_cell_is_the_mean_of_its_pixels() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, :4], image[:2, 4:], image[2:, 4:] = (255, 0, 0), (255, 0, 0), (0, 0, 255)
    values = encode_image(image)
    assert values.shape == (1, 2, 13)
    assert values[0, 0, WORDS.index("red")] == 1
    half_blue = color_vectors(np.array((0, 0, 255), np.uint8)) + color_vectors(np.array((255, 0, 0), np.uint8))
    np.testing.assert_allclose(values[0, 1], half_blue / np.linalg.norm(half_blue), atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (3, 2), (479, 641)])
def test_any_size_has_a_finite_map(height: int, width: int) -> None:
    image = np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)
    values = encode_image(image)
    assert values.shape == (max(1, height // 4), max(1, width // 4), 13)
    assert np.isfinite(values).all()


def test_what_is_no_image_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadInput, match=r"shape \(4, 4\) and type uint8 is not \(H, W, 3\) uint8 RGB"):
        encode_image(np.zeros((4, 4), np.uint8))
    with pytest.raises(BadInput, match="patch is 0"):
        Options(patch=0)
