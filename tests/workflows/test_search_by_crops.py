"""Searches by vectors from crops: alone, with the fused ones, over stored objects and over things."""

import json
from pathlib import Path

import numpy as np
import ovstore
import pytest
import toy_room
from command_line import document
from command_line import ovstore as typed
from ovstore.core.errors import BadInput, NotFound
from ovstore.store.catalog import catalog, crop_sets
from ovstore.store.catalog.regions import load_regions
from ovstore.store.postgres.database import Database
from ovstore.store.search import region_vectors


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in ("hall", "room"):
        toy_room.write(folder / name, frames=6 if name == "room" else 5)
    return folder


@pytest.fixture
def described(store: Database, scans: Path) -> Database:
    """Two scenes, both described from crops."""
    result = typed(store, "ingest", "rgbd", scans, "--encoder", "tiny", "--crops")
    assert result.exit_code == 0, result.output
    return store


def expected(store: Database, vectors: str, text: str) -> dict[str, float]:
    """The score of every object by name, by plain numpy."""
    found = {}
    for features in catalog.feature_sets(store):
        objects = load_regions(store, features.id, features.space, "object")
        crops = crop_sets.load_crops(store, features.id, features.space)
        of_crops = dict(zip(crops.ordinal.tolist(), crops.vectors.astype(np.float64), strict=True))
        query = ovstore.search(store, text, level="object").query
        assert query is not None
        for region, fused in zip(objects.regions, objects.vectors.astype(np.float64), strict=True):
            if region.point_count == 1:  # no hit
                continue
            vector = fused / np.linalg.norm(fused)
            if region.ordinal in of_crops and vectors != "fused":
                crop = of_crops[region.ordinal]
                vector = crop / np.linalg.norm(crop) + (vector if vectors == "both" else 0)
            elif vectors == "crops":
                continue
            name = f"{features.dataset}/{features.scene}:{region.ordinal}@object"
            found[name] = float(vector @ query.vector / np.linalg.norm(vector))
    return found


@pytest.mark.parametrize("vectors", ["fused", "crops", "both"])
def test_objects_score_as_plain_numpy_says(described: Database, vectors: str) -> None:
    answer = ovstore.search(described, "a red chair", level="object", vectors=vectors, top=100)
    scores = expected(described, vectors, "a red chair")
    assert {hit.full_name for hit in answer} == set(scores)
    for hit in answer:
        assert hit.score == pytest.approx(scores[hit.full_name], abs=1e-3)
    assert [hit.score for hit in answer] == sorted((hit.score for hit in answer), reverse=True)


def test_the_command_and_python_agree(described: Database) -> None:
    options = {"level": "object", "vectors": "crops", "top": 5, "exclude": "floor", "where": "size_z < 1.5"}
    answer = ovstore.search(described, "a red chair", **options)
    typed_in = typed(described, "search", "a red chair", "--level", "object", "--vectors", "crops", "--top", 5,
                     "--not", "floor", "--where", "size_z < 1.5", "--json")  # fmt: skip
    assert document(typed_in) == json.loads(json.dumps(answer.to_dict()))
    assert len(answer) >= 1


def test_filters_hold_for_vectors_from_crops(described: Database) -> None:
    answer = ovstore.search(described, "chair", level="object", vectors="crops", scenes="hall", top=100)
    assert {hit.scene for hit in answer} == {"hall"}


def test_the_side_files_follow_what_is_described_and_forgotten(described: Database, scans: Path) -> None:
    def score() -> float:
        return ovstore.search(described, "chair", level="object", vectors="crops", top=1)[0].score

    before = score()
    assert typed(described, "describe", "--levels", 1, "--top", 1).exit_code == 0
    assert score() != before
    assert typed(described, "forget", "room", "--features", "tiny", "--crops", "--yes").exit_code == 0
    answer = ovstore.search(described, "chair", level="object", vectors="crops", top=100)
    assert {hit.scene for hit in answer} == {"hall"}
    assert any("vectors from crops" in note for note in answer.notes)
    both = ovstore.search(described, "chair", level="object", vectors="both", top=100)
    assert {hit.scene for hit in both} == {"hall", "room"}


def test_doctor_checks_and_repairs_the_side_files(described: Database) -> None:
    ovstore.search(described, "chair", level="object", vectors="both")
    [file] = described.file("indexes").glob("regions-*-both/*.vectors")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert region_vectors.damaged(described) != []
    assert typed(described, "doctor", "--repair").exit_code == 0
    assert region_vectors.damaged(described) == []


def test_without_crops_the_way_to_them_is_named(store: Database, scans: Path) -> None:
    assert typed(store, "ingest", "rgbd", scans, "--encoder", "tiny").exit_code == 0
    for vectors in ("crops", "both"):
        with pytest.raises(NotFound, match="ovstore describe"):
            ovstore.search(store, "chair", vectors=vectors)
    assert typed(store, "describe", "room").exit_code == 0
    with pytest.raises(NotFound, match="ovstore describe"):
        ovstore.search(store, "chair", vectors="crops", scenes="hall")


def test_superpoints_have_no_crops(described: Database) -> None:
    with pytest.raises(BadInput, match="Only objects have vectors from crops"):
        ovstore.search(described, "chair", level="superpoint", vectors="crops")


def test_tiny_was_not_taught_crops_and_is_asked_by_fused_vectors(described: Database) -> None:
    default = ovstore.search(described, "a red chair", level="object")
    assert default.query is not None and default.query.vectors == "fused"


def test_retrieval_is_evaluated_by_the_vectors_that_are_named(store: Database, tmp_path: Path) -> None:
    generated = ("generate", "rgbd", tmp_path / "scans", "--scenes", 2, "--seed", 3, "--frames", 6)
    assert typed(store, *generated).exit_code == 0
    assert typed(store, "ingest", "rgbd", tmp_path / "scans", "--encoder", "tiny", "--crops").exit_code == 0
    found = {
        vectors: document(typed(store, "eval", "retrieval", "--max-scenes", 2, "--vectors", vectors, "--json"))
        for vectors in ("fused", "crops", "both")
    }
    assert any("vectors from crops" in note for note in found["crops"]["notes"])
    tables = [str(found[vectors]).replace(str(found[vectors]["notes"]), "") for vectors in found]
    assert len(set(tables)) == 3
    assert typed(store, "forget", "--dataset", "rgbd", "--features", "tiny", "--crops", "--yes").exit_code == 0
    result = typed(store, "eval", "retrieval", "--max-scenes", 2, "--vectors", "both")
    assert result.exit_code == 1 and "has no vectors from crops (2 scenes of 2 without)" in result.stderr
