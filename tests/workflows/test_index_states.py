"""Indexes listed and checked from Python are those of the command line."""

import json
from typing import Any

import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.core.errors import BadInput, NotFound, UnknownWords
from ovstore.store.postgres.database import Database
from ovstore.workflows.indexes import CheckRequest, check_indexes, list_indexes


def as_printed(told: list[Any]) -> Any:
    """After a way through JSON."""
    return json.loads(json.dumps([each.to_dict() for each in told]))


def test_an_empty_store_has_no_indexes_to_list_or_check(store: Database) -> None:
    for verb in (list_indexes, lambda empty: check_indexes(empty, CheckRequest())):
        with pytest.raises(NotFound, match="The store has no regions yet"):
            verb(store)


def test_indexes_are_listed_as_by_the_command_line(coloured: Database) -> None:
    rows = list_indexes(coloured)
    assert as_printed(rows) == document(typed(coloured, "index", "list", "--json"))
    assert [(row.level, row.index, row.recall) for row in rows if row.answers] == [
        ("object", "exact", None), ("superpoint", "exact", None)
    ]  # fmt: skip


def test_recall_is_that_of_the_command_line(coloured: Database) -> None:
    request = CheckRequest("exact", ("red",), queries=5, top=3, level="object")
    found = check_indexes(coloured, request)
    words = ("exact", "--text", "red", "--queries", "5", "--top", "3", "--level", "object", "--json")
    assert as_printed(found) == document(typed(coloured, "index", "check", *words))
    [exact] = found
    assert (exact.found.mean, exact.found.worst, exact.found.count) == (1, 1, 3)


def test_words_that_the_encoder_does_not_know_are_an_error_only_when_asked_for(coloured: Database) -> None:
    with pytest.raises(UnknownWords, match="zebra"):
        check_indexes(coloured, CheckRequest("exact", ("zebra",)))


def test_nothing_is_measured_where_nothing_is_built(coloured: Database) -> None:
    assert check_indexes(coloured, CheckRequest()) == []


def test_other_features_and_impossible_numbers_are_one_sentence(coloured: Database) -> None:
    with pytest.raises(NotFound, match="No features named 'nope'"):
        check_indexes(coloured, CheckRequest(features="nope"))
    with pytest.raises(BadInput, match="The number of queries must be at least 1, not 0"):
        CheckRequest(queries=0)
