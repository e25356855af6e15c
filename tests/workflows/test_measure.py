"""How two things lie to one another, by boxes whose places are known."""

from typing import Any

import pytest
from ovstore.core.errors import BadInput, Misused
from ovstore.store.catalog import catalog, region_names
from ovstore.workflows.measure import measure

BOXES = {  # least and greatest corner, metres
    "table": ((0, 0, 0), (1, 1, 0.7)),
    "cup": ((0.4, 0.4, 0.68), (0.5, 0.5, 0.8)),
    "chair": ((1.3, 0, 0), (1.8, 0.5, 0.9)),
    "drawer": ((0.1, 0.1, 0.3), (0.5, 0.5, 0.5)),
    "lamp": ((9, 9, 2), (9.2, 9.2, 2.5)),
}


@pytest.fixture(params=["z", "y", "-z"])
def up_axis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same boxes in a scene in which another axis is up; the lamp hangs in a second scene."""
    axis: str = request.param

    def turned(corners: Any) -> Any:
        if axis == "y":
            return tuple((y, z, x) for x, y, z in corners)
        if axis == "-z":
            low, high = corners
            return (low[0], -high[1], -high[2]), (high[0], -low[1], -low[2])
        return corners

    class Region:
        def __init__(self, name: str) -> None:
            self.box_min, self.box_max = turned(BOXES[name])
            self.centre = tuple((low + high) / 2 for low, high in zip(self.box_min, self.box_max, strict=True))
            self.dataset, self.scene, self.full_name = "d", "s", f"d/s:{name}"
            self.scene_id = 2 if name == "lamp" else 1

    class Scene:
        full_name, up_axis = "d/s", axis

    monkeypatch.setattr(region_names, "find", lambda store, name, features: Region(name))
    monkeypatch.setattr(catalog, "find_scene", lambda store, name: Scene())
    return axis


def test_known_boxes_have_known_distances_and_sides(up_axis: str) -> None:
    store: Any = None
    cup = measure(store, "cup", "table")
    assert (cup.above, cup.below, cup.beside, cup.inside) == (True, False, False, False)
    assert cup.between_boxes == 0
    table = measure(store, "table", "cup")
    assert (table.above, table.below) == (False, True)
    chair = measure(store, "chair", "table")
    assert chair.beside and not chair.above and chair.between_boxes == pytest.approx(0.3)
    drawer = measure(store, "drawer", "table")
    assert drawer.inside and not drawer.beside and not measure(store, "table", "drawer").inside


def test_a_point_is_a_box_without_size(up_axis: str) -> None:
    store: Any = None
    region = region_names.find(store, "table", None)
    measured = measure(store, "table", region.centre)
    assert measured.between_centres == measured.between_boxes == 0
    assert measured.second.count(",") == 2


def test_what_cannot_be_measured_is_one_sentence(up_axis: str) -> None:
    store: Any = None
    with pytest.raises(Misused, match="are in two scenes"):
        measure(store, "cup", "lamp")
    for point in ([1, 2], [1, 2, float("nan")]):
        with pytest.raises(BadInput, match="is not three finite numbers"):
            measure(store, "cup", point)
