"""What somebody reads for long stays readable until the end, and goes then."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_scene
from ovstore.store import catalog, forget, leases, parquet, verify
from ovstore.store.database import Store
from ovstore.store.database import open as open_store
from ovstore.store.errors import NotFound


@pytest.fixture
def room(store: Store, tmp_path: Path) -> Store:
    (tmp_path / "0.jpg").touch()
    small_scene.make(pictures=tmp_path).publish(store)
    return store


def replace(store: Store) -> None:
    with open_store(store.path) as other:
        small_scene.with_other_points(small_scene.make()).publish(other)


def test_files_that_are_replaced_while_they_are_read_go_when_the_last_reader_is_done(room: Store) -> None:
    [scene], [features] = catalog.scenes(room), catalog.feature_sets(room)
    with open_store(room.path) as second, leases.reading(room):
        with leases.reading(second):
            replace(room)
            assert verify.orphans(room) == []
            points, _, _ = parquet.read_points(room.file(scene.points_file))
            assert len(points) == small_scene.POINTS
            parquet.read_features(room.file(features.features_file), features.space)
        assert room.file(scene.points_file).exists()
    assert not room.file(scene.points_file).exists()
    assert not room.file(features.features_file).exists()
    assert verify.orphans(room) == []


def test_a_scene_that_is_read_by_its_id_is_read_to_the_end_and_that_is_said(
    room: Store, caplog: pytest.LogCaptureFixture
) -> None:
    [scene] = catalog.scenes(room)
    before, _, _ = catalog.load_points(room, scene.id)
    with leases.reading(room):
        replace(room)
        after, _, _ = catalog.load_points(room, scene.id)
        np.testing.assert_array_equal(after.xyz, before.xyz)
        assert "was replaced or forgotten while it is read" in caplog.text
        with pytest.raises(NotFound):
            catalog.load_frames(room, scene.id)
    with pytest.raises(NotFound, match="replaced or forgotten"):
        catalog.load_points(room, scene.id)


def test_what_is_forgotten_while_it_is_read_goes_afterwards(room: Store) -> None:
    [scene] = catalog.scenes(room)
    with leases.reading(room):
        assert forget.forget_scenes(room, [scene]).waiting
        assert room.file(scene.points_file).exists()
    assert small_scene.files_of(room) == set()


def test_a_reader_that_is_killed_holds_nothing(room: Store) -> None:
    script = f"""
import os, signal
from ovstore.store import leases
from ovstore.store.database import open as open_store
store = open_store({str(room.path)!r})
with leases.reading(store):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    [scene] = catalog.scenes(room)
    replace(room)
    verify.clean(room)
    assert not room.file(scene.points_file).exists()
    assert verify.orphans(room) == []


@pytest.mark.parametrize("kind", ["scenes", "features"])
def test_what_became_a_link_out_of_the_store_can_be_forgotten_and_what_it_leads_to_stays(
    store: Store, tmp_path: Path, kind: str
) -> None:
    small_scene.make().publish(store)
    [published] = store.file(kind).iterdir()
    outside = published.rename(tmp_path / "outside")
    published.symlink_to(outside)
    forget.forget_scenes(store, catalog.scenes(store))
    assert not catalog.scenes(store) and not published.is_symlink() and outside.exists()
    small_scene.make().publish(store)
