"""What answers leave behind: pictures and tables appear whole, or a sentence says why not."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from ovstore.cli._output.printing import print_json
from ovstore.core.errors import BadInput
from ovstore.core.features import Answer, Evidence, Hit, OrientedBox
from ovstore.drawing import contact_sheet, picture_file
from ovstore.drawing.caption import fitted
from ovstore.drawing.contact_sheet import ROWS, TILE, save_contact_sheet
from ovstore.query import tables
from ovstore.query.rows import Streamed
from PIL import Image

DOT = Image.new("RGB", (4, 4))


def hit(picture: Path) -> Hit:
    corner = (0.0, 0.0, 0.0)
    box = OrientedBox(None, None, None)  # type: ignore[arg-type]
    view = Evidence("0", str(picture), (1.0, 1.0, 2.0, 2.0), 5)
    return Hit("scans", "room", 1, "object", 0.5, 0.5, 5, corner, corner, corner, box, 1, 17, (view,))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_a_picture_has_the_format_of_its_suffix(tmp_path: Path, suffix: str) -> None:
    picture_file.save(DOT, tmp_path / f"dot{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"dot{suffix}"]
    with Image.open(tmp_path / f"dot{suffix}") as saved:
        assert saved.format == ("PNG" if suffix == ".png" else "JPEG")


@pytest.mark.parametrize("name", ["dot", "dot.xyz", "nowhere/dot.png"])
def test_a_picture_that_cannot_be_saved_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="dot"):
        picture_file.save(DOT, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_holds_the_best_hits_and_survives_damaged_pictures(tmp_path: Path) -> None:
    whole, damaged = tmp_path / "whole.png", tmp_path / "damaged.png"
    Image.new("RGB", (40, 30), "red").save(whole)
    damaged.write_bytes(whole.read_bytes()[:50])
    shown = [hit(path) for path in (whole, damaged, tmp_path / "gone.png")]
    for count in (1, 2000):
        save_contact_sheet(Answer(tuple(shown * count), True, "red", "toy"), tmp_path / "sheet.png")
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.height <= (ROWS + 1) * 300
            assert (255, 0, 0) in {colour for _, colour in sheet.convert("RGB").getcolors(1 << 24)}


@pytest.mark.parametrize("width", [320, 640, 2000])
def test_evidence_of_a_small_thing_shows_what_is_around_it(tmp_path: Path, width: int) -> None:
    """A ruler of red columns, one every tenth of the image: a fifth of it holds two of them."""
    ruler = np.zeros((width * 3 // 4, width, 3), np.uint8)
    ruler[:, width // 20 :: width // 10] = (255, 0, 0)
    Image.fromarray(ruler).save(tmp_path / "ruler.png")
    middle = (width / 2, width * 3 / 8, width / 2 + 2, width * 3 / 8 + 2)
    view = Evidence("0", str(tmp_path / "ruler.png"), middle, 5)
    with Image.open(tmp_path / "ruler.png") as image:
        tile = np.asarray(contact_sheet.evidence_tile(image.convert("RGB"), view))
    assert tile.shape[:2] == (TILE[1], TILE[0])
    line = tile[4].astype(int)
    columns = np.flatnonzero(np.diff(np.pad(line[:, 0] > 40, 1).astype(int)) == 1)
    assert len(columns) >= 2
    assert np.diff(columns).min() <= contact_sheet.ENLARGED * width / 10 + 1


def streamed(columns: tuple[str, ...], *rows: tuple[Any, ...]) -> Streamed:
    """Rows that come one at a time."""
    return Streamed(columns, ([row] for row in rows))


def test_a_column_has_the_type_of_all_its_rows(tmp_path: Path) -> None:
    rows = [(None, 1, "a"), (2, None, "b"), (0.5, 3, None)]
    tables.write(streamed(("a", "b", "c"), *rows), "parquet", str(tmp_path / "rows.parquet"))
    read = pq.read_table(tmp_path / "rows.parquet")
    assert [tuple(row.values()) for row in read.to_pylist()] == rows
    assert list(map(str, read.schema.types)) == ["double", "int64", "string"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_no_rows_are_a_file_of_columns(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows.{kind}"
    tables.write(streamed(("a", "b")), kind, str(path))
    if kind == "csv":
        assert path.read_text() == "a,b\n"
    else:
        assert pq.read_table(path).column_names == ["a", "b"]


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
NO_FORMULAS = ["-1.5", "+3", "-1e-3", "a=b", "", "chair", -1.5, -3, None]


def test_a_spreadsheet_runs_no_cell_as_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    found = streamed(("=name",), *((cell,) for cell in (*FORMULAS, *NO_FORMULAS)))
    assert tables.write(found, "csv", str(path), spreadsheet=True) == 1 + len(FORMULAS)
    with path.open(newline="", encoding="utf-8") as stream:
        cells = [row[0] if row else "" for row in csv.reader(stream)]
    unchanged = ["" if cell is None else str(cell) for cell in NO_FORMULAS]
    assert cells == ["'=name", *(f"'{cell}" for cell in FORMULAS), *unchanged]
    tables.write(streamed(("=name",), ("=1+1",)), "csv", str(path))
    assert path.read_text() == "=name\n=1+1\n"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_come_back_from_their_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows.{kind}"
    tables.write(streamed(("scene", "points"), ("röom", 3), ("hall", None)), kind, str(path))
    if kind == "csv":
        assert path.read_text(encoding="utf-8") == "scene,points\nröom,3\nhall,\n"
    else:
        assert pq.read_table(path).to_pylist() == [{"scene": "röom", "points": 3}, {"scene": "hall", "points": None}]
    for write in (lambda path: tables.write(streamed(("a",), (1,)), kind, path), lambda path: print_json([1], path)):
        with pytest.raises(BadInput, match="nowhere"):
            write(str(tmp_path / "nowhere" / "rows"))
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["red", "a very long question " * 20, "two\nlines", "", "椅" * 200])
def test_a_caption_stays_in_its_room(text: str) -> None:
    shown, font = fitted(text, 16, 300)
    assert font.getlength(shown) <= 300
    assert shown == text or shown.endswith("…") or shown == " ".join(text.split())
