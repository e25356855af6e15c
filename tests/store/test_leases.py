"""What somebody reads for long stays readable until the end, and goes then."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_scene
from ovstore.core.errors import NotFound
from ovstore.store.catalog import catalog, leases
from ovstore.store.files import parquet
from ovstore.store.maintain import forget, verify
from ovstore.store.postgres.database import Database
from ovstore.store.postgres.database import open as open_store


@pytest.fixture
def room(store: Database, tmp_path: Path) -> Database:
    (tmp_path / "0.jpg").touch()
    small_scene.make(pictures=tmp_path).publish(store)
    return store


def replace(store: Database) -> None:
    with open_store(store.path) as other:
        small_scene.with_other_points(small_scene.make()).publish(other)


def test_files_that_are_replaced_while_they_are_read_go_when_the_last_reader_is_done(room: Database) -> None:
    [scene], [features] = catalog.scenes(room), catalog.feature_sets(room)
    with open_store(room.path) as second, leases.reading(room):
        with leases.reading(second):
            replace(room)
            assert verify.orphans(room) == []
            points = parquet.read_points(room.file(scene.points_file))
            assert len(points) == small_scene.POINTS
            parquet.read_features(room.file(features.features_file), features.space)
        assert room.file(scene.points_file).exists()
    assert not room.file(scene.points_file).exists()
    assert not room.file(features.features_file).exists()
    assert verify.orphans(room) == []


def test_a_scene_that_is_read_by_its_id_is_read_to_the_end_and_that_is_said(
    room: Database, caplog: pytest.LogCaptureFixture
) -> None:
    [scene] = catalog.scenes(room)
    before = catalog.load_points(room, scene.id).points
    with leases.reading(room):
        replace(room)
        after = catalog.load_points(room, scene.id).points
        np.testing.assert_array_equal(after.xyz, before.xyz)
        assert "was replaced or forgotten while it is being read" in caplog.text
        with pytest.raises(NotFound):
            catalog.load_frames(room, scene.id)
    with pytest.raises(NotFound, match="replaced or forgotten"):
        catalog.load_points(room, scene.id)


def test_what_is_forgotten_while_it_is_read_goes_afterwards(room: Database) -> None:
    [scene] = catalog.scenes(room)
    with leases.reading(room):
        assert forget.forget_scenes(room, [scene]).waiting
        assert room.file(scene.points_file).exists()
    assert small_scene.files_of(room) == set()


def test_a_reader_that_is_killed_holds_nothing(room: Database) -> None:
    script = f"""
import os, signal
from ovstore.store.catalog import leases
from ovstore.store.postgres.database import open as open_store
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
    store: Database, tmp_path: Path, kind: str
) -> None:
    small_scene.make().publish(store)
    [published] = store.file(kind).iterdir()
    outside = published.rename(tmp_path / "outside")
    published.symlink_to(outside)
    forget.forget_scenes(store, catalog.scenes(store))
    assert not catalog.scenes(store) and not published.is_symlink() and outside.exists()
    small_scene.make().publish(store)


def test_a_link_out_of_the_store_is_found_and_goes_without_what_it_leads_to(store: Database, tmp_path: Path) -> None:
    small_scene.make().publish(store)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    [scene] = catalog.scenes(store)
    links = [store.unpacked(scene.dataset, scene.name), store.file("indexes") / "regions-1-object"]
    for link in links:
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(outside)
    for contents in (False, True):
        found = {finding.subject: finding for finding in verify.check(store, contents)}
        for link in links:
            finding = found[f"{link.parent.name}/{link.name}"]
            assert "a link that leads out of the store" in finding.problem
            assert finding.remedy == "ovstore doctor --clean"
    assert verify.clean(store).bytes == 0
    assert not any(link.is_symlink() for link in links)
    assert (outside / "kept").exists()
    assert not [finding for finding in verify.check(store) if "link" in finding.problem]


@pytest.mark.parametrize("kind", ["scenes", "features"])
def test_a_scene_behind_a_link_out_of_the_store_is_a_finding_that_names_a_way(
    store: Database, tmp_path: Path, kind: str
) -> None:
    small_scene.make().publish(store)
    [published] = store.file(kind).iterdir()
    published.symlink_to(published.rename(tmp_path / "outside"))
    found = [finding for finding in verify.check(store, True) if "leads out of the store" in finding.problem]
    assert found and all("ovstore forget" in finding.remedy for finding in found)
