"""What every dataset file promises, whatever its format."""

import dataclasses
from pathlib import Path

import pytest
from ovstore.core import plugins
from ovstore.core.errors import BadInput

NAMES = plugins.names("ingest.datasets")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_default_and_says_what_it_does(name: str) -> None:
    options = plugins.load("ingest.datasets", name).Options
    assert dataclasses.is_dataclass(options) and hash(options()) == hash(options())
    for field in dataclasses.fields(options):
        assert field.metadata["help"].endswith("."), field.name


@pytest.mark.parametrize("name", NAMES)
def test_its_page_opens_with_one_line_and_shows_the_folders(name: str) -> None:
    page = plugins.load("ingest.datasets", name).__doc__
    assert page.partition("\n")[0].endswith(".") and "/" in page


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_something_else_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("no scan")
    dataset = plugins.load("ingest.datasets", name)
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path / "holiday.txt"):
        with pytest.raises(BadInput, match=str(folder)):
            dataset.scene_names(folder, dataset.Options())
