"""What ingest does to what is stored: options left off are the stored ones, and nothing disappears unasked."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_room
from click.testing import Result
from command_line import document, ovstore
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database
from ovstore.store.publish import fingerprints
from sqlalchemy import text


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("source") / "room", frames=6)


@pytest.fixture
def room(source: Path, tmp_path: Path) -> Path:
    """A scan that a test may spoil."""
    return Path(shutil.copytree(source, tmp_path / "scans" / "room"))


def ingest(store: Database, scans: Path, *more: object) -> Result:
    result = ovstore(store, "ingest", "rgbd", scans, "--encoder", "color_words", *more)
    print(result.output)  # pytest shows it where a test fails
    return result


def held(store: Database) -> tuple[Any, ...]:
    """All that a scene and its features are, but for the paths of its files."""
    scenes = [(scene.id, scene.full_name, scene.content_digest, scene.features) for scene in catalog.scenes(store)]
    return scenes, [(found.id, found.name, found.content_digest) for found in catalog.feature_sets(store)]


def refusal(result: Result) -> str:
    """The line about the scene, which failed."""
    assert result.exit_code == 1, result.output
    [line] = [line for line in result.output.splitlines() if line.startswith("room  failed: ")]
    return line.removeprefix("room  failed: ")


def test_options_left_off_come_from_the_stored_geometry_and_the_line_says_so(store: Database, room: Path) -> None:
    """A second encoder typed without the stride of the first took the first one's features away."""
    ingest(store, room.parent, "--frame-stride", 2, "--splat-radius", 0.01, "--features", "first")
    before = held(store)
    second = ingest(store, room.parent, "--features", "second", "--patch", 8)
    assert "geometry as stored: --frame-stride 2, --splat-radius 0.01" in second.stdout
    [scene] = catalog.scenes(store)
    assert (scene.id, scene.frame_count, scene.features) == (before[0][0][0], 3, ("first", "second"))
    assert before[1][0] in held(store)[1]
    again = ingest(store, room.parent, "--features", "first")
    assert "up to date (feature set" in again.stdout
    assert "--frame-stride 2" in again.stdout


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (("--frame-stride", 3), "--frame-stride 1, not 3"),
        (("--frame-limit", 2), "--frame-limit none, not 2"),
        (("--splat-radius", 0.02), "--splat-radius 0, not 0.02"),
        (("--depth-tolerance", 0.1), "--depth-tolerance 0.05, not 0.1"),
        (("--max-depth", 3), "--max-depth none, not 3"),
        (("--voxel-size", 0.05), "--voxel-size 0.02, not 0.05"),
        (("--axes", "opengl"), "--axes opencv, not opengl"),
        (("--world-to-camera",), "--no-world-to-camera, not --world-to-camera"),
    ],
)
def test_options_that_differ_are_refused_with_three_ways_out(
    shared_store: Database, source: Path, typed: tuple[object, ...], stored: str
) -> None:
    ingest(shared_store, source)
    before = held(shared_store)
    said = refusal(ingest(shared_store, source, *typed, "--features", "other"))
    assert said.startswith(f"its stored geometry has {stored}, and the features color_words depend on it: leave the ")
    assert "--name NAME makes a second copy" in said
    assert "--again makes the geometry again and drops color_words." in said
    assert held(shared_store) == before


def test_options_typed_as_they_are_stored_are_up_to_date(store: Database, room: Path) -> None:
    ingest(store, room, "--frame-stride", 2)
    assert "up to date" in ingest(store, room, "--frame-stride", 2).stdout
    assert ingest(store, room, "--frame-stride", 1).exit_code == 1  # the default, but typed


def test_a_second_copy_leaves_the_first(store: Database, room: Path) -> None:
    ingest(store, room)
    assert ingest(store, room, "--frame-stride", 2, "--name", "coarse").exit_code == 0
    assert [(scene.dataset, scene.frame_count) for scene in catalog.scenes(store)] == [("coarse", 3), ("rgbd", 6)]


def test_again_replaces_the_geometry_and_lists_what_went_with_it(store: Database, room: Path) -> None:
    ingest(store, room, "--features", "first")
    ingest(store, room, "--features", "second")
    result = ingest(store, room, "--frame-stride", 2, "--features", "second", "--again")
    assert "dropped with the previous geometry: features first" in result.stdout
    assert [(scene.frame_count, scene.features) for scene in catalog.scenes(store)] == [(3, ("second",))]
    assert verify.orphans(store) == []


def test_again_with_equal_results_keeps_every_feature_set(store: Database, room: Path) -> None:
    ingest(store, room, "--features", "first")
    ingest(store, room, "--features", "second")
    before = held(store)
    assert "dropped" not in ingest(store, room, "--features", "second", "--again").stdout
    assert held(store) == before


def test_features_of_one_name_by_other_options_are_refused(store: Database, room: Path) -> None:
    ingest(store, room, "--features", "mine")
    before = held(store)
    assert "made with --patch 4, not 8" in refusal(ingest(store, room, "--features", "mine", "--patch", 8))
    assert "made with --weighting mean, not view" in refusal(
        ingest(store, room, "--features", "mine", "--weighting", "view")
    )
    said = refusal(ovstore(store, "ingest", "rgbd", room, "--encoder", "tiny", "--features", "mine"))
    assert "made by --encoder color_words: --features NAME keeps both, --again replaces them." in said
    assert held(store) == before


def _killed_after(store: Database, room: Path, module: str, function: str) -> None:
    """An ingest --again by another stride that dies when that function is called."""
    script = f"""
import os, signal
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.{module.rpartition(".")[0]} import {module.rpartition(".")[2]} as module
def crash(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
module.{function} = crash
main(["--store", {str(store.path)!r}, "ingest", "rgbd", {str(room)!r}, "--encoder", "color_words",
      "--frame-stride", "2", "--again"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("ingest.pipeline", "fuse"),
        ("ingest.publish_features", "pool_regions"),
        ("store.publish.rows", "insert_scene"),
        ("store.publish.rows", "insert_regions"),
    ],
)
def test_killed_while_the_geometry_is_made_anew_the_old_features_are_there(
    store: Database, room: Path, module: str, function: str
) -> None:
    ingest(store, room, "--features", "first")
    before = held(store)
    _killed_after(store, room, module, function)
    assert held(store) == before
    assert all("doctor --clean" in finding.remedy for finding in verify.check(store, contents=True))
    assert ingest(store, room, "--frame-stride", 2, "--again").exit_code == 0
    assert [scene.features for scene in catalog.scenes(store)] == [("color_words",)]
    assert verify.check(store, contents=True) == []


def test_a_moved_folder_with_equal_files_is_up_to_date_and_its_images_are_found(store: Database, room: Path) -> None:
    ingest(store, room.parent)
    before = held(store)
    moved = room.parent.parent / "elsewhere"
    room.parent.rename(moved)
    result = ingest(store, moved)
    assert "up to date" in result.stdout
    assert f"moved to {moved}/room, its files are equal" in result.stdout
    assert held(store) == before
    [scene] = catalog.scenes(store)
    assert all(frame.image_path.is_file() for frame in catalog.load_frames(store, scene.id))
    assert scene.source == str(moved / "room")
    assert "moved" not in ingest(store, moved).stdout
    assert "moved" in ingest(store, Path(shutil.copytree(moved / "room", room)), "--features", "color_words").stdout


def test_another_scan_of_the_same_name_is_refused(store: Database, room: Path, tmp_path: Path) -> None:
    """It was called up to date; a second encoder's features came from the first scan's images."""
    ingest(store, room.parent)
    before = held(store)
    other = toy_room.write(tmp_path / "b" / "room", frames=5)
    for typed in ((), ("--features", "second")):
        said = refusal(ingest(store, other.parent, *typed))
        assert said.startswith(f"{other} is another scan than the one that was ingested from {room} (changed: ")
        assert "--name NAME ingests it beside what is stored, --again ingests it again and drops the features" in said
    assert held(store) == before
    assert ingest(store, other.parent, "--name", "b").exit_code == 0
    assert ingest(store, other.parent, "--again").exit_code == 0
    assert [(scene.full_name, scene.frame_count) for scene in catalog.scenes(store)] == [
        ("b/room", 5),
        ("rgbd/room", 5),
    ]


def test_edited_poses_and_added_frames_are_noticed(store: Database, room: Path) -> None:
    ingest(store, room)
    [first] = catalog.scenes(store)
    pose = room / "pose" / "0003.txt"
    np.savetxt(pose, np.loadtxt(pose) + np.eye(4, k=3) * 0.01)
    result = ingest(store, room)
    assert "made again: its files have changed (changed: pose/0003.txt)" in result.stdout
    [second] = catalog.scenes(store)
    assert second.content_digest != first.content_digest
    for kind, suffix in (("color", "png"), ("depth", "png"), ("pose", "txt")):
        shutil.copy(room / kind / f"0000.{suffix}", room / kind / f"0006.{suffix}")
    assert "added: color/0006.png and 2 more" in ingest(store, room).stdout
    assert [scene.frame_count for scene in catalog.scenes(store)] == [7]
    assert "up to date" in ingest(store, room).stdout


def test_files_changed_in_place_are_noticed_whatever_their_times_say(store: Database, room: Path) -> None:
    ingest(store, room)
    pose = room / "pose" / "0002.txt"
    times, content = pose.stat(), pose.read_bytes()
    pose.write_bytes(content[:4] + bytes([content[4] ^ 1]) + content[5:])  # another digit
    os.utime(pose, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "changed: pose/0002.txt" in ingest(store, room).stdout


def test_a_touched_small_file_is_unchanged_and_a_touched_large_one_is_not_trusted(store: Database, room: Path) -> None:
    large = room / "cloud.bin"
    large.write_bytes(os.urandom(300_000))
    ingest(store, room)
    os.utime(room / "intrinsics.txt", ns=(1, 1))
    assert "up to date" in ingest(store, room).stdout
    content = bytearray(large.read_bytes())
    content[150_000] ^= 1
    large.write_bytes(content)
    assert "changed: cloud.bin" in ingest(store, room).stdout


def test_changed_files_are_not_taken_in_where_other_features_stand_on_them(store: Database, room: Path) -> None:
    ingest(store, room, "--features", "first")
    ingest(store, room, "--features", "second")
    before = held(store)
    (room / "pose" / "0005.txt").unlink()
    said = refusal(ingest(store, room, "--features", "second"))
    assert "its files have changed (gone: pose/0005.txt): --name NAME" in said
    assert "drops the features first." in said
    assert held(store) == before
    assert (
        "dropped with the previous geometry: features first"
        in ingest(store, room, "--features", "second", "--again").stdout
    )


def test_a_store_from_before_files_were_remembered_is_believed_where_it_lies(store: Database, room: Path) -> None:
    ingest(store, room)
    with store.connect() as connection:
        connection.execute(text("DELETE FROM fingerprints"))
    assert "up to date" in ingest(store, room).stdout
    [scene] = catalog.scenes(store)
    with store.connect() as connection:
        found = fingerprints.find(connection, scene_id=scene.id)
        assert found is not None
        assert len(found.files) == 19
        connection.execute(text("DELETE FROM fingerprints"))
    moved = room.parent.parent / "elsewhere"
    room.parent.rename(moved)
    assert "no fingerprints of its files were recorded then: --name NAME" in refusal(ingest(store, moved))


def test_json_says_it_too(store: Database, room: Path) -> None:
    ingest(store, room, "--frame-stride", 2)
    [scene] = document(ingest(store, room, "--json"))
    assert scene["geometry"] == "geometry as stored: --frame-stride 2"


def test_every_format_says_which_files_a_scene_is_read_from(tmp_path: Path) -> None:
    """Where it is not the scene's own folder: a scan of a sequence, a region of a house, a processed scene."""
    from ovstore.ingest.datasets import matterport, openscene, semantickitti

    sequence = tmp_path / "kitti" / "sequences" / "00"
    (sequence / "velodyne").mkdir(parents=True)
    named = semantickitti.scan_files(tmp_path / "kitti", "00_000007", semantickitti.Options(unit="scan"))
    assert sequence / "velodyne" / "000007.bin" in named
    assert sequence / "velodyne" not in named
    assert semantickitti.scan_files(tmp_path / "kitti", "00", semantickitti.Options(unit="sequence")) == [sequence]
    meshes = tmp_path / "mp" / "HOUSE" / "region_segmentations"
    meshes.mkdir(parents=True)
    for number in (1, 10):
        (meshes / f"region{number}.ply").touch()
    named = matterport.scan_files(tmp_path / "mp", "HOUSE_region1", matterport.Options())
    assert [path.name for path in named] == ["region1.ply", "HOUSE.house"]
    points = tmp_path / "data" / "custom_3d" / "office.pth"
    points.parent.mkdir(parents=True)
    points.touch()
    assert openscene.scan_files(tmp_path / "data", "office", openscene.Options())[0] == points
