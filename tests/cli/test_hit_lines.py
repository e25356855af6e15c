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
