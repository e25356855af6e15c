"""A scene that cannot fit into memory is refused with the figures; what is made of its points is made in blocks."""

from pathlib import Path

import numpy as np
import pytest
import toy_room
from command_line import ovstore
from ovstore.core.errors import BadScene
from ovstore.core.scene import PointCloud
from ovstore.ingest.checks import memory
from ovstore.ingest.regions import neighbours
from ovstore.ingest.regions.superpoints import superpoints
from ovstore.store.postgres.database import Database


def test_points_that_do_not_fit_are_refused_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2_000_000_000)
    memory.require(4_000_000, "superpoints")
    with pytest.raises(BadScene, match=r"8,000,000 points take 2\.8 GB .* for superpoints, and 2\.0 GB are available"):
        memory.require(8_000_000, "superpoints")


def test_a_scene_that_does_not_fit_fails_before_the_work(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = toy_room.write(tmp_path / "room", 3)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words")
    assert result.exit_code == 1
    assert "GB are available: use a machine or container with more" in result.output


def test_the_limit_of_a_container_counts_and_pages_of_files_are_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (memory.available() or 0) > 1_000_000
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("900000000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 50000000\n")
    monkeypatch.setattr(memory, "_cgroups", lambda: [tmp_path, tmp_path / "none"])
    assert memory.available() == 150_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert (memory.available() or 0) > 150_000_000


@pytest.mark.parametrize("faces", [False, True])
def test_blocks_decide_nothing(monkeypatch: pytest.MonkeyPatch, faces: bool) -> None:
    random = np.random.default_rng(0)
    xyz = random.random((3000, 3)) * [1, 1, 0.01]
    triangles = random.integers(0, 2000, (3000, 3)).astype(np.int32) if faces else None
    cloud = PointCloud(xyz, rgb=random.integers(0, 256, (3000, 3)).astype(np.uint8), faces=triangles)
    whole = superpoints(cloud)
    monkeypatch.setattr(neighbours, "_BLOCK", 97)
    assert np.array_equal(superpoints(cloud), whole)
    assert len(np.unique(whole)) > 1
