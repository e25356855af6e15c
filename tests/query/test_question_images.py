"""Images that questions are asked with are read as those of scans are."""

from pathlib import Path

import numpy as np
import pytest
import shared_case
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.models.encoders import color_words
from ovstore.models.pictures import read_image
from ovstore.query.encode import encoder_of
from PIL import Image


def vector(path: Path) -> NDArray[np.float32]:
    options = color_words.Options()
    recipe = {"encoder": {"name": "color_words", "options": {}}}
    return encoder_of(recipe, color_words.space(options)).picture(path)


def _files(folder: Path) -> Path:
    """An orange square on a green that nobody sees, the same over white, and a ramp of 16 bits and of 8."""
    cut = np.zeros((64, 64, 4), np.uint8)
    cut[..., :3], cut[20:44, 20:44] = (0, 160, 0), (255, 140, 0, 255)
    picture = Image.fromarray(cut)
    picture.save(folder / "cut_out.png")
    Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB").save(
        folder / "cut_out_white.png"
    )
    ramp = (np.tile(np.arange(64), (64, 1)) * 1000).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "grey16.png")
    Image.fromarray((ramp >> 8).astype(np.uint8)).save(folder / "grey8.png")
    return folder


@pytest.fixture(params=["generated", "shared"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "generated":
        return _files(tmp_path)
    return shared_case.make("query_picture_alpha_and_16bit", Path(), tmp_path)


def test_transparency_lies_over_white_in_questions_too(folder: Path) -> None:
    np.testing.assert_array_equal(vector(folder / "cut_out.png"), vector(folder / "cut_out_white.png"))


def test_sixteen_bits_are_cut_to_their_upper_eight_in_questions_too(folder: Path) -> None:
    np.testing.assert_array_equal(vector(folder / "grey16.png"), vector(folder / "grey8.png"))
    assert round(read_image(folder / "grey16.png").mean()) == 123


def test_a_question_that_is_no_image_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"words")
    for name, said in (("a.png", "a.png: cannot be read as an image:"), ("b.png", "b.png: No such file")):
        with pytest.raises(BadInput, match=said):
            vector(tmp_path / name)
