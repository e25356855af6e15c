"""Questions and points meet in one space only; a heat map is the cosine of every seen point."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_scene
from command_line import ovstore
from ovstore.core.errors import BadInput, BadWeights, NotFound, SpaceMismatch, UnknownWords
from ovstore.core.features import EmbeddingSpace, Query
from ovstore.query import encode, heat, sql
from ovstore.query.heat import heat_map
from ovstore.query.question import Question
from ovstore.query.scored_points import scored_points
from ovstore.query.search import search
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.store.search import scoring
from ovstore.store.search import search as store_search
from ovstore.store.search.point_search import region_points
from PIL import Image
from plyfile import PlyData
from sqlalchemy import text

COLOURS = EmbeddingSpace("color_words", 13, "", 20.0)
RED, BLUE = 3, 7  # their axes
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}


def test_the_value_of_a_point_is_the_cosine_of_its_vector(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    longer = replace(small.features, vectors=small.features.vectors * np.float16(2.5))  # as --compat leaves them
    small = replace(small, features=longer)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    found = heat_map(store, "room", Question("red"), "colours")
    seen = small.features.point_index
    assert np.isnan(np.delete(found.score, seen)).all()
    cosine = longer.vectors[:, RED] / np.linalg.norm(longer.vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(found.score[seen], cosine, atol=1e-6)


def test_the_quick_scores_of_all_points_are_those_of_a_search_to_half_a_millionth() -> None:
    random = np.random.default_rng(1)
    for rows, dim in ((1, 3), (255, 96), (1000, 512)):
        vectors = (random.normal(size=(rows, dim)) * random.uniform(1e-3, 30, (rows, 1))).astype(np.float16)
        vectors[rows // 2] = 0
        query = random.normal(size=dim).astype(np.float32)
        quick, exact = scoring.quick_scores(vectors, query), scoring.exact_scores(vectors, query)
        assert quick.dtype == np.float32 and np.abs(quick - exact).max() < 5e-7
        assert quick[rows // 2] == 0


def test_heat_is_the_same_read_at_once_or_in_blocks_and_follows_a_new_feature_set(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    scene_id = small.publish_geometry(store)
    small.publish_features(store, scene_id, "colours", RECIPE)
    scene = catalog.find_scene(store, "room")
    kept = heat.point_scores(store, scene, Question("red"))
    monkeypatch.setattr(heat, "_SMALL", 0)
    np.testing.assert_array_equal(heat.point_scores(store, scene, Question("red")).score, kept.score)
    monkeypatch.undo()
    np.testing.assert_array_equal(heat_map(store, "room", Question("red"), order="stored").score, kept.score)
    turned = replace(small, features=replace(small.features, vectors=small.features.vectors[:, ::-1].copy()))
    turned.publish_features(store, scene_id, "colours", RECIPE | {"again": 1})
    after = heat.point_scores(store, scene, Question("red")).score
    seen = small.features.point_index
    exact = scoring.exact_scores(turned.features.vectors, np.eye(13, dtype=np.float32)[RED])
    assert np.abs(after[seen] - exact).max() < 5e-7 and not np.allclose(after[seen], kept.score[seen])


def test_features_of_one_name_and_another_space_are_not_compared(store: Database) -> None:
    for name, space in (("room", COLOURS), ("hall", COLOURS), ("cellar", small_scene.SPACE)):
        small = small_scene.make(name, 0, space=space)
        small.publish_features(store, small.publish_geometry(store), "colours", RECIPE | {"space": space.name})
    with pytest.raises(SpaceMismatch, match="toy/16"):
        heat_map(store, "cellar", Question("red"), "colours")


@pytest.mark.parametrize("statement", ["SELECT {text:red}", "SELECT {image:red.png}"])
def test_words_and_pictures_by_other_weights_than_the_features_are_refused(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    small = small_scene.make("room", 0, space=replace(COLOURS, digest="of earlier weights"))
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpaceMismatch, match="other weights"):
        sql.run(store, statement)
    with pytest.raises(SpaceMismatch, match="other weights"):
        search(store, like=1, exclude=["red"])


def test_a_box_outside_the_image_is_refused_before_the_network_is_loaded(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6), "red").save(tmp_path / "red.png")
    encoder = encode.Encoder("tiny", json.dumps({"weights": str(tmp_path / "absent.safetensors")}), COLOURS)
    with pytest.raises(BadInput, match=r"the box 1,2,9,4 is not inside its 8x6 pixels"):
        encoder.picture(tmp_path / "red.png", (1, 2, 9, 4))
    with pytest.raises(BadWeights, match=r"absent\.safetensors"):
        encoder.picture(tmp_path / "red.png", (1, 2, 8, 4))


def test_loading_a_network_is_told_on_stderr_also_when_it_is_piped(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    for told in (True, False):
        command = [sys.executable, "-m", "ovstore.cli", "--store", str(store.path), "search", "red", "--json"]
        result = subprocess.run(command, capture_output=True, text=True)
        assert ("Loading color_words to encode words" in result.stderr) == told  # the second time it is known by heart
        assert json.loads(result.stdout)["hits"]


def test_like_takes_a_region_as_a_search_prints_it(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    first = search(store, "red", top=1)[0]
    for like in (
        first.full_name,
        first.region,
        f"{first.scene}:{first.region}",
        f"scans/room:{first.region}",
        str(first.region),
    ):
        assert search(store, like=like, top=1)[0].region == first.region
    with pytest.raises(BadInput, match="is not the name of a region: SCENE:ORDINAL@LEVEL was expected"):
        search(store, like="room")
    with pytest.raises(NotFound, match="does not belong to 'hall' but is scans/room:"):
        search(store, like=f"hall:{first.region}")


def test_an_answer_holds_the_query_that_the_next_can_be_built_from(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    answer = search(store, "red", top=2)
    assert answer.query is not None and answer.query.space == COLOURS
    again = store_search.search(store, Query(answer.query.vector, answer.query.space, top=2))
    assert [hit.region for hit in again] == [hit.region for hit in answer]
    [points] = region_points(store, [answer[0].region], answer.query)
    assert points.answers.any()


def test_a_region_of_one_point_is_no_hit_and_takes_no_place_of_another(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    everything = [hit.region for hit in search(store, "red", level="superpoint", top=1000)]
    lonely = everything[:3]
    with store.connect() as connection:
        connection.execute(text("UPDATE regions SET point_count = 1 WHERE id = ANY(:ids)"), {"ids": lonely})
    assert [hit.region for hit in search(store, "red", level="superpoint", top=1000)] == everything[3:]
    for top in (1, 2, 5):
        found = [hit.region for hit in search(store, "red", level="superpoint", top=top)]
        assert found == everything[3 : 3 + top]
        excluding = search(store, "red", level="superpoint", top=top, exclude="dark")
        assert not {hit.region for hit in excluding} & set(lonely)


def test_a_cloud_carries_the_names_of_labels_the_score_and_the_mask(store: Database, tmp_path: Path) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    said = ovstore(store, "export", "ply", "room", tmp_path / "red.ply", "--query", "red", "--features", "colours")
    assert said.exit_code == 0, said.output
    header = (tmp_path / "red.ply").read_bytes().partition(b"end_header")[0].decode().splitlines()
    assert {"comment label 0 chair", "comment label 1 table", r"comment label 2 Sofa f\xfcr zwei"} <= set(header)
    vertex = PlyData.read(tmp_path / "red.ply")["vertex"]
    heat = heat_map(store, "room", Question("red"), "colours")
    original_index = catalog.load_points(store, catalog.find_scene(store, "room").id).original_index
    np.testing.assert_array_equal(vertex["score"][original_index], heat.score)
    mask = vertex["mask"].astype(bool)
    answer = search(store, "red", features="colours", top=100)
    fitting = [hit for hit in answer if hit.probability is not None and hit.probability >= 0.5]
    assert mask.any() == bool(fitting)
    assert f"{mask.sum():,} point" in said.stderr
    rows = [hit.mask for hit in fitting]
    assert set(np.flatnonzero(mask)) == {int(row) for of_hit in rows for row in of_hit}


def test_what_is_not_there_masks_nothing(store: Database) -> None:
    """Everything is blue, with a tinge of red."""
    small = small_scene.make("room", 0, space=COLOURS)
    colour = np.zeros(13)
    colour[[RED, BLUE]] = 0.3, 1
    colour /= np.linalg.norm(colour)

    def painted(vectors: np.ndarray) -> np.ndarray:
        return np.tile(colour, (len(vectors), 1)).astype(np.float16)

    features = replace(small.features, vectors=painted(small.features.vectors))
    regions = tuple(replace(level, vectors=painted(level.vectors)) for level in small.regions)
    small = replace(small, features=features, regions=regions)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    scene = catalog.find_scene(store, "room")
    red, blue = (scored_points(store, scene, word) for word in ("red", "blue"))
    assert not red.mask.any() and np.nanmax(red.score) > 0.2
    assert blue.mask.any()


def test_words_that_the_usual_encoder_was_never_taught_name_the_other_features(store: Database) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    held = small.publish_geometry(store)
    small.publish_features(store, held, "colours", RECIPE)
    with pytest.raises(UnknownWords, match=r"is not a colour name; color_words knows only [a-z, ]+\.$"):
        search(store, "chair", features="colours")
    small_scene.make("room", 0).publish_features(store, held, "lseg", {"encoder": "lseg"})
    with pytest.raises(UnknownWords, match=r"is not a colour name; .* other features, too: --features lseg\.$"):
        search(store, "chair", features="colours")
