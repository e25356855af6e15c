"""The examples, each run as its text says, on generated data."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import generated_room
import numpy as np
import ovstore
import pytest
import toy_room
from command_line import ovstore as commanded
from new_store import new_database, new_store
from ovstore import Store
from ovstore.store.postgres.server import Server
from PIL import Image

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


@pytest.fixture(scope="module")
def room(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in; the settings name a store that holds a generated room."""
    folder = tmp_path_factory.mktemp("examples")
    generated_room.write("scannet", folder / "scans" / "scene0000_00")
    with new_database(server) as url, new_store(folder / "store", url) as store:
        done = commanded(store, "ingest", "scannet", folder / "scans", "--encoder", "tiny", "--frame-stride", 1)
        assert done.exit_code == 0, done.output
        yield folder


def test_the_search_script_prints_hits_and_saves_an_image(room: Path) -> None:
    command = [sys.executable, EXAMPLES / "search.py", "a wall", "--top", "2", "--image", room / "hits.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=room)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert [line for line in printed if line.startswith("1. scannet/scene0000_00:")]
    assert any(line.startswith("   frame 0") for line in printed)
    with Image.open(room / "hits.png") as image:
        assert image.width > 300


def test_the_search_script_says_a_mistake_in_one_sentence(room: Path) -> None:
    command = [sys.executable, EXAMPLES / "search.py", "a wall", "--store", room / "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1


def test_the_notebook_runs_cell_by_cell(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(room)
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None  # committed without what a run left
            exec(compile("".join(cell["source"]), f"notebook.ipynb:{cell['id']}", "exec"), names)
    assert names["answer"] and names["alike"] and names["table"].num_rows == 1
    assert (room / "hits.png").exists()
