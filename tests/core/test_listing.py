"""The one place that lists folders: hidden entries do not count, what cannot be listed is one sentence."""

from pathlib import Path

import pytest
from ovstore.core.errors import BadInput
from ovstore.core.listing import entries, matching, walk
from ovstore.ingest.extraction.folder import find_pictures
from ovstore.models.precomputed.files import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.png", "._a.png", ".DS_Store", "in/c.png", "in/._c.png", "__MACOSX/d.png", ".git/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_entries_are_in_order_and_hidden_ones_do_not_count(folder: Path) -> None:
    assert [path.name for path in entries(folder)] == ["a.png", "b.png", "in"]


def test_a_pattern_finds_hidden_entries_only_where_it_names_them(folder: Path) -> None:
    assert matching(folder, "**/*.png") == [folder / "a.png", folder / "b.png", folder / "in/c.png"]
    assert matching(folder, ".git/*") == [folder / ".git/e.png"]


def test_a_walk_leaves_hidden_folders_alone(folder: Path) -> None:
    assert [(where, names) for where, _, names in walk(folder)] == [
        (folder, ["a.png", "b.png"]), (folder / "in", ["c.png"])
    ]  # fmt: skip


def test_a_folder_that_is_not_there_is_one_sentence(folder: Path) -> None:
    for listing in (entries, lambda path: list(walk(path))):
        with pytest.raises(BadInput, match="nowhere: No such file or directory"):
            listing(folder / "nowhere")


def test_images_to_extract_and_maps_on_disk_are_listed_there_too(folder: Path) -> None:
    assert [picture.path.name for picture in find_pictures(folder, folder.parent / "out")] == [
        "a.png",
        "b.png",
        "c.png",
    ]
    assert list(Folder(folder, deep=True).files((".png",))) == ["a", "b", "in/c"]
