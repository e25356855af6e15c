"""Without depth, points must have the colours of the images where they fall."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_room
from ovstore.core.errors import BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import colmap, rgbd
from ovstore.ingest.datasets.rgbd import Options
from ovstore.store.files.ply_writer import write_ply

SHARED = Path(__file__).parents[3] / "shared" / "data" / "colmap_maupertuis"
SAID = "colours of points and images correlate by "


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy room as a cloud and pictures, without depth."""
    room = toy_room.write(tmp_path_factory.mktemp("photographs") / "room", 8)
    points = rgbd.load_scene(room, "room", Options(), room / "unused").points
    write_ply(room / "mesh.ply", points.xyz, points.rgb)
    shutil.rmtree(room / "depth")
    return room


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "room")


def load(room: Path, **options: object) -> Scene:
    chosen = Options(**options)  # type: ignore[arg-type]
    return check_scene(rgbd.load_scene(room, "room", chosen, room / "unused"), chosen)


def correlation(scene: Scene) -> float:
    (finding,) = {finding for finding in scene.findings if finding.startswith(SAID)}
    return float(finding.removeprefix(SAID).partition(":")[0])


def test_colours_agree_where_the_poses_are_right(room: Path) -> None:
    assert correlation(load(room)) > 0.6


def test_inverse_poses_are_refused_by_the_option(room: Path) -> None:
    for path in (room / "pose").iterdir():
        np.savetxt(path, np.linalg.inv(np.loadtxt(path)))
    with pytest.raises(BadScene, match=r"colours .* would by 0\.\d+ if the poses map the world .*--world-to-camera"):
        load(room)
    assert correlation(load(room, world_to_camera=True)) > 0.6


def test_colours_of_another_scene_are_a_finding(room: Path) -> None:
    scene = load(room)
    assert scene.points.rgb is not None
    order = np.random.default_rng(0).permutation(len(scene.points))
    strange = replace(scene, points=replace(scene.points, rgb=scene.points.rgb[order]), findings=())
    assert any(f.startswith(SAID) and f.endswith("may be wrong") for f in check_scene(strange, Options()).findings)


def test_points_without_colours_or_of_one_colour_say_nothing(room: Path) -> None:
    scene = load(room)
    for rgb in (None, np.full((len(scene.points), 3), 90, np.uint8)):
        plain = replace(scene, points=replace(scene.points, rgb=rgb), findings=())
        assert not any(f.startswith(SAID) for f in check_scene(plain, Options()).findings)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the checkout")
def test_real_photographs_agree_with_their_sparse_points(tmp_path: Path) -> None:
    scene = colmap.load_scene(SHARED, SHARED.name, colmap.Options(), tmp_path)
    assert correlation(check_scene(scene)) > 0.8
