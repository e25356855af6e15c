"""An answer as JSON, as a data frame, as a table of a notebook and as a picture."""

import json
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import ovstore
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.store.postgres.database import Database
from PIL import Image


class _Cells(HTMLParser):
    """The tags and the cells of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.cells += [""] if tag in ("td", "th") else []

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_an_answer_as_a_dict_is_what_the_command_line_prints(coloured: Database) -> None:
    answer = ovstore.search(coloured, "red", top=3)
    told = json.loads(json.dumps(answer.to_dict()))
    assert told == document(typed(coloured, "search", "red", "--top", "3", "--json"))


def test_a_data_frame_has_one_row_per_hit(coloured: Database) -> None:
    pytest.importorskip("pandas")
    answer = ovstore.search(coloured, "red", top=3)
    frame = answer.to_pandas()
    assert frame.score.tolist() == [hit.score for hit in answer]
    assert (frame.dataset + "/" + frame.scene + ":" + frame.region).tolist() == [hit.full_name for hit in answer]
    sizes = [np.subtract(hit.box_max, hit.box_min) for hit in answer]
    assert np.allclose(frame[["size_x", "size_y", "size_z"]], sizes)
    assert ovstore.Answer((), None, "?", "space").to_pandas().columns.tolist() == frame.columns.tolist()


def test_without_pandas_a_sentence_says_what_to_install(coloured: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ovstore.OvstoreError, match=r"'Answer.to_pandas' needs the package 'pandas': pip install"):
        ovstore.search(coloured, "red").to_pandas()


def test_a_notebook_shows_a_table_of_the_hits(coloured: Database) -> None:
    answer = ovstore.search(coloured, "red", top=2)
    table = _Cells(answer._repr_html_())
    assert table.tags == {"p", "table", "tr", "th", "td"}
    first = table.cells[8:16]
    assert first[:3] == ["1", answer[0].full_name, f"{answer[0].score:.3f}"]


def test_names_in_a_table_are_text_and_never_markup(coloured: Database) -> None:
    [hit] = ovstore.search(coloured, "red", top=1)
    name = "<script>alert(1)</script>&\u202e"
    table = _Cells(ovstore.Answer((replace(hit, scene=name),), False, f"<img src=x> {name}", name)._repr_html_())
    assert table.tags == {"p", "table", "tr", "th", "td"}
    assert "<script>alert(1)</script>&\\u202e" in table.cells[9]


def test_a_long_answer_is_cut_and_says_so(coloured: Database) -> None:
    [hit] = ovstore.search(coloured, "red", top=1)
    assert "and 10 more hits" in ovstore.Answer((hit,) * 60, None, "red", "space")._repr_html_()


def test_the_evidence_of_an_answer_is_a_picture(coloured: Database) -> None:
    sheets = [ovstore.contact_sheet(ovstore.search(coloured, "red", top=top)) for top in (1, 3)]
    assert all(isinstance(sheet, Image.Image) for sheet in sheets)
    assert sheets[0].height < sheets[1].height


def test_the_same_question_twice_gives_equal_answers(coloured: Database) -> None:
    one, other = (ovstore.search(coloured, "red", top=3) for _ in range(2))
    assert one == other and len({*one, *other}) == len(one)
