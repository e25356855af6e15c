"""Twins that touch and lookalikes: made on request, and rooms without them are what they were."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("embreex", reason="needs the extra 'generate'")

from ovstore.core.errors import BadInput
from ovstore.ingest.generated.catalogue import make
from ovstore.ingest.generated.folder import FolderOptions
from ovstore.ingest.generated.kinds import KINDS
from ovstore.ingest.generated.pairs import LOOKALIKES, TWINS, lookalike, side_by_side, twins
from ovstore.ingest.generated.room import Room, furnish
from ovstore.ingest.generated.scene import SceneOptions


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", TWINS)
def test_twins_are_equal_and_their_boxes_share_a_face(name: str) -> None:
    pair = twins(name, _rng())
    (left, at_left), (right, at_right) = pair.members
    assert left is right and left.label == name
    assert at_left + left.bounds[1][0] == pytest.approx(at_right + right.bounds[0][0])
    for low, high in [pair.bounds]:
        assert low[0] + high[0] == pytest.approx(0) and high[0] - low[0] == pytest.approx(2 * np.ptp(left.bounds, 0)[0])


def test_two_different_things_touch_too() -> None:
    small, large = make("mug", _rng()), make("vase", _rng())
    (_, left), (_, right) = side_by_side(small, large).members
    assert left + small.bounds[1][0] == pytest.approx(right + large.bounds[0][0])


@pytest.mark.parametrize(("name", "like"), LOOKALIKES)
def test_a_lookalike_has_the_size_and_a_colour_of_the_other_kind(name: str, like: str) -> None:
    thing = lookalike(name, like, _rng(1))
    assert thing.label == name
    common = set(KINDS[name].colours) & set(KINDS[like].colours)
    assert not common or thing.colour in common
    sizes = [np.linalg.norm(np.ptp(make(like, _rng(k)).bounds, 0)) for k in range(20)]
    assert min(sizes) * 0.9 <= np.linalg.norm(np.ptp(thing.bounds, 0)) <= max(sizes) * 1.1


def _furnished(**more: tuple[object, ...]) -> Room:
    return furnish(_rng(3), scene_type="Office", **more)  # type: ignore[arg-type]


def test_twins_stand_in_the_room_and_name_each_other() -> None:
    room = _furnished(twins=("chair", "bottle"))
    pairs = [o for o in room.objects if o.touches is not None]
    assert [o.label for o in pairs] == ["chair", "chair", "bottle", "bottle"]
    for placed in pairs:
        other = room.objects[placed.touches or 0]
        assert other.touches == placed.object_id and other.thing is placed.thing
        gap = np.linalg.norm(other.origin - placed.origin) - np.ptp(placed.thing.bounds, 0)[0]
        assert gap == pytest.approx(0, abs=1e-9)


def test_a_lookalike_stands_where_the_other_kind_does() -> None:
    room = _furnished(lookalikes=(("ball", "apple"),))
    [ball] = [o for o in room.objects if o.label == "ball"]
    assert ball.stands_on is not None and np.ptp(ball.thing.bounds, 0)[0] < 0.12


def test_a_room_without_them_is_what_it_was() -> None:
    """The same draws in the same order: only things put up before or after, never others."""
    plain, more = _furnished(), _furnished(lookalikes=(("ball", "apple"),))
    place = [(o.label, o.origin.tolist()) for o in plain.objects]
    assert all(o.touches is None for o in plain.objects) and len(place) > 15
    assert [(o.label, o.origin.tolist()) for o in more.objects][:10] == place[:10]


def test_a_kind_that_is_not_known_is_refused_by_name() -> None:
    for options in ({"twins": ("chiar",)}, {"lookalikes": (("ball", "appel"),)}):
        with pytest.raises(BadInput, match=r"chiar|appel"):
            SceneOptions(**options)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="at least once"):
        replace(SceneOptions(), attempts=0)
    with pytest.raises(BadInput, match="--twins must be 0 to"):
        FolderOptions(twins=99)
