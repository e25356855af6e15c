"""Regions have names that outlive their ids; an id of an old answer is answered with what became of it."""

from pathlib import Path

import pytest
import small_scene
from command_line import document, ovstore
from ovstore.core.errors import BadInput, NotFound
from ovstore.store.catalog import catalog, region_names
from ovstore.store.maintain import forget
from ovstore.store.postgres.database import Database


@pytest.fixture
def rooms(store: Database, tmp_path: Path) -> Database:
    return small_scene.publish_two(store, tmp_path)


def object_of(store: Database, scene: str, ordinal: int = 2) -> catalog.RegionInfo:
    return region_names.find(store, f"{scene}:{ordinal}@object")


def test_every_way_to_name_a_region_finds_it(rooms: Database) -> None:
    wanted = object_of(rooms, "room")
    assert (wanted.scene, wanted.level, wanted.ordinal) == ("room", "object", 2)
    assert wanted.full_name == "scans/room:2@object"
    for name in ("scans/room:2@object", wanted.id, str(wanted.id), f"room:{wanted.id}", f"scans/room:{wanted.id}"):
        assert region_names.find(rooms, name) == wanted
    assert region_names.find(rooms, "room:2@superpoint").level == "superpoint"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("room", "'room' is not the name of a region: SCENE:ORDINAL@LEVEL was expected"),
        ("room:2@nothing", "is not the name of a region"),
        ("2@object", "2@object is a region of each of 2 scenes: give SCENE:2@object"),
        ("room:99@object", "scans/room has no region 99@object in its features 'toy'. See: ovstore show scans/room"),
        ("cellar:2@object", "No scene named 'cellar'"),
        ("room:99999999999999999999@object", "has no region 99999999999999999999@object"),
        ("99999999999", "No region 99999999999 in the store"),
    ],
)
def test_what_is_no_region_is_one_sentence(rooms: Database, name: str, sentence: str) -> None:
    with pytest.raises((BadInput, NotFound)) as refused:
        region_names.find(rooms, name)
    assert sentence in str(refused.value)


def test_a_region_of_another_scene_is_refused(rooms: Database) -> None:
    hall = object_of(rooms, "hall")
    with pytest.raises(
        NotFound, match=f"Region {hall.id} does not belong to 'room' but is scans/hall:2@object"
    ) as refused:
        region_names.find(rooms, f"room:{hall.id}")
    assert f"is room:{hall.id}@object." in str(refused.value)


def test_where_two_scenes_have_one_name_the_dataset_is_asked_for(rooms: Database) -> None:
    small_scene.make("room", 2).publish(rooms, "copies")
    with pytest.raises(NotFound, match="choose one of copies/room, scans/room"):
        object_of(rooms, "room")
    assert object_of(rooms, "copies/room").dataset == "copies"
    assert catalog.ambiguous(rooms, ["room", "hall"]) == {"room"}


def test_of_several_feature_sets_the_usual_or_the_named_one_is_meant(rooms: Database) -> None:
    [_, room] = catalog.scenes(rooms)
    small_scene.make("room").publish_features(
        rooms, room.id, "second", {"encoder": {"name": "toy", "options": {"a": 1}}}
    )
    assert object_of(rooms, "room").features == "toy"  # two scenes have it, one has the other
    assert region_names.find(rooms, "room:2@object", "second").features == "second"


def test_a_name_survives_and_an_old_id_says_what_became_of_it(rooms: Database) -> None:
    before = object_of(rooms, "room")
    small_scene.make("room").publish_features(rooms, before.scene_id, recipe={"encoder": {"name": "newer"}})
    after = object_of(rooms, "room")
    assert after.id != before.id
    assert after.full_name == before.full_name
    with pytest.raises(NotFound) as gone:
        region_names.find(rooms, before.id)
    assert str(gone.value).startswith(f"Region {before.id} was scans/room:2@object of the features 'toy', which were ")
    assert "replaced on 20" in str(gone.value)
    assert "--like scans/room:2@object refers to the region of that name now." in str(gone.value)


def test_an_id_of_a_replaced_geometry_and_of_a_forgotten_scene_is_remembered(rooms: Database) -> None:
    room, hall = object_of(rooms, "room"), object_of(rooms, "hall", 0)
    small_scene.with_other_points(small_scene.make("room")).publish(rooms)
    forget.forget_scenes(rooms, [scene for scene in catalog.scenes(rooms) if scene.name == "hall"])
    with pytest.raises(NotFound, match="was scans/room:2@object of the features 'toy', which were replaced"):
        region_names.find(rooms, f"room:{room.id}")
    with pytest.raises(NotFound, match="was scans/hall:0@object of the features 'toy', which were forgotten on"):
        region_names.find(rooms, hall.id)


def test_show_and_export_take_a_region(rooms: Database, tmp_path: Path) -> None:
    region = object_of(rooms, "room")
    shown = ovstore(rooms, "show", "room:2@object")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(
        f"scans/room:2@object  features toy  (id {region.id})\n  {region.point_count} points, "
    )
    assert "More like it: ovstore search --like scans/room:2@object" in shown.stdout
    assert document(ovstore(rooms, "show", f"room:{region.id}", "--json"))["name"] == "scans/room:2@object"
    out = tmp_path / "thing.ply"
    assert ovstore(rooms, "export", "ply", "room:2@object", out).exit_code == 0
    assert f"element vertex {region.point_count}\n".encode() in out.read_bytes()
    assert "scene:region" in ovstore(rooms, "show", "room").stdout
    assert "room:2@object" in ovstore(rooms, "show", "room").stdout
