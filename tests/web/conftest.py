"""A store of toy rooms, some with odd names, open read-only, and a client of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import ovstore
import pytest
import toy_room
from new_store import ExternalServer, new_database
from ovstore.store.postgres.server import Server
from ovstore.workflows.open_store import Store

ODD = ['it\'s "quoted"; <b>x #?%2e', "🪑 Küche 厨房", "a:7 .."]


@pytest.fixture(scope="session")
def rooms(server: Server | ExternalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The room, and the same under names that browsers trip over; open read-only."""
    folder = tmp_path_factory.mktemp("web")
    first = toy_room.write(folder / "scans" / "room", frames=6)
    for name in ODD:
        shutil.copytree(first, folder / "scans" / name)
    with new_database(server) as url:
        with ovstore.open(folder / "store", database_url=url, create=True) as store:
            results = ovstore.ingest_scans(store, "rgbd", folder / "scans", encoder="color_words")
            assert not results.failed
        with ovstore.open(folder / "store", database_url=url, read_only=True) as store:
            assert isinstance(store, Store)
            yield store


@pytest.fixture(scope="session")
def folder_of_scans(rooms: Store) -> Path:
    return rooms.path.parent / "scans"
