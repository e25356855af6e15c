"""kill -9 while a scene is being published: the store is as it was, and what was left behind is found and removed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_scene
from ovstore.core.files import scene_file_name
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database


def run_and_crash(store: Database, module: str, function: str, publish_what: str) -> None:
    """Publish in a process that kills itself as soon as that function is called."""
    script = f"""
import importlib, os, signal, sys
sys.path.insert(0, {str(Path(small_scene.__file__).parent)!r})
import small_scene
module = importlib.import_module("ovstore.{module}")
from ovstore.store.postgres.database import open as open_store
store = open_store({str(store.path)!r})
def crash(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
module.{function} = crash
small = small_scene.with_other_points(small_scene.make())
{publish_what}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("store.files.parquet", "write_points"),
        ("store.files.parquet", "write_correspondences"),
        ("core.files", "flush"),
        ("store.publish.rows", "insert_scene"),
    ],
)
def test_killed_while_replacing_a_geometry_the_old_one_is_whole(store: Database, module: str, function: str) -> None:
    small = small_scene.make(pictures=Path(__file__).parent)
    small.publish(store)
    before = catalog.scenes(store), catalog.feature_sets(store), small_scene.files_of(store)
    run_and_crash(store, module, function, "small.publish_geometry(store)")
    assert (catalog.scenes(store), catalog.feature_sets(store)) == before[:2]
    [orphan] = verify.orphans(store)
    assert orphan.parent.name == "scenes"
    cleaned = verify.clean(store)
    assert [store.file(file) for file in cleaned.files] == [orphan]
    assert small_scene.files_of(store) == before[2]


@pytest.mark.parametrize(
    ("module", "function"), [("store.publish.rows", "insert_regions"), ("store.publish.rows", "insert_scene_vectors")]
)
def test_killed_between_features_file_and_commit_the_scene_stays_as_it_was(
    store: Database, module: str, function: str
) -> None:
    scene_id = small_scene.make().publish_geometry(store)
    before = small_scene.files_of(store)
    run_and_crash(store, module, function, f"small.publish_features(store, {scene_id})")
    assert catalog.feature_sets(store) == []
    assert [orphan.parent.name for orphan in verify.orphans(store)] == ["features"]
    verify.clean(store)
    assert small_scene.files_of(store) == before
    small_scene.make().publish_features(store, scene_id)
    assert verify.orphans(store) == []


def test_the_next_publishing_of_a_scene_removes_what_a_killed_one_left_of_it(store: Database) -> None:
    """And of no other scene, whose name may begin like its own, or be the key in the names of its files."""
    key = scene_file_name("scans", "room").split("-")[2]
    others = [
        store.path / "features" / scene_file_name("scans", key, "toy"),
        store.path / "scenes" / scene_file_name("scans", "room-a"),
    ]
    for other in others:
        other.mkdir(parents=True)
    scene_id = small_scene.make().publish_geometry(store)
    run_and_crash(store, "store.publish.rows", "insert_regions", f"small.publish_features(store, {scene_id})")
    assert [path.parent.name for path in verify.orphans(store)] == ["features", "features", "scenes"]
    run_and_crash(store, "store.publish.rows", "insert_scene", "small.publish_geometry(store)")
    assert [path.parent.name for path in verify.orphans(store)] == ["features", "scenes", "scenes"]
    small_scene.make().publish_features(store, scene_id)
    assert verify.orphans(store) == others


def test_killed_at_any_moment_no_half_truth_is_left(store: Database, tmp_path: Path) -> None:
    """A process replaces one scene over and over; whenever it dies, what the rows name is whole and as published."""
    (tmp_path / "0.jpg").touch()
    small_scene.make(pictures=tmp_path).publish(store)
    script = f"""
import sys
import time
sys.path.insert(0, {str(Path(small_scene.__file__).parent)!r})
from pathlib import Path
import small_scene
from ovstore.store.postgres.database import open as open_store
both = small_scene.make(pictures=Path({str(tmp_path)!r})), small_scene.make(seed=1, pictures=Path({str(tmp_path)!r}))
with open_store({str(store.path)!r}) as store:
    print("ready", flush=True)
    while True:
        for small in both:
            small.publish(store)
"""
    for seconds in (0.11, 0.23, 0.37, 0.41):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        process.kill()
        process.communicate()
        verify.clean(store)
        assert verify.check(store, contents=True) == []
    assert len(catalog.scenes(store)) == 1
