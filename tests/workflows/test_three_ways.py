"""One question as a command, in Python and in SQL has one answer: things, stored regions, filters, probabilities."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.core.features import Answer, Hit
from ovstore.query import sql
from ovstore.query.question import target_of
from ovstore.store.postgres.database import Database
from ovstore.store.search.probability import near_synonyms

WHERE = "size_z < 1.5 AND point_count > 30"
ASKED: dict[str, dict[str, Any]] = {
    "things": {"text": "chair"},
    "things of one scene": {"text": "a red chair", "scenes": "scene0001_00", "top": 5},
    "things without some": {"text": "chair", "exclude": "table", "where": WHERE},
    "likely things": {"text": "chair", "min_probability": 0.001},
    "objects": {"text": "chair", "ungrouped": True, "top": 25},
    "superpoints": {"text": "window", "level": "superpoint"},
    "objects under a condition": {"text": "lamp", "ungrouped": True, "where": WHERE, "top": 5},
    "objects by crops": {"text": "chair", "ungrouped": True, "vectors": "crops"},
    "things by both": {"text": "chair", "vectors": "both"},
    "like the first": {"like": None, "top": 4},
}
FLAGS = {
    "scenes": "--scene", "top": "--top", "exclude": "--not", "where": "--where", "min_probability": "--min-prob",
    "level": "--level", "vectors": "--vectors", "like": "--like",
}  # fmt: skip


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two generated rooms, described from crops."""
    folder = tmp_path_factory.mktemp("rooms")
    with ovstore.open(folder / "store", create=True) as store:
        for words in (
            ("generate", "scannet", folder / "scans", "--scenes", 2, "--seed", 5, "--frames", 8),
            ("ingest", "scannet", folder / "scans", "--encoder", "tiny", "--frame-stride", 1, "--crops"),
        ):
            result = typed(store, *words)
            assert result.exit_code == 0, result.output
    return folder / "store"


@pytest.fixture
def store(rooms: Path):  # type: ignore[no-untyped-def]
    with ovstore.open(rooms) as opened:
        yield opened


def rows_of(found: sql.Rows) -> list[dict[str, Any]]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def asked(store: Database, name: str) -> dict[str, Any]:
    question = dict(ASKED[name])
    if "like" in question:
        question["like"] = ovstore.search(store, "chair", top=1)[0].full_name
    return question


def by_python(store: Database, name: str) -> Answer:
    return ovstore.search(store, **asked(store, name))


def by_command(store: Database, name: str) -> Any:
    question = asked(store, name)
    words = [question.pop("text")] if "text" in question else []
    if question.pop("ungrouped", False):
        words.append("--ungrouped")
    for key, value in question.items():
        words += [FLAGS[key], value]
    return document(typed(store, "search", *words, "--json"))


@pytest.mark.parametrize("name", ASKED)
def test_the_command_prints_what_python_returns(store: Database, name: str) -> None:
    answer = by_python(store, name)
    assert len(answer) >= 1
    assert by_command(store, name) == json.loads(json.dumps(answer.to_dict()))


@pytest.mark.parametrize("name", ["objects", "superpoints", "objects under a condition", "objects by crops"])
def test_sql_ranks_and_scores_stored_regions_as_a_search_does(store: Database, name: str) -> None:
    answer, question = by_python(store, name), ASKED[name]
    vectors = "region_overview.embedding" if question.get("vectors", "fused") == "fused" else "region_crops.embedding"
    statement = (
        f"SELECT region, 1 - ({vectors} <=> {{text:{question['text']}}}) AS score, scene, point_count "
        "FROM region_overview LEFT JOIN region_crops ON region_id = region "
        f"WHERE level = '{question.get('level', 'object')}' AND point_count > 1 AND {vectors} IS NOT NULL "
        f"AND ({question.get('where', 'true')}) ORDER BY score DESC, region LIMIT {question.get('top', 10)}"
    )
    rows = rows_of(sql.run(store, statement))
    assert [row["region"] for row in rows] == [hit.region for hit in answer]
    for row, hit in zip(rows, answer, strict=True):
        assert (row["scene"], row["point_count"]) == (hit.scene, hit.point_count)
        assert row["score"] == pytest.approx(hit.score, abs=2e-3)  # SQL rounds the query to halves


def test_sql_gives_the_probability_of_a_stored_region(store: Database) -> None:
    answer = by_python(store, "objects")
    target = target_of(store)
    texts = np.array(target.encoder.plugin.background_texts(target.encoder.options))
    assert answer.query is not None
    rivals = texts[~near_synonyms(answer.query.vector, target.encoder.background())].tolist()
    assert len(rivals) > 0
    weight = f"exp({target.space.logit_scale} * (1 - (embedding <=> {{text:%s}})))"
    others = " + ".join(weight % rival for rival in rivals)
    asked_for = weight % ASKED["objects"]["text"]
    ids = ", ".join(str(hit.region) for hit in answer)
    statement = (
        f"SELECT region, {asked_for} / ({asked_for} + {others}) AS p FROM region_overview WHERE region IN ({ids})"
    )
    found = {row["region"]: row["p"] for row in rows_of(sql.run(store, statement))}
    for hit in answer:
        assert found[hit.region] == pytest.approx(hit.probability, abs=0.03)


@pytest.mark.parametrize("name", ["things", "things of one scene", "things without some"])
def test_sql_over_files_counts_and_scores_the_points_of_a_thing(store: Database, name: str) -> None:
    answer = by_python(store, name)
    for hit in answer.hits[:3]:
        assert hit.level == "thing"
        own = f"scene = '{hit.scene}' AND superpoint IN ({', '.join(map(str, hit.superpoints))})"
        box = ", ".join(f"{side}({axis}) AS {side}_{axis}" for side in ("min", "max") for axis in "xyz")
        [points] = rows_of(sql.run_on_files(store, f"SELECT count(*) AS n, {box} FROM points WHERE {own}"))
        assert points["n"] == hit.point_count == len(hit.mask) == len(hit.points())
        for number, axis in enumerate("xyz"):
            assert points[f"min_{axis}"] == pytest.approx(hit.box_min[number], abs=1e-6)
            assert points[f"max_{axis}"] == pytest.approx(hit.box_max[number], abs=1e-6)
        assert sql_score(store, hit, own, ASKED[name]["text"]) == pytest.approx(hit.score, abs=2e-3)


def sql_score(store: Database, hit: Hit, own: str, text: str) -> float:
    """The cosine of the question and the sum of the thing's point vectors."""
    statement = (
        f"WITH own AS (SELECT vector FROM features WHERE {own}), "
        "total AS (SELECT place, sum(value) AS value FROM (SELECT unnest(vector) AS value, "
        "generate_subscripts(vector::FLOAT[], 1) AS place FROM own) GROUP BY place) "
        f"SELECT list_cosine_similarity(list(value ORDER BY place), {{text:{text}}}::DOUBLE[]) AS score FROM total"
    )
    [row] = rows_of(sql.run_on_files(store, statement))
    return float(row["score"])


def test_a_thing_grows_from_the_superpoint_that_it_is_named_by(store: Database) -> None:
    answer = by_python(store, "things")
    ids = ", ".join(str(hit.region) for hit in answer)
    rows = rows_of(sql.run(store, f"SELECT region, level, ordinal, scene FROM region_overview WHERE region IN ({ids})"))
    seeds = {row["region"]: row for row in rows}
    for hit in answer:
        seed = seeds[hit.region]
        assert (seed["level"], seed["scene"]) == ("superpoint", hit.scene)
        assert seed["ordinal"] in hit.superpoints


def test_the_least_probability_leaves_out_what_a_search_without_it_says_is_unlikely(store: Database) -> None:
    every = ovstore.search(store, "bed", top=100)
    likely = ovstore.search(store, "bed", top=100, min_probability=0.2)
    assert [hit.full_name for hit in likely] == [
        hit.full_name for hit in every if hit.probability is not None and hit.probability >= 0.2
    ]
