"""What tests in a browser look at: a generated room in the features of tiny, scenes that are odd; and the browser."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from new_store import new_database
from ovstore.store.postgres.server import Server


@pytest.fixture(scope="module")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A `browser.ServedStore` with scannet/scene0000_00, and odd scenes of the names that `odd_scenes` has."""
    import browser
    import generated_room
    import odd_scenes
    import ovstore
    import small_scene
    from command_line import ovstore as typed
    from ovstore.ingest.generated.formats import scannet

    scans = tmp_path_factory.mktemp("scans") / "scene0000_00"
    scans.mkdir()
    scannet.write(scans, generated_room.recording())
    path = tmp_path_factory.mktemp("store") / "store"
    with new_database(server) as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OVSTORE_DATABASE_URL", url)
        with ovstore.open(path, create=True) as store:
            done = typed(store, "ingest", "scannet", scans.parent, "--encoder", "tiny", "--frame-stride", 1)
            assert done.exit_code == 0, done.output
            typed(store, "search", "snoopy")  # its vector is kept: no test waits for the network
            small = small_scene.make(odd_scenes.ODD)
            small.publish_geometry(store, "odd")
            points = dataclasses.replace(small.scene.points, rgb=None, faces=None, labels=None, label_names={})
            bare = dataclasses.replace(small.scene, name=odd_scenes.BARE, points=points)
            dataclasses.replace(small, scene=bare).publish_geometry(store, "odd")
        with ovstore.open(path, read_only=True) as store:
            running = browser.ServedStore(store)
            yield running
            running.stop()


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    import browser

    with browser.driven() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(driver: Any) -> Iterator[Any]:
    import browser

    with browser.browser(driver) as started:
        yield started


@pytest.fixture
def view(chromium: Any) -> Iterator[Any]:
    """An empty page, a `browser.Watched`; what it complains of fails the test."""
    import browser

    context = chromium.new_context(viewport={"width": 1100, "height": 700}, reduced_motion="reduce")
    watched = browser.Watched(context.new_page())
    yield watched
    context.close()
    assert watched.complaints == []
