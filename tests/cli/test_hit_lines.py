"""Hits on terminals of any width: two lines at most, nothing lost that has room."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ovstore.cli._output import hits
from ovstore.core.features import Answer, Evidence, Hit, OrientedBox

BOX = OrientedBox(np.zeros(3), np.eye(3), np.ones(3))
VIEWS = tuple(Evidence(f"{frame:06}", f"{frame}.jpg", (100.0, 80.0, 640.0, 480.0), 9) for frame in range(5))
HIT = Hit(
    "scannet", "scene0002_00", 1523, "object", 0.527, 0.99, 1703, (12.97, 10.46, 0.72), (0, 0, 0), (1, 1, 1), BOX, 1,
    17, VIEWS,
)  # fmt: skip
ANSWER = Answer(tuple(replace(HIT, region=1500 + rank) for rank in range(12)), True, "snoopy", "tiny")


def lines_at(
    width: int, answer: Answer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    hits.print_answer(answer)
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("width", [80, 100, 60])
def test_a_hit_is_at_most_two_lines(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = lines_at(width, ANSWER, monkeypatch, capsys)
    assert len(shown) == 2 * (len(ANSWER) + 1)
    assert max(map(len, shown)) <= width


def test_eighty_columns_have_room_for_two_frames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = lines_at(80, ANSWER, monkeypatch, capsys)
    assert shown[:4] == [
        "    scene:region            score  prob.  centre (m)        size (m)",
        "    points, seen in frame [box]",
        " 1  scene0002_00:17@object  0.527    99%  12.97 10.46 0.72  1.00 1.00 1.00",
        "    1,703 points  000000 [100,80,640,480]  000001 [100,80,640,480]  +3",
    ]


def test_a_long_name_moves_the_rest_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    long = Answer((replace(HIT, scene="a_room_whose_name_is_rather_long_" * 2),), True, "snoopy", "tiny")
    shown = lines_at(95, long, monkeypatch, capsys)
    assert len(shown) == 4 and max(map(len, shown)) <= 95
    assert shown[3] == "   12.97 10.46 0.72  1.00 1.00 1.00  1,703 points  000000 [100,80,640,480]  +4"


def test_a_wide_terminal_has_one_line_a_hit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(lines_at(160, ANSWER, monkeypatch, capsys)) == len(ANSWER) + 1
