"""What a scan names stays inside the scan's folder, and is a file that can be read to its end."""

import os
from pathlib import Path

import pytest
from ovstore.core.errors import BadScene
from ovstore.ingest.files.confined import Confined


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere.txt").touch()
    folder = tmp_path / "scan"
    (folder / "color").mkdir(parents=True)
    (folder / "color" / "0.jpg").touch()
    return folder


def test_links_inside_the_folder_are_files_like_others(folder: Path) -> None:
    (folder / "first.jpg").symlink_to("color/0.jpg")
    (folder / "rgb").symlink_to("color")
    for name in ("color/0.jpg", "first.jpg", "rgb/0.jpg", "not there"):
        assert Confined(folder)(folder / name) == folder / name


@pytest.mark.parametrize("name", ["link.txt", "away/elsewhere.txt", "../elsewhere.txt", "color/../../elsewhere.txt"])
def test_what_leads_outside_is_refused_unless_links_may(folder: Path, name: str) -> None:
    (folder / "link.txt").symlink_to("../elsewhere.txt")
    (folder / "away").symlink_to("..")
    with pytest.raises(BadScene, match=r"leads to .*elsewhere\.txt|outside of the scan's folder"):
        Confined(folder)(folder / name)
    assert Confined(folder, follow_links=True)(folder / name).is_file()


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_pipe_is_refused_where_reading_it_would_wait_for_ever(folder: Path, follow_links: bool) -> None:
    os.mkfifo(folder / "pose.txt")
    with pytest.raises(BadScene, match=r"pose\.txt: a pipe or device"):
        Confined(folder, follow_links)(folder / "pose.txt")


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 300, "x" * 5000 + "/0.jpg", "\ud800.jpg", "round/0.jpg"])
@pytest.mark.parametrize("follow_links", [False, True])
def test_what_cannot_be_a_path_is_one_short_sentence(folder: Path, name: str, follow_links: bool) -> None:
    (folder / "round").symlink_to("round")
    with pytest.raises(BadScene) as caught:
        Confined(folder, follow_links)(folder / name)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500
