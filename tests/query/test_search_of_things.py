"""Things as the answer of a search: no filter costs one, no index changes them, old feature sets still answer."""

from collections.abc import Iterator
from pathlib import Path

import generated_room
import numpy as np
import ovstore
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.core.errors import BadInput
from ovstore.core.features import Hit
from ovstore.ingest.generated.formats import scannet
from ovstore.store.postgres.database import Database
from ovstore.store.search import search as store_search
from ovstore.store.search.indexes import faiss
from ovstore.store.search.things import candidates, trees
from sqlalchemy import text

EVERYTHING = 10_000


@pytest.fixture(scope="module")
def room(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A generated room in the features of color_words."""
    folder = tmp_path_factory.mktemp("scans") / "scene0000_00"
    folder.mkdir()
    scannet.write(folder, generated_room.recording())
    options = ("--encoder", "color_words", "--name", "whole", "--features", "whole", "--frame-stride", 1)
    done = typed(shared_store, "ingest", "scannet", folder.parent, *options)
    assert done.exit_code == 0, done.output
    return shared_store


def ask(store: Database, **how: object) -> ovstore.Answer:
    how = {"top": EVERYTHING, "features": "whole", "datasets": "whole"} | how
    return ovstore.search(store, "red", **how)  # type: ignore[arg-type]


def every(answer: ovstore.Answer) -> Iterator[Hit]:
    """Hits and their parts."""
    for hit in answer:
        yield hit
        yield from hit.parts


def sizes(hit: Hit) -> tuple[float, ...]:
    return tuple(high - low for low, high in zip(hit.box_min, hit.box_max, strict=True))


def test_hits_are_things_in_the_order_of_their_fit(room: Database) -> None:
    answer = ask(room, top=10)
    assert len(answer) == 10 and {hit.level for hit in answer} == {"thing"}
    fits = [hit.fit for hit in answer]
    assert fits == sorted(fits, reverse=True)


def test_all_things_together_hold_every_superpoint_once(room: Database) -> None:
    held = [number for hit in every(ask(room)) for number in hit.superpoints]
    seen = ovstore.search(room, "red", features="whole", datasets="whole", level="superpoint", top=EVERYTHING)
    assert len(held) == len(set(held))
    assert {hit.ordinal for hit in seen} <= set(held)  # regions of a single point are never hits


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ("point_count > 400", lambda hit: hit.point_count > 400),
        ("size_z > 0.5 AND NOT size_x > 1", lambda hit: sizes(hit)[2] > 0.5 and not sizes(hit)[0] > 1),
        ("centre_z < 0.4", lambda hit: hit.centre[2] < 0.4),
        ("volume > 0.05", lambda hit: float(np.prod(hit.oriented_box.size)) > 0.05),
        ("level = 'object' AND dataset = 'whole'", lambda hit: True),
        ("scene IN (SELECT scene FROM region_overview WHERE point_count > 1000000)", lambda hit: False),
    ],
)
def test_a_condition_is_held_to_the_thing_itself_and_costs_no_thing(
    room: Database, condition: str, passes: object
) -> None:
    expected = {hit.superpoints for hit in every(ask(room)) if passes(hit)}  # type: ignore[operator]
    assert {hit.superpoints for hit in every(ask(room, where=condition))} == expected


def test_a_condition_of_the_stored_object_is_that_of_the_one_around_the_seed(room: Database) -> None:
    with room.connect() as connection:
        rows = connection.execute(
            text("SELECT s.id AS seed, around.label FROM regions s "
                 "JOIN regions o ON o.feature_set_id = s.feature_set_id AND o.level = 'object' "
                 "AND s.row_start >= o.row_start AND s.row_stop <= o.row_stop "
                 "JOIN region_overview around ON around.region = o.id WHERE s.level = 'superpoint'")
        )  # fmt: skip
        label = {row.seed: row.label for row in rows}
    found = list(every(ask(room, where="label = 'wall'")))
    assert found and all(label[hit.region] == "wall" for hit in found)
    assert len(found) == sum(label[hit.region] == "wall" for hit in every(ask(room)))


def test_a_condition_that_is_none_is_refused(room: Database) -> None:
    with pytest.raises(BadInput, match=r"column \"colour\" does not exist. Columns: region, dataset"):
        ask(room, where="colour = 'red'")
    with pytest.raises(BadInput, match="is not one complete SQL condition"):
        ask(room, where="true) OR (true")


def test_unlikely_things_are_left_out_and_no_likely_one(room: Database) -> None:
    chances = sorted(hit.probability or 0 for hit in every(ask(room)))
    least = chances[-3]
    found = list(every(ask(room, min_probability=least)))
    assert len(found) == sum(chance >= least for chance in chances)
    assert all(hit.probability is not None and hit.probability >= least for hit in found)
    with pytest.raises(BadInput, match="no background"):
        ovstore.search(room, like=ask(room, top=1)[0].region, features="whole", min_probability=0.5)


@pytest.mark.parametrize("index", ["faiss", "pgvector_hnsw"])
def test_no_index_changes_the_things(room: Database, monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    """Few superpoints are asked for at a time, so that the index proposes some and not all of them."""
    monkeypatch.setattr(candidates, "_FIRST", 4)
    monkeypatch.setattr(faiss, "MORE", 0)
    assert typed(room, "index", "build", index, "--features", "whole", "--level", "superpoint").exit_code == 0
    query = ask(room, top=5).query
    assert query is not None
    assert store_search.search(room, query, index) == store_search.search(room, query, "exact")
    assert typed(room, "index", "drop", index, "--level", "superpoint").exit_code == 0


def test_neither_points_nor_vectors_of_points_are_read(room: Database) -> None:
    expected = ask(room, top=5)
    moved = [(path, path.with_suffix(".away")) for path in Path(room.path).rglob("*.parquet")]
    assert moved
    for path, away in moved:
        path.rename(away)
    try:
        assert ask(room, top=5) == expected
    finally:
        for path, away in moved:
            away.rename(path)


def test_one_scene_says_how_little_it_knows(room: Database) -> None:
    assert [note for note in ask(room).notes if note.startswith("Only one scene was searched")]


def test_a_feature_set_without_a_tree_answers_with_its_objects_and_says_so(room: Database) -> None:
    """As one of 0.2.0 has none."""
    with room.connect() as connection:
        kept = connection.execute(text("DELETE FROM thing_trees RETURNING feature_set_id, body")).all()
    trees._kept.clear()
    try:
        answer = ask(room)
        objects = ovstore.search(room, "red", features="whole", datasets="whole", ungrouped=True, top=EVERYTHING)
        assert {hit.full_name for hit in answer} == {hit.full_name for hit in objects}
        assert {hit.level for hit in answer} == {"object"} and all(hit.fit is not None for hit in answer)
        assert any("ovstore doctor --repair" in note for note in answer.notes)
        np.testing.assert_array_equal(answer[0].mask, next(h for h in objects if h.name == answer[0].name).mask)
    finally:
        with room.connect() as connection:
            for row in kept:
                connection.execute(text("INSERT INTO thing_trees VALUES (:feature_set_id, :body)"), row._asdict())


def test_a_name_of_a_thing_stands_for_it(room: Database) -> None:
    hit = next(hit for hit in ask(room, top=5) if len(hit.superpoints) > 1)
    alike = ovstore.search(room, like=hit.full_name, features="whole", top=1)
    assert alike[0].score > 0.9
    assert typed(room, "show", hit.full_name).exit_code == 0


def test_show_names_the_images_that_show_all_of_a_thing(room: Database) -> None:
    """Not those of its largest superpoint alone; a thing that took nothing in beyond its node has those of the hit."""
    shown = {
        hit: document(typed(room, "show", hit.full_name, "--features", "whole", "--json")) for hit in ask(room, top=20)
    }
    whole = [(hit, found) for hit, found in shown.items() if tuple(found["superpoints"]) == hit.superpoints]
    assert any(len(hit.superpoints) > 1 for hit, _ in whole)
    for hit, found in whole:
        assert [(view["frame"], tuple(view["box_xyxy"])) for view in found["views"]] == [
            (view.frame, view.box_xyxy) for view in hit.evidence
        ]
