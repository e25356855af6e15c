"""Frames that show several things at once."""

import numpy as np
from ovstore.core.sightings import Sightings, seen_together


def seen(**visible: int) -> Sightings:
    """In frames f0, f1 ... so many points, in the middle of the image and as far away."""
    count = len(visible)
    return Sightings(
        np.zeros(count, np.int32),
        np.array([int(name[1:]) for name in visible], np.int64),
        np.array(list(visible.values()), np.int64),
        np.zeros(count),
        np.ones(count),
        np.array([[0, 0, points, 1] for points in visible.values()], np.int32).reshape(-1, 4),
    )


def test_only_frames_that_show_all_are_shown_and_first_the_one_that_shows_each_well() -> None:
    lamp, sofa = seen(f0=100, f1=20, f2=60, f7=90), seen(f1=5000, f2=4000, f3=5000, f7=900)
    of_lamp, of_sofa = seen_together([lamp, sofa], 5)
    assert [view.frame for view in of_lamp] == [view.frame for view in of_sofa] == [2, 1, 7]
    assert [view.visible_points for view in of_lamp] == [60, 20, 90]
    assert of_sofa[0].box_xyxy == (0, 0, 4000, 1)
    assert [len(views) for views in seen_together([lamp, sofa], 1)] == [1, 1]


def test_a_frame_that_shows_hardly_any_of_one_is_no_evidence() -> None:
    assert seen_together([seen(f0=100, f1=5), seen(f1=100)], 5) == [(), ()]


def test_things_that_no_frame_shows_together_have_no_such_views() -> None:
    assert seen_together([seen(f0=10), seen(f1=10), seen(f0=10, f1=10)], 5) == [(), (), ()]
    assert seen_together([seen(), seen(f1=10)], 5) == [(), ()]
