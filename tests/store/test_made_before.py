"""A store that an earlier version made opens today, holds what it held, and answers as it answered."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_before
import numpy as np
import psycopg
import pytest
from click.testing import CliRunner
from made_before import ASKED, EXPORTS, INGESTS, Made
from new_store import new_database
from ovstore.cli import main
from ovstore.core.digests import recipe_digest
from ovstore.store.postgres import database, migrate
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.server import Server
from pyarrow import parquet

OTHER_WEIGHTS = frozenset({"scannet tiny"})  # what was ingested then by weights that are no longer shipped


@pytest.fixture(scope="module", params=made_before.versions())
def made(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A copy of that version's store, whose rows are in a database that is migrated from then to now."""
    into = tmp_path_factory.mktemp("made_before")
    with new_database(server) as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OVSTORE_DATABASE_URL", url)
        with Database(into, url) as bare, bare.connect() as connection:
            migrate.downgrade(connection, "base")
            migrate.upgrade(connection, made_before.schema_of(request.param))
        with psycopg.connect(url) as connection:
            made = made_before.restored(request.param, into, connection)
        made.run("db", "upgrade")
        yield made


def holds(found: Any, told: Any) -> bool:
    """Whether an answer is the one told then, scores to six digits; it may tell more."""
    if isinstance(told, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], told[key]) for key in told)
    if isinstance(told, list):
        return isinstance(found, list) and len(found) == len(told) and all(map(holds, found, told))
    return bool(found == (pytest.approx(told, abs=1e-6) if isinstance(told, float) else told))


def rows(made: Made, statement: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made.run("sql", "--json", statement))
    return found


def findings(made: Made, *options: str) -> list[dict[str, Any]]:
    told = CliRunner().invoke(main, ["--store", str(made.store), "doctor", "--json", *options])
    found: list[dict[str, Any]] = json.loads(told.stdout)["findings"]
    return found


def test_nothing_is_wrong_with_what_it_holds_but_that_it_has_no_trees_of_things(made: Made) -> None:
    found = findings(made, "--contents")
    assert len(found) == rows(made, "SELECT count(*) AS sets FROM feature_sets")[0]["sets"]
    assert all("it has no tree of things" in each["problem"] for each in found), found
    assert all(each["remedy"].endswith("doctor --repair") for each in found)


def test_after_repair_it_answers_with_things_and_holds_what_it_held(made: Made) -> None:
    before = rows(made, "SELECT name, content_digest FROM feature_sets ORDER BY id")
    asked = ("search", "--json", "red", "--features", "color_words")
    assert {hit["level"] for hit in json.loads(made.run(*asked))["hits"]} == {"object"}
    try:
        assert findings(made, "--repair") == []
        assert {hit["level"] for hit in json.loads(made.run(*asked))["hits"]} == {"thing"}
        assert rows(made, "SELECT name, content_digest FROM feature_sets ORDER BY id") == before
    finally:
        with database.open(made.store, create=False) as store, store.driver_connection() as connection:
            connection.execute("DELETE FROM thing_trees")  # the other tests ask the store as it was


@pytest.mark.parametrize("question", ASKED)
def test_it_answers_as_it_answered_then(made: Made, question: str) -> None:
    found, told = made.answer(question), made.told()["answers"][question]
    assert holds(found, told), f"{found}\n{told}"


@pytest.mark.parametrize("name", EXPORTS)
def test_it_is_written_for_other_programs_byte_for_byte_as_then(made: Made, name: str, tmp_path: Path) -> None:
    assert made.export(name, tmp_path / "out") == made.told()["exports"][name]


def test_recipes_have_the_digests_that_were_noted(made: Made) -> None:
    noted = rows(made, "SELECT digest, body FROM recipes")
    noted += rows(made, "SELECT geometry_digest AS digest, geometry AS body FROM scenes")
    assert len(noted) >= 8
    for row in noted:
        body = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
        assert recipe_digest(body) == row["digest"]


@pytest.mark.parametrize("name", sorted(OTHER_WEIGHTS))
def test_features_of_earlier_weights_are_kept_until_somebody_replaces_them(made: Made, name: str) -> None:
    with pytest.raises(
        AssertionError, match="were made by other weights: --features NAME keeps both, --again replaces"
    ):
        made.run("ingest", *INGESTS[name], "--json")


@pytest.mark.parametrize("name", sorted(INGESTS.keys() - OTHER_WEIGHTS))
def test_the_same_scan_asked_for_again_is_up_to_date(made: Made, name: str) -> None:
    [outcome] = json.loads(made.run("ingest", *INGESTS[name], "--json"))
    assert outcome["up_to_date"]


@pytest.mark.parametrize("name", INGESTS)
def test_the_same_scan_ingested_today_has_the_geometry_recipe_and_vectors_of_then(
    made: Made, store: Database, name: str
) -> None:
    fresh = Made(made.folder, made.scans, store.path)
    fresh.run("ingest", *INGESTS[name])
    [scene], [features] = fresh.answer("scenes"), fresh.answer("features")
    told = made.told()["answers"]
    [scene_then] = [each for each in told["scenes"] if each["dataset"] == scene["dataset"]]
    [features_then] = [
        each for each in told["features"] if (each["dataset"], each["name"]) == (features["dataset"], features["name"])
    ]
    assert (scene["geometry"], scene["content_digest"]) == (scene_then["geometry"], scene_then["content_digest"])
    if name in OTHER_WEIGHTS:
        assert all(features["recipe"][key] == told for key, told in features_then["recipe"].items() if key != "space")
        return
    assert features["recipe"] == features_then["recipe"]
    now = parquet.read_table(fresh.store / features["features_file"])
    then = parquet.read_table(made.store / features_then["features_file"])
    assert now.schema.equals(then.schema)
    for column in now.column_names:
        # Sums of vectors differ in their last bits between processors.
        np.testing.assert_allclose(numbers(now[column]), numbers(then[column]), atol=2e-3, err_msg=column)


def numbers(column: Any) -> np.ndarray:
    """A column of numbers or of vectors as an array."""
    return np.array(column.to_pylist(), np.float64)
