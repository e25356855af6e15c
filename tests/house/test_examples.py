"""The examples, each run as its text says, on generated data."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ovstore
import pytest
import toy_room
from ovstore import Store

EXAMPLES = Path(ovstore.__file__).parent / "examples"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the example packages, offline."""
    target = tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    source = tmp_path_factory.mktemp("sources")
    for name in ("own_dataset", "own_encoder"):
        subprocess.run(["cp", "-r", EXAMPLES / name, source], check=True)  # building leaves files beside the sources
        subprocess.run([*pip, "--target", target, source / name], check=True)
    return target


@pytest.fixture(scope="module")
def typed(packages: Path, shared_store: Store) -> Callable[..., str]:
    """What `ovstore ARGUMENTS` prints where the example packages are installed: results, or the error."""

    def run(*arguments: object, status: int = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": str(packages)}
        command = [sys.executable, "-m", "ovstore.cli", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr if status else done.stdout

    return run


def capture(folder: Path, frames: int = 6) -> Path:
    """The toy room in the format of examples/own_dataset."""
    room = toy_room.write(folder / "room", frames)
    (u, v), cloud, listed = np.mgrid[: toy_room.WIDTH : 4, : toy_room.HEIGHT : 4], [], []
    centre = ((toy_room.WIDTH - 1) / 2, (toy_room.HEIGHT - 1) / 2)
    for number, pose in enumerate(toy_room.poses(frames)):
        depth = toy_room.render(pose)[1][v, u]
        rays = [(u - centre[0]) / toy_room.FOCAL, (v - centre[1]) / toy_room.FOCAL, np.ones(u.shape)]
        local = np.stack([*(ray * depth for ray in rays), np.ones(u.shape)], axis=-1).reshape(-1, 4)
        cloud.append((local @ pose.T)[:, :3])
        names = {"image": f"color/{number:04d}.png", "depth": f"depth/{number:04d}.png"}
        listed.append({**names, "camera_to_world": pose.tolist()})
    sides = {"width": toy_room.WIDTH, "height": toy_room.HEIGHT, "fx": toy_room.FOCAL, "fy": toy_room.FOCAL}
    camera = {**sides, "cx": centre[0], "cy": centre[1]}
    described = {"camera": camera, "units_per_metre": 1000, "frames": listed}
    (room / "capture.json").write_text(json.dumps(described))
    np.save(room / "points.npy", np.concatenate(cloud))
    return room


def test_an_encoder_and_a_dataset_of_other_packages_are_used_by_name(typed: Callable[..., str], tmp_path: Path) -> None:
    capture(tmp_path)
    assert "room" in typed("ingest", "capture", tmp_path, "--encoder", "shades", "--cell", 2)
    assert "up to date" in typed("ingest", "capture", tmp_path, "--encoder", "shades", "--cell", 2)
    hits = json.loads(typed("search", "bright", "--top", 3, "--json"))["hits"]
    assert hits and all(hit["scene"] == "room" for hit in hits)
    assert "shades" in typed("encoders")
    assert "knows dark, dim, light, bright" in typed("search", "a chair", status=1)


def test_the_dataset_of_another_package_reports_a_bad_capture_in_one_sentence(
    typed: Callable[..., str], tmp_path: Path
) -> None:
    room = capture(tmp_path)
    described = json.loads((room / "capture.json").read_text())
    described["frames"][0]["image"] = "../outside.png"
    (room / "capture.json").write_text(json.dumps(described))
    said = typed("ingest", "capture", tmp_path, "--encoder", "shades", "--dry-run", status=1)
    assert "lies outside the capture's folder" in said and "Traceback" not in said
    del described["camera"]
    (room / "capture.json").write_text(json.dumps(described))
    assert "capture.json: KeyError 'camera'" in typed("ingest", "capture", tmp_path, "--dry-run", status=1)
    assert "No capture in" in typed("ingest", "capture", room, "--dry-run", status=1)
