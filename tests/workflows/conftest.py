"""A store of two coloured scenes, and the label set of their colours."""

from pathlib import Path

import coloured_scenes
import pytest
from ovstore.store.postgres.database import Database


@pytest.fixture(scope="module")
def coloured(shared_store: Database) -> Database:
    """hall and room; only the room has something yellow."""
    coloured_scenes.publish(shared_store, "hall", 0)
    coloured_scenes.publish(shared_store, "room", 1, rare=True)
    return shared_store


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coloured_scenes.write_label_set(tmp_path_factory.mktemp("labels"))
