"""A transforms.json with COLMAP's model beside it: the points come into the world of the poses, whoever turned it."""

import json
from pathlib import Path

import generated_room
import numpy as np
import pytest
from colmap_room import as_text, model_of, tracked
from numpy.typing import NDArray
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import nerfstudio
from ovstore.ingest.datasets.nerfstudio import Options
from ovstore.ingest.formats.colmap.model import read_points
from scipy.spatial.transform import Rotation

FLIP = np.diag([1.0, -1, -1, 1])
OLD = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])  # ns-process-data, colmap2nerf
RECENTRED = np.eye(4)  # colmap2nerf then turns the world upright, moves its middle to 0 and scales it
RECENTRED[:3, :3] = 1.7 * Rotation.from_rotvec([0.4, -0.3, 0.2]).as_matrix()
RECENTRED[:3, 3] = [0.5, -2, 1]
WORLDS = {"kept": np.eye(4), "old": OLD, "recentred": RECENTRED @ OLD}


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = generated_room.write("colmap", tmp_path / "room")
    as_text(folder)
    return folder


def write_transforms(room: Path, world: NDArray[np.float64]) -> None:
    lens, frames = model_of().lens, []
    scale = np.cbrt(np.linalg.det(world[:3, :3]))
    for name, pose in tracked().items():
        moved = world @ pose
        moved[:3, :3] /= scale
        frames.append({"file_path": f"images/{name}.jpg", "transform_matrix": (moved @ FLIP).tolist()})
    camera = {"fl_x": lens.fx, "fl_y": lens.fy, "cx": lens.cx + 0.5, "cy": lens.cy + 0.5, "w": lens.width}
    bend = dict(zip(("k1", "k2", "p1", "p2"), lens.params, strict=True))
    body = {**camera, "h": lens.height, **bend, "aabb_scale": 16, "frames": frames}
    (room / "transforms.json").write_text(json.dumps(body))


def load(room: Path, **options: object) -> Scene:
    chosen = Options(**options)  # type: ignore[arg-type]
    return check_scene(nerfstudio.load_scene(room, room.name, chosen, room.parent / "unpacked"), chosen)


@pytest.mark.parametrize("kind", WORLDS)
def test_the_models_own_poses_say_where_its_points_are(room: Path, kind: str) -> None:
    write_transforms(room, WORLDS[kind])
    scene = load(room)
    xyz = read_points(room / "sparse/0/points3D.txt").xyz
    np.testing.assert_allclose(scene.points.xyz, xyz @ WORLDS[kind][:3, :3].T + WORLDS[kind][:3, 3], atol=1e-6)
    assert any(f"placed as COLMAP's poses of {len(scene.frames)} images say" in f for f in scene.findings)


@pytest.mark.parametrize("kind, said", [("kept", "left as COLMAP has them"), ("old", "turned as ns-process-data did")])
def test_without_its_poses_the_turn_counts_under_which_more_is_seen(room: Path, kind: str, said: str) -> None:
    write_transforms(room, WORLDS[kind])
    (room / "sparse/0/images.txt").unlink()
    scene = load(room)
    xyz = read_points(room / "sparse/0/points3D.txt").xyz
    np.testing.assert_allclose(scene.points.xyz, xyz @ WORLDS[kind][:3, :3].T, atol=1e-9)
    assert any(said in finding for finding in scene.findings)


def test_poses_of_another_reconstruction_place_nothing(room: Path) -> None:
    write_transforms(room, WORLDS["kept"])
    path = room / "sparse/0/images.txt"
    lines = path.read_text().splitlines()
    names = [line.split()[9] for line in lines if line.endswith(".jpg")]
    for name, other in zip(names, names[3:] + names[:3], strict=True):
        lines = [line.replace(name, f"#{other}") for line in lines]
    path.write_text("\n".join(lines).replace("#0", "0"))
    assert any("left as COLMAP has them" in finding for finding in load(room).findings)


def test_points_without_tracks_are_read_beside_a_transforms_file(room: Path) -> None:
    write_transforms(room, WORLDS["kept"])
    path = room / "sparse/0/points3D.txt"
    rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    path.write_text("".join(" ".join(row[:8]) + "\n" for row in rows))
    assert len(load(room).points) == len(rows)
