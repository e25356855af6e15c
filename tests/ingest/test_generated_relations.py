"""How generated things stand to one another: truth of their geometry, and what the predicates see of it in a scan."""

from itertools import combinations
from typing import Any

import generated_room
import numpy as np
import pytest
from ovstore.ingest.generated.relations import relations_of
from ovstore.ingest.generated.truth import truth_of
from ovstore.ingest.regions.boxes import boxes
from ovstore.store.search.relations import predicates
from ovstore.store.search.relations.shapes import Shape, shape_of

SHELL = {"wall", "floor", "ceiling"}


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return truth_of(generated_room.recording())


@pytest.fixture(scope="module")
def scanned() -> dict[int, Shape]:
    """True instances as the scan has them, by object_id."""
    mesh = generated_room.recording().mesh
    found = {}
    for one in np.unique(mesh.object_id).tolist():
        xyz = mesh.xyz[mesh.object_id == one].astype(np.float64)
        [box] = boxes(xyz, np.zeros(len(xyz), np.int32), 1).oriented
        found[one] = shape_of(box, "z", lambda xyz=xyz: xyz)  # type: ignore[misc]
    return found


def test_what_things_stand_on_is_what_they_were_put_on(truth: dict[str, Any]) -> None:
    on = {(each["object_id"], each["stands_on"]) for each in truth["objects"] if each["stands_on"] is not None}
    assert set(map(tuple, truth["relations"]["on"])) == on
    assert len(on) > 5


def test_relations_name_things_of_the_scene_and_no_walls(truth: dict[str, Any]) -> None:
    label = {each["object_id"]: each["class"] for each in truth["objects"]}
    for name, found in truth["relations"].items():
        assert len(found) > 0, name
        assert len(set(map(tuple, found))) == len(found)
        for several in found:
            assert len(set(several)) == len(several) == (3 if name == "between" else 2)
            assert not SHELL & {label[one] for one in several}, name


def test_things_are_near_what_they_stand_on_and_never_beside_or_under_it(truth: dict[str, Any]) -> None:
    relations = {name: set(map(tuple, found)) for name, found in truth["relations"].items()}
    for thing, bearer in relations["on"]:
        assert tuple(sorted((thing, bearer))) in relations["near"]
        assert tuple(sorted((thing, bearer))) not in relations["beside"]
        assert (thing, bearer) not in relations["under"]
    assert relations["beside"] <= relations["near"]


def test_true_boxes_agree_with_what_is_inside_below_and_between(truth: dict[str, Any]) -> None:
    low, high = (
        {each["object_id"]: np.array(each[side]) for each in truth["objects"]} for side in ("box_min", "box_max")
    )
    for a, b in truth["relations"]["inside"]:
        assert (np.maximum(low[a], low[b]) <= np.minimum(high[a], high[b])).all()
    for a, b in truth["relations"]["below"]:
        assert high[a][2] <= low[b][2] + 0.05
    for a, b, c in truth["relations"]["between"]:
        assert b < c
        line = (low[c] + high[c] - low[b] - high[b]) / 2
        share = ((low[a] + high[a] - low[b] - high[b]) / 2) @ line / (line @ line)
        assert 0 < share < 1, "the boxes along the axes have about the same centres as the turned ones"


def test_a_scan_shows_most_that_is_true_and_nearly_nothing_else(
    truth: dict[str, Any], scanned: dict[int, Shape]
) -> None:
    label = {each["object_id"]: each["class"] for each in truth["objects"]}
    things = [one for one in scanned if label[one] not in SHELL]
    on = {pair for pair in map(tuple, truth["relations"]["on"]) if set(pair) <= set(things)}
    found = set()
    for thing in things:
        heights = {}
        for bearer in things:
            if bearer != thing and predicates.on(scanned[thing], scanned[bearer], 0.05) >= 0.5:
                height = predicates.support_height(scanned[thing], scanned[bearer], 0.05)
                assert height is not None
                heights[bearer] = abs(scanned[thing].bottom - height)
        if heights:
            found.add((thing, min(heights, key=lambda bearer: heights[bearer])))
    assert len(found & on) >= 0.95 * len(found)
    assert len(found & on) >= 0.8 * len(on), "eight small frames see less of it than a real scan does"
    near = {pair for pair in map(tuple, truth["relations"]["near"]) if set(pair) <= set(things)}
    seen = {pair for pair in combinations(sorted(things), 2) if predicates.near(*(scanned[one] for one in pair)) >= 0.5}
    assert len(near & seen) >= 0.9 * max(len(near), len(seen))


def test_the_same_scene_has_the_same_relations(truth: dict[str, Any]) -> None:
    scene = generated_room.scene()
    again = relations_of(scene.geometry, scene.objects)
    assert {name: list(map(tuple, found)) for name, found in truth["relations"].items()} == again
