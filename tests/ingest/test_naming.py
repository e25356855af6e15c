"""Errors name the file that they are about, once."""

from pathlib import Path

import pytest
from ovstore.core.errors import BadInput, BadScene
from ovstore.ingest.files.naming import naming


def test_a_message_gets_the_name_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BadScene, match=rf"^{tmp_path / 'a.txt'}: focal length 0$"), naming(tmp_path / "a.txt"):
        raise BadScene("focal length 0")


def test_a_message_that_has_the_name_is_left_alone(tmp_path: Path) -> None:
    said = f"{tmp_path}: frame 3: no pose"
    with pytest.raises(BadInput) as caught, naming(tmp_path):
        raise BadInput(said)
    assert str(caught.value) == said
