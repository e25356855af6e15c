"""A scene that cannot fit into memory is refused with the figures; what is made of its points is made in blocks."""

from pathlib import Path

import numpy as np
import pytest
import toy_room
from command_line import ovstore
from numpy.typing import NDArray
from ovstore.core.errors import BadScene
from ovstore.core.scene import PointCloud
from ovstore.ingest.checks import memory
from ovstore.ingest.regions.superpoints import superpoints
from ovstore.store.postgres.database import Database


def test_points_that_do_not_fit_are_refused_with_both_figures() -> None:
    memory.require(4_000_000, "superpoints", left=2_000_000_000)
    with pytest.raises(BadScene, match=r"8,000,000 points take 2\.8 GB .* for superpoints, and 2\.0 GB are available"):
        memory.require(8_000_000, "superpoints", left=2_000_000_000)
    with pytest.raises(BadScene, match=r"3,500,000,000\.0 GB of memory for superpoints"):
        memory.require(10**16, "superpoints")


def test_a_scene_that_does_not_fit_fails_before_the_work(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = toy_room.write(tmp_path / "room", 3)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    result = ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words")
    assert result.exit_code == 1
    assert "GB are available: use a machine or container with more memory," in result.output


def test_the_limit_of_a_container_counts_and_pages_of_files_are_free(tmp_path: Path) -> None:
    assert (memory.available() or 0) > 1_000_000
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("900000000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 50000000\n")
    cgroups = [tmp_path, tmp_path / "none"]
    assert memory.available(cgroups) == 150_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert (memory.available(cgroups) or 0) > 150_000_000


@pytest.mark.parametrize("faces", [False, True])
def test_copies_of_a_cloud_have_equal_superpoints_wherever_blocks_of_points_end(faces: bool) -> None:
    """More points and edges than are worked on at a time; places are exact in binary, so that copies are."""
    random = np.random.default_rng(0)
    count, copies = 3000, 23
    xyz = random.integers(0, 1 << 20, (count, 3)) / (1 << 20) * [1, 1, 1 / 64]
    rgb = random.integers(0, 256, (count, 3), dtype=np.uint8)
    triangles = random.integers(0, 2000, (count, 3)).astype(np.int32) if faces else None
    alone = superpoints(PointCloud(xyz, rgb=rgb, faces=triangles))
    far = np.concatenate([xyz + np.array([32.0 * copy, 0, 0]) for copy in range(copies)])
    meshes = None if triangles is None else np.concatenate([triangles + count * copy for copy in range(copies)])
    together = superpoints(PointCloud(far, rgb=np.tile(rgb, (copies, 1)), faces=meshes))
    assert len(np.unique(alone)) > 1
    for of_copy in together.reshape(copies, count):
        assert np.array_equal(in_order_met(of_copy), in_order_met(alone))


def in_order_met(regions: NDArray[np.int32]) -> NDArray[np.int64]:
    """The same regions, numbered as they are met."""
    _, first, inverse = np.unique(regions, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
