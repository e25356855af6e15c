"""Weights are found by path, by name in a folder, or missed with a sentence."""

from pathlib import Path

import pytest
from ovstore.core.errors import BadWeights
from ovstore.models.weights_files import find_weights, named_weights


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OVSTORE_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights" / "exported_model").mkdir(parents=True)
    (tmp_path / "weights" / "demo_e200.ckpt").touch()
    return tmp_path / "weights"


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").touch()
    assert find_weights(str(tmp_path / "a.ckpt"), ["demo_e200.ckpt"], "there") == tmp_path / "a.ckpt"


def test_a_name_is_looked_up_in_the_folder_of_weights(folder: Path) -> None:
    assert named_weights("demo_e200.ckpt") == folder / "demo_e200.ckpt"
    assert find_weights("", ["lseg.ckpt", "demo_e200.ckpt"], "there") == folder / "demo_e200.ckpt"
    assert find_weights("", ["exported_model"], "there") == folder / "exported_model"


@pytest.mark.parametrize("given", ["", "other.ckpt"])
def test_what_is_missing_names_the_source_and_the_place(folder: Path, given: str) -> None:
    with pytest.raises(BadWeights, match=r"(lseg|other)\.ckpt in .*weights.*Download them from a lake.*--weights"):
        find_weights(given, ["lseg.ckpt"], "a lake")


def test_without_a_folder_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_WEIGHTS", raising=False)
    with pytest.raises(BadWeights, match=r"neither OVSTORE_WEIGHTS nor ovstore\.toml names a folder"):
        find_weights("", ["lseg.ckpt"], "a lake")
