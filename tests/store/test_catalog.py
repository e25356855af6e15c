"""The catalogue: names lead to one scene, or to a sentence that names the nearest."""

import re

import numpy as np
import pytest
import small_scene
from ovstore.core.errors import NotFound
from ovstore.core.features import EmbeddingSpace
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database


def test_a_scene_is_found_by_its_name_or_with_its_dataset(store: Database) -> None:
    small_scene.make("room").publish(store, "scans")
    small_scene.make("hall").publish(store, "scans")
    assert catalog.find_scene(store, "hall").full_name == "scans/hall"
    assert catalog.find_scene(store, "scans/hall") == catalog.find_scene(store, "hall", "scans")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("rom", "No scene named 'rom'. Did you mean 'room'? See: ovstore scenes"),
        ("scan/room", "No scene named 'scan/room'. Did you mean 'scans/room'? See: ovstore scenes"),
        ("snoopy", "No scene named 'snoopy'. See: ovstore scenes"),
        ("hall", "2 scenes are named 'hall': choose one of more/hall, scans/hall."),
    ],
)
def test_a_name_that_is_wrong_or_means_two_is_answered_with_what_to_type(
    store: Database, name: str, sentence: str
) -> None:
    small_scene.make("room").publish_geometry(store, "scans")
    for dataset in ("scans", "more"):
        small_scene.make("hall").publish_geometry(store, dataset)
    with pytest.raises(NotFound, match=re.escape(sentence)):
        catalog.find_scene(store, name)


def test_an_empty_store_says_what_to_type_next(store: Database) -> None:
    assert catalog.scenes(store) == catalog.feature_sets(store) == catalog.feature_kinds(store) == []
    with pytest.raises(NotFound, match=r"has no scenes yet.*ovstore ingest"):
        catalog.find_scene(store, "room")
    with pytest.raises(NotFound, match=r"No dataset named 'scans'. Known: none yet"):
        catalog.scenes(store, "scans")


def test_the_feature_set_of_a_scene_is_its_only_one_or_is_named(store: Database) -> None:
    small = small_scene.make()
    scene_id = small.publish_geometry(store)
    with pytest.raises(NotFound, match="scans/room has no features yet"):
        catalog.find_feature_set(store, catalog.find_scene(store, "room"))
    small.publish_features(store, scene_id, "toy")
    assert catalog.find_feature_set(store, catalog.find_scene(store, "room")).name == "toy"
    small.publish_features(store, scene_id, "other", {"encoder": {}})
    scene = catalog.find_scene(store, "room")
    assert scene.features == ("other", "toy")
    assert catalog.find_feature_set(store, scene, "other").name == "other"
    with pytest.raises(NotFound, match="2 feature sets: choose one with --features: other, toy"):
        catalog.find_feature_set(store, scene)
    with pytest.raises(NotFound, match=r"no features named 'clip'. It has: other, toy"):
        catalog.find_feature_set(store, scene, "clip")


def test_kinds_are_names_in_a_space_those_of_most_scenes_first(store: Database) -> None:
    other = EmbeddingSpace("other", 8, "abc", 10.0)
    for number, name in enumerate(("a", "b", "c")):
        scene_id, _ = small_scene.make(name, number).publish(store)
        if name == "b":
            small_scene.make(name, number, space=other).publish_features(store, scene_id, "alone", {"encoder": "other"})
    kinds = catalog.feature_kinds(store)
    assert [(kind.name, kind.space, kind.scene_count) for kind in kinds] == [
        ("toy", small_scene.SPACE, 3),
        ("alone", other, 1),
    ]
    assert kinds[0].recipe == small_scene.FEATURES
    assert {name: len(files) for name, files in catalog.files(store, "toy").items()} == {
        "points": 3, "correspondences": 3, "features": 3,
    }  # fmt: skip


def test_a_region_is_found_by_its_id(store: Database) -> None:
    small = small_scene.make()
    scene_id, feature_set_id = small.publish(store)
    largest = catalog.regions(store, scene_id, "object", top=1)[0]
    assert largest.point_count == max(region.point_count for region in small.regions[1].regions)
    assert catalog.region(store, largest.id) == largest
    assert (largest.scene, largest.features, largest.feature_set_id) == ("room", "toy", feature_set_id)
    space, vector = catalog.region_vector(store, largest.id)
    row = [region.ordinal for region in small.regions[1].regions].index(largest.ordinal)
    assert space == small_scene.SPACE
    np.testing.assert_array_equal(vector, small.regions[1].vectors[row])
    with pytest.raises(NotFound, match="No region 0"):
        catalog.region(store, 0)
    with pytest.raises(NotFound, match="No region 0"):
        catalog.region_vector(store, 0)


def test_a_name_that_is_none_brings_those_that_come_near(store: Database) -> None:
    small_scene.make("kitchen").publish(store)
    small_scene.make("kitten", 1).publish(store, "other")
    for call, near in (
        (lambda: catalog.find_scene(store, "kitch"), "kitchen"),
        (lambda: catalog.find_scene(store, "scans/kitchn"), "scans/kitchen"),
        (lambda: catalog.scenes(store, "scan"), "scans"),
        (lambda: catalog.feature_kind(store, "toi"), "toy"),
        (lambda: catalog.find_feature_set(store, catalog.find_scene(store, "kitten"), "none"), "toy"),
    ):
        with pytest.raises(NotFound) as error:
            call()
        assert error.value.near[0] == near
