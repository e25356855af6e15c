"""Names of scenes that become names of files: bytes count, and not letters."""

import os
import stat
from pathlib import Path

import pytest
from command_line import ovstore
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.files import replacing
from ovstore.core.names import MAX_FILE_NAME, file_name, is_file_name, shortened
from ovstore.evaluation.points.benchmark_files import prediction_path
from ovstore.models.precomputed.files import scene_folder
from ovstore.store.postgres.database import Database


@pytest.mark.parametrize("letter", ["x", "é", "椅", "🪑"])
def test_the_longest_name_is_counted_in_bytes_and_the_file_system_agrees(tmp_path: Path, letter: str) -> None:
    longest = letter * ((MAX_FILE_NAME - 4) // len(letter.encode()))
    (tmp_path / file_name(longest, ".txt")).write_text("")
    with pytest.raises(BadScene, match=r"is too long for a file: with '\.txt' it has 2\d\d bytes, at most 255"):
        file_name(longest + letter, ".txt")
    with pytest.raises(OSError, match="too long"):
        (tmp_path / f"{longest}{letter}.txt").write_text("")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../etc/passwd", "a\0b"])
def test_what_is_no_single_part_of_a_path_is_no_files_name(name: str) -> None:
    assert not is_file_name(name)
    with pytest.raises(BadScene, match="not a file name"):
        file_name(name)


def test_a_shortened_name_cuts_no_letter_in_two() -> None:
    for text in ("x" * 100, "é" * 100, "椅" * 100, "🪑" * 100):
        short = shortened(text, 81)
        assert text.startswith(short) and 78 <= len(short.encode()) <= 81
    assert shortened("short", 81) == "short"


def test_the_longest_names_are_written_whole(tmp_path: Path) -> None:
    path = tmp_path / ("🪑" * 62 + ".txt")
    with replacing(path) as part:
        part.write_text("x")
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_devices_and_pipes_are_not_replaced_by_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(os.devnull)
    for path in (tmp_path / "pipe", tmp_path / "link", Path("/dev/stdout"), Path("/dev/none-of-that-name")):
        with pytest.raises(BadInput, match="is a device or a pipe"), replacing(path):
            raise AssertionError("nothing is to be written")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("path", "said"),
    [("", "is a folder"), ("/", "is a folder"), ("..", "is a folder"), ("\ud800", "UTF-8"), ("a\0b", "NUL")],
)
def test_what_names_no_file_is_refused_before_it_is_written(path: str, said: str) -> None:
    with pytest.raises(BadInput, match=said), replacing(Path(path)):
        raise AssertionError("nothing is to be written")


def test_names_too_long_for_predictions_and_maps_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too long"):
        prediction_path(tmp_path, "x" * 300)
    (tmp_path / "a.npy").write_bytes(b"")
    assert scene_folder(str(tmp_path), "x" * 300).path == tmp_path


@pytest.mark.parametrize(
    "arguments", [("export", "ply", "room", "x" * 300 + ".ply"), ("eval", "--labels", "y" * 300 + ".json")]
)
def test_a_path_that_is_too_long_is_one_line(store: Database, arguments: tuple[str, ...]) -> None:
    result = ovstore(store, *arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert len(result.stderr) < 350 and "too long" in result.stderr
