"""Predicates over shapes: each beside its plain twin, and what turning the scene may not change."""

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import OrientedBox
from ovstore.store.search.relations import predicates
from ovstore.store.search.relations.shapes import (
    Shape,
    box_gap,
    deferred_shape,
    distance,
    gap,
    overlap,
    shape_of,
    sideways,
    turn,
)
from ovstore.store.search.things.shape import oriented_box

Points = NDArray[np.float64]


def block(low: tuple[float, ...], high: tuple[float, ...], spacing: float = 0.05) -> Points:
    """The surface points of a box along the axes, about `spacing` apart."""
    sides = [np.linspace(a, b, max(2, round((b - a) / spacing) + 1)) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[((grid == np.array(low)) | (grid == np.array(high))).any(axis=1)]


def shape(points: Points, up_axis: str = "z") -> Shape:
    """With the box along the axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    return shape_of(OrientedBox((low + high) / 2, np.eye(3), high - low), up_axis, lambda: points)


def turned_shape(points: Points, rotation: Points, up_axis: str) -> Shape:
    """`shape` of the points, turned together with its box."""
    box = shape(points).box
    turned_box = OrientedBox(rotation @ box.centre, rotation @ box.axes, box.size)
    return shape_of(turned_box, up_axis, lambda: points @ rotation.T)


TABLE = np.concatenate([block((0, 0, 0.70), (1.2, 0.8, 0.75)), block((0, 0, 0), (0.05, 0.05, 0.7))])
BOOKSHELF = np.concatenate([block((2, 0, z), (3, 0.3, z + 0.03)) for z in (0.1, 0.5, 0.9, 1.3)])
CUP = block((0.5, 0.3, 0.75), (0.58, 0.38, 0.85), 0.02)
BOOK = block((2.3, 0.05, 0.535), (2.34, 0.25, 0.8), 0.02)
BASKET = block((0.3, 0.2, 0.0), (0.7, 0.5, 0.35))
BOARD = block((0.4, 0.85, 1.4), (0.8, 0.87, 1.8))


def test_a_cup_is_on_a_table_and_a_book_in_the_middle_of_a_bookshelf_is_on_it() -> None:
    assert predicates.on(shape(CUP), shape(TABLE)) >= 0.9
    assert predicates.on(shape(BOOK), shape(BOOKSHELF)) >= 0.9
    assert predicates.on(shape(TABLE), shape(CUP)) == 0
    assert predicates.on(shape(BOOK), shape(TABLE)) == 0
    assert predicates.on(shape(BASKET), shape(TABLE)) == 0


def test_a_bookshelf_does_not_stand_on_a_book_that_is_smaller() -> None:
    under_it = block((2.2, 0.0, 0.0), (2.8, 0.3, 0.09))
    assert overlap(shape(BOOKSHELF), shape(under_it)) / shape(BOOKSHELF).area > 0.5
    assert predicates.on(shape(BOOKSHELF), shape(under_it)) < 0.5


def test_a_basket_is_under_a_table_whose_leg_reaches_the_floor_and_a_cup_on_it_is_not() -> None:
    assert predicates.under(shape(BASKET), shape(TABLE)) >= 0.5
    assert predicates.below(shape(BASKET), shape(TABLE)) == 0
    assert predicates.under(shape(CUP), shape(TABLE)) < 0.5
    assert predicates.under(shape(BOOK), shape(BOOKSHELF)) < 0.5, "it stands on the shelf that has boards over it"


def test_a_table_is_below_what_hangs_beside_it_on_the_wall() -> None:
    assert overlap(shape(TABLE), shape(BOARD)) == 0
    assert predicates.below(shape(TABLE), shape(BOARD)) >= 0.5
    assert predicates.above(shape(BOARD), shape(TABLE)) == predicates.below(shape(TABLE), shape(BOARD))
    assert predicates.under(shape(TABLE), shape(BOARD)) < 0.5
    assert predicates.below(shape(BOARD), shape(TABLE)) == 0


def test_the_less_room_between_the_better_below() -> None:
    high = [shape(BOARD + np.array([0, -0.4, lift])) for lift in (0, 0.5, 1.0, 2.0)]
    grades = [predicates.below(shape(TABLE), board) for board in high]
    assert grades == sorted(grades, reverse=True)
    assert grades[-1] >= 0.5


def test_what_is_in_a_box_is_inside_of_it() -> None:
    assert predicates.inside(shape(BOOK), shape(BOOKSHELF)) == 1
    assert predicates.inside(shape(CUP), shape(TABLE)) < 0.5
    assert predicates.inside(shape(BOOKSHELF), shape(BOOK)) == 0


def test_chairs_are_beside_each_other_and_a_cup_is_not_beside_its_table() -> None:
    chair = block((0, 0, 0), (0.5, 0.5, 0.9))
    assert predicates.beside(shape(chair), shape(chair + np.array([0.7, 0, 0]))) >= 0.5
    assert predicates.beside(shape(chair), shape(chair + np.array([1.3, 0, 0]))) < 0.5
    assert predicates.beside(shape(CUP), shape(TABLE)) == 0
    assert predicates.beside(shape(TABLE), shape(CUP)) == 0
    assert predicates.beside(shape(BASKET), shape(TABLE)) < 0.5, "it is under it"
    assert predicates.beside(shape(chair), shape(chair + np.array([0.7, 0, 1.0]))) == 0, "no common height"


def test_a_lamp_between_two_beds_is_not_between_a_bed_and_itself() -> None:
    bed = block((0, 0, 0), (1, 2, 0.5))
    other = bed + np.array([2.0, 0, 0])
    lamp = block((1.4, 1.0, 0), (1.6, 1.2, 0.5))
    assert predicates.between(shape(lamp), shape(bed), shape(other)) >= 0.5
    assert predicates.between(shape(lamp), shape(other), shape(bed)) >= 0.5
    assert predicates.between(shape(lamp), shape(bed), shape(bed)) == 0
    assert predicates.between(shape(bed), shape(lamp), shape(other)) < 0.5
    assert predicates.between(shape(lamp + np.array([0, 3.0, 0])), shape(bed), shape(other)) < 0.5


def test_left_and_right_change_places_when_the_viewer_walks_round() -> None:
    chair = block((0, 0, 0), (0.5, 0.5, 0.9))
    lamp = chair + np.array([-1.0, 0, 0])
    south, north = np.array([0.25, -3, 1.5]), np.array([0.25, 4, 1.5])
    assert predicates.left_of(shape(lamp), shape(chair), south) == pytest.approx(1)
    assert predicates.right_of(shape(lamp), shape(chair), south) == 0
    assert predicates.right_of(shape(lamp), shape(chair), north) == pytest.approx(1)
    near = chair + np.array([0, -1.0, 0])
    assert predicates.in_front_of(shape(near), shape(chair), south) == pytest.approx(1)
    assert predicates.behind(shape(near), shape(chair), north) == pytest.approx(1)
    assert predicates.left_of(shape(lamp), shape(chair), shape(chair).centre) == 0, "nobody looks from inside of it"


def test_near_is_about_points_where_the_boxes_overlap() -> None:
    chair = block((0.4, 0.2, 0), (0.8, 0.6, 0.45))
    assert box_gap(shape(chair), shape(TABLE)) == 0
    assert distance(shape(chair), shape(TABLE)) == pytest.approx(0.25)
    assert predicates.near(shape(chair), shape(TABLE)) == pytest.approx(0.75)
    assert predicates.near(shape(chair), shape(TABLE), 0.25) == pytest.approx(0.5)
    assert predicates.near(shape(chair), shape(TABLE), 0.2) < 0.5
    assert predicates.near(shape(chair), shape(BOOKSHELF)) == 0


def plain_overlap(a: Points, b: Points) -> float:
    sides = np.minimum(a.max(axis=0), b.max(axis=0)) - np.maximum(a.min(axis=0), b.min(axis=0))
    return float(np.prod(np.clip(sides[:2], 0, None)))


def plain_distance(a: Points, b: Points) -> float:
    return float(np.sqrt(((a[:, None] - b) ** 2).sum(axis=2)).min())


def plain_on(a: Points, b: Points, touch: float) -> bool:
    """Section 5 as mended: by loops over points, for boxes along the axes."""
    low, high, bottom = a.min(axis=0) - 0.02, a.max(axis=0) + 0.02, a[:, 2].min()
    areas = [np.prod((p.max(axis=0) - p.min(axis=0))[:2]) for p in (a, b)]
    heights = [z for x, y, z in b if low[0] <= x <= high[0] and low[1] <= y <= high[1] and z <= bottom + touch]
    if not heights or plain_overlap(a, b) < 0.5 * areas[0] or areas[1] < areas[0]:
        return False
    return bool(abs(bottom - np.quantile(heights, 0.95)) <= touch)


def random_blocks(rng: np.random.Generator) -> tuple[Points, Points]:
    """Two boxes; of half of the pairs the first stands about on the second."""
    first, second = (block((0, 0, 0), tuple(rng.uniform(0.1, 1.0, 3)), 0.07) for _ in range(2))
    if rng.integers(2):
        return first, second + rng.uniform(-1, 1, 3)
    return first, second + rng.uniform(-0.3, 0.1, 3) * (1, 1, 0) + (0, 0, rng.uniform(-0.15, 0.15) - second[:, 2].max())


def test_overlaps_distances_and_supports_are_those_of_the_plain_twins() -> None:
    rng = np.random.default_rng(1)
    holding = 0
    for _ in range(300):
        a, b = random_blocks(rng)
        s, t = shape(a), shape(b)
        assert overlap(s, t) == pytest.approx(plain_overlap(a, b), abs=1e-9)
        assert distance(s, t) == pytest.approx(plain_distance(a, b))
        assert box_gap(s, t) <= distance(s, t) + 1e-9
        assert (sideways(s, t) == 0) == (overlap(s, t) > 0) or plain_overlap(a, b) == 0
        assert (predicates.on(s, t) >= 0.5) == plain_on(a, b, predicates.TOUCH)
        holding += plain_on(a, b, predicates.TOUCH)
        within = float(rng.uniform(0.05, 0.6))
        assert (predicates.near(s, t, within) >= 0.5) == (plain_distance(a, b) <= within)
    assert 20 < holding < 150


@pytest.mark.parametrize("up_axis", ["z", "x", "y", "-y", "-z", "-x"])
def test_grades_are_those_of_the_scene_whatever_way_it_is_turned(up_axis: str) -> None:
    """About its up axis, and with another axis up."""
    rng = np.random.default_rng(2)
    up = "xyz".index(up_axis[-1])
    stand = np.roll(np.eye(3), (up + 1) % 3, axis=0)  # z becomes the axis `up`
    if up_axis.startswith("-"):
        stand = np.diag([1, -1, -1]) @ stand if up != 0 else np.diag([-1, -1, 1]) @ stand
    assert np.linalg.det(stand) == pytest.approx(1)
    assert (stand @ (0, 0, 1))[up] == (-1 if up_axis.startswith("-") else 1)
    viewer = np.array([3.0, -4.0, 1.5])
    for _ in range(40):
        angle = rng.uniform(-np.pi, np.pi)
        turned = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        a, b = random_blocks(rng)
        pair = [shape(a), shape(b)]
        moved = [turned_shape(points, stand @ turned, up_axis) for points in (a, b)]
        for name in ("near", "on", "under", "below", "above", "inside", "beside"):
            measure = getattr(predicates, name)
            assert measure(*moved) == pytest.approx(measure(*pair), abs=1e-6), name
        viewpoint = turn(up_axis) @ stand @ turned @ viewer
        for name in ("left_of", "right_of", "in_front_of", "behind"):
            measure = getattr(predicates, name)
            assert measure(*moved, viewpoint) == pytest.approx(measure(*pair, viewer), abs=1e-6), name


def test_an_unknown_up_axis_is_refused() -> None:
    with pytest.raises(BadInput, match="The up axis is 'w'; x, y or z was expected"):
        shape(CUP, "w")


@pytest.mark.parametrize("up_axis", ["z", "-y", "x"])
def test_a_shape_whose_box_is_made_late_is_graded_like_any_other(up_axis: str) -> None:
    rng = np.random.default_rng(5)
    now, late = [], []
    for _ in range(14):
        corners = rng.uniform(-0.7, 0.7, (40, 3)) * rng.uniform(0.1, 1, 3) * np.where(rng.random(3) < 0.3, 0.1, 1)
        angle = rng.uniform(0, np.pi)
        cosine, sine = np.cos(angle), np.sin(angle)
        about = corners @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]).T
        points = (about + rng.uniform(-1, 1, 3)) @ turn(up_axis)
        ground = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[up_axis[-1]]
        low, high = points.min(axis=0), points.max(axis=0)
        box = oriented_box(points[:, ground], low, high, up_axis)
        now.append(shape_of(box, up_axis, lambda points=points: points))  # type: ignore[misc]
        late.append(deferred_shape(low, high, up_axis, lambda box=box: box, lambda points=points: points))  # type: ignore[misc]
    spared = 0
    for a in range(len(now)):
        for b in range(len(now)):
            if a != b:
                pair, same = (now[a], now[b]), (late[a], late[b])
                assert gap(*same) <= box_gap(*pair) + 1e-9
                for measure in (predicates.near, predicates.on, predicates.under, predicates.below, predicates.above,
                                predicates.inside, predicates.beside):  # fmt: skip
                    assert measure(*same) == pytest.approx(measure(*pair), abs=1e-9)
        far = deferred_shape(low + 9, high + 9, up_axis, _never, _never)
        spared += predicates.on(late[a], far) == 0 == predicates.near(far, late[a])
    assert spared == len(late), "no box and no point of what is far away is asked for"


def _never() -> NDArray[np.float64]:
    raise AssertionError("asked for in vain")
