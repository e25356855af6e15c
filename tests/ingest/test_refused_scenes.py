"""Of a scene that is refused nothing stays but the job that says why; what was there before stays as it was."""

from pathlib import Path

import lseg_file
import pytest
import torch
import toy_room
from click.testing import Result
from command_line import ovstore
from ovstore.store.catalog import catalog, jobs
from ovstore.store.maintain import forget, verify
from ovstore.store.postgres.database import Database
from small_scene import files_of


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return toy_room.write(tmp_path / "scans" / "room", frames=5)


def ingest(store: Database, room: Path, *more: object) -> Result:
    return ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", *more)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nothing_but_its_job(store: Database) -> bool:
    assert verify.orphans(store) == []
    assert [job.scene for job in jobs.failed(store)] == ["room"]
    return not catalog.scenes(store) and not files_of(store) and not (store.path / "unpacked" / "rgbd-room").exists()


def test_a_picture_cut_short_is_met_late_and_leaves_nothing_either(store: Database, room: Path) -> None:
    cut(room / "color/0002.png")
    result = ingest(store, room)
    assert result.exit_code == 1
    assert "0002.png: cannot be read as an image:" in result.stderr
    assert nothing_but_its_job(store)


def test_what_was_unpacked_of_it_goes_too(store: Database, room: Path) -> None:
    unpacked = store.unpacked("rgbd", "room")
    unpacked.mkdir(parents=True)
    (unpacked / "000000.jpg").touch()
    cut(room / "depth/0000.png")
    assert ingest(store, room).exit_code == 1
    assert not unpacked.exists()
    assert nothing_but_its_job(store)


def test_a_scene_that_has_features_keeps_them(store: Database, room: Path) -> None:
    assert ingest(store, room).exit_code == 0
    before = files_of(store)
    cut(room / "depth/0000.png")
    assert ingest(store, room, "--max-depth", 3).exit_code == 1  # another geometry
    cut(room / "color/0000.png")
    assert ingest(store, room, "--features", "finer", "--patch", 8).exit_code == 1  # another feature set
    assert files_of(store) == before
    assert [found.name for found in catalog.feature_sets(store)] == ["color_words"]


def test_geometry_of_an_earlier_ingest_stays(store: Database, room: Path) -> None:
    assert ingest(store, room).exit_code == 0
    forget.forget_features(store, catalog.feature_sets(store))
    cut(room / "color/0000.png")
    assert ingest(store, room).exit_code == 1
    assert [scene.name for scene in catalog.scenes(store)] == ["room"]


def test_a_network_that_fails_is_not_the_scenes_fault(store: Database, room: Path, tmp_path: Path) -> None:
    tensors = {f"net.{name}": lseg_file.values_of(name, shape) for name, shape in lseg_file.shapes().items()}
    del tensors["net.scratch.refinenet2.out_conv.bias"]
    torch.save({"state_dict": tensors}, tmp_path / "cut.ckpt")
    failing = ("ingest", "rgbd", room, "--encoder", "lseg", "--weights", tmp_path / "cut.ckpt")

    assert ingest(store, room).exit_code == 0
    result = ovstore(store, *failing)
    assert result.exit_code == 1 and "1 missing (such as scratch.refinenet2.out_conv.bias)" in result.stderr
    assert [scene.name for scene in catalog.scenes(store)] == ["room"]
    forget.forget_scenes(store, catalog.scenes(store))
    assert ovstore(store, *failing).exit_code == 1
    assert catalog.scenes(store) == []  # a geometry comes with its features, or not at all
