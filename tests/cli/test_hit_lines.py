"""Hits on terminals of any width: two lines at most, nothing lost that has room."""

from dataclasses import replace

import numpy as np
import pytest
from ovstore.cli._output import hits
from ovstore.core.features import Answer, Evidence, Hit, OrientedBox
from terminal import shown_on_terminal

BOX = OrientedBox(np.zeros(3), np.eye(3), np.ones(3))
VIEWS = tuple(Evidence(f"{frame:06}", f"{frame}.jpg", (100.0, 80.0, 640.0, 480.0), 9) for frame in range(5))
HIT = Hit(
    "scannet", "scene0002_00", 1523, "object", 0.527, 0.99, 1703, (12.97, 10.46, 0.72), (0, 0, 0), (1, 1, 1), BOX, 1,
    17, VIEWS,
)  # fmt: skip
ANSWER = Answer(tuple(replace(HIT, region=1500 + rank) for rank in range(12)), True, "snoopy", "tiny")


def lines_at(width: int, answer: Answer) -> list[str]:
    return shown_on_terminal(width, lambda: hits.print_answer(answer))


@pytest.mark.parametrize("width", [80, 100, 60])
def test_a_hit_is_at_most_two_lines(width: int) -> None:
    shown = lines_at(width, ANSWER)
    assert len(shown) == 2 * (len(ANSWER) + 1)
    assert max(map(len, shown)) <= width


def test_eighty_columns_have_room_for_two_frames() -> None:
    shown = lines_at(80, ANSWER)
    assert shown[:4] == [
        "    scene:region            score  prob.  centre (m)        size (m)",
        "    points, seen in frame [box]",
        " 1  scene0002_00:17@object  0.527    99%  12.97 10.46 0.72  1.00 1.00 1.00",
        "    1,703 points  000000 [100,80,640,480]  000001 [100,80,640,480]  +3",
    ]


def test_a_long_name_moves_the_rest_down() -> None:
    long = Answer((replace(HIT, scene="a_room_whose_name_is_rather_long_" * 2),), True, "snoopy", "tiny")
    shown = lines_at(95, long)
    assert len(shown) == 4 and max(map(len, shown)) <= 95
    assert shown[3] == "   12.97 10.46 0.72  1.00 1.00 1.00  1,703 points  000000 [100,80,640,480]  +4"


def test_a_wide_terminal_has_one_line_a_hit() -> None:
    assert len(lines_at(160, ANSWER)) == len(ANSWER) + 1


def part(number: int) -> Hit:
    return replace(HIT, level="thing", ordinal=500 + number, score=0.4 - number / 100, evidence=VIEWS[:1])


WITH_PARTS = Answer(
    (replace(HIT, level="thing", ordinal=871, parts=tuple(map(part, range(5)))), HIT), True, "snoopy", "tiny",
    notes=("Only one scene was searched.",),
)  # fmt: skip


def test_parts_are_listed_below_their_hit_and_many_are_counted() -> None:
    shown = lines_at(160, WITH_PARTS)
    assert [line.split()[:3] for line in shown[1:6]] == [
        ["1", "scene0002_00:871@thing", "0.527"],
        ["+", "500@thing", "0.400"],
        ["+", "501@thing", "0.390"],
        ["+", "502@thing", "0.380"],
        ["+", "2", "more"],
    ]
    assert shown[2].index("0.400") == shown[1].index("0.527")


def test_on_a_narrow_terminal_parts_take_one_line() -> None:
    shown = lines_at(80, WITH_PARTS)
    assert shown[4] == "   with 500@thing 0.400  501@thing 0.390  502@thing 0.380  +2"
    assert max(map(len, shown)) <= 80
    assert lines_at(40, WITH_PARTS)[4].strip() == "with 500@thing 0.400  +4"


def test_notes_are_for_people_and_leave_the_hits_alone(capsys: pytest.CaptureFixture[str]) -> None:
    hits.print_answer(WITH_PARTS)
    printed = capsys.readouterr()
    assert printed.err == "Note: Only one scene was searched.\n" and "Note" not in printed.out
