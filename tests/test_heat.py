"""Heat maps: the cosine of every seen point, whatever its vector's length, and of one space only."""

from dataclasses import replace

import numpy as np
import pytest
import small_scene
from ovstore.query.heat import heat_map
from ovstore.query.question import Question
from ovstore.store.database import Store
from ovstore.store.errors import SpaceMismatch
from ovstore.store.features import EmbeddingSpace

COLOURS = EmbeddingSpace("color_words", 13, "", 20.0)
RED = 3  # its axis
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}


def test_the_value_of_a_point_is_the_cosine_of_its_vector(store: Store) -> None:
    small = small_scene.make("room", 0, space=COLOURS)
    longer = replace(small.features, vectors=small.features.vectors * np.float16(2.5))  # as --compat leaves them
    small = replace(small, features=longer)
    small.publish_features(store, small.publish_geometry(store), "colours", RECIPE)
    heat = heat_map(store, "room", Question("red"), "colours")
    seen = small.features.point_index
    assert np.isnan(np.delete(heat.score, seen)).all()
    cosine = longer.vectors[:, RED] / np.linalg.norm(longer.vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(heat.score[seen], cosine, atol=1e-6)


def test_features_of_one_name_and_another_space_are_not_compared(store: Store) -> None:
    for name, space in (("room", COLOURS), ("hall", COLOURS), ("cellar", small_scene.SPACE)):
        small = small_scene.make(name, 0, space=space)
        small.publish_features(store, small.publish_geometry(store), "colours", RECIPE | {"space": space.name})
    with pytest.raises(SpaceMismatch, match="toy/16"):
        heat_map(store, "cellar", Question("red"), "colours")
