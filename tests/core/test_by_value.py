"""Hits, boxes and queries are compared by what they hold."""

from dataclasses import replace

import numpy as np
from ovstore.core.features import EmbeddingSpace, OrientedBox, Query


def box(size: float = 1.0) -> OrientedBox:
    return OrientedBox(np.zeros(3), np.eye(3), np.full(3, size))


def test_boxes_are_equal_where_their_numbers_are() -> None:
    assert box() == box() and box() != box(2.0) and box() != "a box"
    assert replace(box(), axes=np.eye(3)[:2]) != box()


def test_equal_boxes_are_one_member_of_a_set() -> None:
    assert len({box(), box(), box(2.0)}) == 2
    assert hash(box()) == hash(OrientedBox(np.zeros(3, np.float32), np.eye(3), np.ones(3, np.int64)))


def test_queries_are_equal_with_and_without_what_is_optional() -> None:
    space = EmbeddingSpace("a", 2, "0" * 64)
    query = Query(np.array([1, 0], np.float32), space)
    assert query == Query(np.array([1, 0], np.float32), space) and hash(query) == hash(replace(query))
    excluded = replace(query, excluded=np.eye(2, dtype=np.float32))
    assert excluded != query != excluded and excluded == replace(excluded)
    assert query != replace(query, top=3)
