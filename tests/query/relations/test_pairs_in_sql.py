"""ov_on, ov_near and ov_distance say in SQL what the points say, and null where nothing is recorded."""

import shutil
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_room
from command_line import ovstore
from ovstore.core.errors import BadInput
from ovstore.query import select_only, sql
from ovstore.store.catalog import catalog
from ovstore.store.catalog.handles import scene_handle
from ovstore.store.postgres import reading
from ovstore.store.postgres.database import Database
from sqlalchemy import text

OLD = "DELETE FROM region_pairs; UPDATE feature_sets SET pairs_within = NULL"


def ingest(store: Database, room: Path, *more: object) -> None:
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", *more)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room")


@pytest.fixture(scope="module")
def asked(shared_store: Database, room: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The same room twice, as two scenes."""
    for name in ("first", "second"):
        ingest(shared_store, shutil.copytree(room, tmp_path_factory.mktemp("scans") / name))
    return shared_store


def rows(store: Database, statement: str) -> list[Any]:
    return [tuple(row) for row in sql.run(store, statement).rows]


def objects(store: Database, scene: str) -> dict[int, int]:
    """Region ids by ordinal."""
    found = catalog.regions(store, catalog.find_scene(store, scene).id)
    return {region.ordinal: region.id for region in found}


def plain_distance(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return min(
        float(np.sqrt(((a[start : start + 500, None] - b) ** 2).sum(axis=2)).min()) for start in range(0, len(a), 500)
    )


def test_distances_are_those_of_the_closest_points(asked: Database) -> None:
    handle = scene_handle(asked, "first", "stored")
    xyz, of = handle.points().xyz, handle.features().region_of_points("object")
    ids = objects(asked, "first")
    assert len(ids) >= 4
    close = 0
    for a, b in combinations(ids, 2):
        [(there, back, near, wide)] = rows(
            asked,
            f"SELECT ov_distance({ids[a]}, {ids[b]}), ov_distance({ids[b]}, {ids[a]}), ov_near({ids[a]}, {ids[b]}), "
            f"ov_near({ids[b]}, {ids[a]}, 1.5)",
        )
        metres = plain_distance(xyz[of == a], xyz[of == b])
        assert there == back
        assert there == (pytest.approx(metres, abs=1e-6) if metres <= 2 else None)
        assert (near, wide) == (metres <= 0.5, metres <= 1.5)
        close += metres <= 0.5
    assert close > 0


def test_a_box_stands_on_the_floor_and_the_floor_on_nothing(asked: Database) -> None:
    """The floor is the largest object."""
    floor, *_ = sorted(catalog.regions(asked, catalog.find_scene(asked, "first").id), key=lambda r: -r.point_count)
    standing = rows(asked, f"SELECT region FROM region_overview WHERE level = 'object' AND ov_on(region, {floor.id})")
    assert standing
    assert all(rows(asked, f"SELECT ov_on({floor.id}, {region})") == [(False,)] for (region,) in standing)
    best = "SELECT region FROM region_overview WHERE level = 'object' AND scene = 'first' ORDER BY embedding <=> "
    named = {region for colour in toy_room.BOXES for (region,) in rows(asked, f"{best}{{text:{colour}}} LIMIT 1")}
    assert {region for (region,) in standing} & named


def test_things_of_different_scenes_are_not_near_and_superpoints_are_not_recorded(asked: Database) -> None:
    first, second = (next(iter(objects(asked, scene).values())) for scene in ("first", "second"))
    assert rows(
        asked, f"SELECT ov_near({first}, {second}), ov_on({first}, {second}), ov_distance({first}, {second})"
    ) == [(False, False, None)]
    parts = catalog.regions(asked, catalog.find_scene(asked, "first").id, "superpoint")
    assert rows(asked, f"SELECT ov_near({first}, {parts[0].id}), ov_on({parts[0].id}, {first})") == [(None, None)]
    assert rows(asked, f"SELECT ov_near({first}, {first}), ov_on({first}, {first}), ov_distance({first}, {first})") == [
        (True, False, 0.0)
    ]
    assert rows(asked, f"SELECT ov_near({first}, {first}, 3), ov_near(0, {first})") == [(None, None)]


def test_the_functions_filter_a_search(asked: Database) -> None:
    floor, *_ = sorted(catalog.regions(asked, catalog.find_scene(asked, "first").id), key=lambda r: -r.point_count)
    result = ovstore(asked, "search", "red", "--where", f"ov_on(region, {floor.id})", "--scene", "first", "--json")
    assert result.exit_code == 0, result.output
    assert "first" in result.stdout


def test_each_statement_over_files_that_uses_them_is_told_where_they_are(asked: Database) -> None:
    assert set(reading.FUNCTIONS) == select_only._OF_TABLES
    for name in reading.FUNCTIONS:
        with pytest.raises(BadInput, match=f"^The function {name} reads PostgreSQL's tables, not files"):
            sql.run_on_files(asked, f"SELECT {name}(1, 2)")


def test_what_was_published_before_answers_null_until_it_is_made_again(store: Database, room: Path) -> None:
    ingest(store, room)
    first, second, *_ = objects_of(store)
    question = f"SELECT ov_near({first}, {second}), ov_on({first}, {second}), ov_distance({first}, {second})"
    before = rows(store, question)
    with store.connect() as connection:
        connection.execute(text(OLD))
    assert rows(store, question) == [(None, None, None)]
    ingest(store, room, "--again")
    assert objects_of(store)[:2] == [first, second], "the regions are as they were"
    assert rows(store, question) == before != [(None, None, None)]


def test_pairs_go_with_their_features(store: Database, room: Path) -> None:
    ingest(store, room)
    assert rows(store, "SELECT count(*) > 0 FROM region_pairs") == [(True,)]
    assert ovstore(store, "forget", "room", "--yes").exit_code == 0
    assert rows(store, "SELECT count(*) FROM region_pairs") == [(0,)]


def objects_of(store: Database) -> list[int]:
    return [region.id for region in catalog.regions(store, catalog.find_scene(store, "room").id)]
