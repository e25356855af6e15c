"""The wheel that users install: every room inside `ovstore`, nothing beside it."""

import email
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import ovstore
import pytest

ROOT = Path(ovstore.__file__).parent
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, offline."""
    source = tmp_path_factory.mktemp("source")
    for name in (*ROOMS, "__init__.py", "py.typed", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "would be ignored" not in said.stdout + said.stderr  # what every first installation would show
    [built] = out.glob("*.whl")
    return built


def test_the_wheel_holds_ovstore_and_nothing_else(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert top == {"ovstore", f"ovstore-{ovstore.__version__}.dist-info"}


def test_every_module_of_every_room_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert f"ovstore/{path.relative_to(ROOT)}" in packed
    for path in (ROOT / "models" / "weights").glob("*.safetensors"):
        assert f"ovstore/models/weights/{path.name}" in packed
    for path in (ROOT / "evaluation").rglob("*.json"):
        assert f"ovstore/{path.relative_to(ROOT)}" in packed


def test_the_wheel_carries_licence_notice_and_the_version_of_the_package(wheel: Path) -> None:
    information = f"ovstore-{ovstore.__version__}.dist-info"
    packed = zipfile.ZipFile(wheel)
    for name in ("LICENSE", "NOTICE"):
        assert packed.read(f"{information}/licenses/{name}") == (ROOT / name).read_bytes()
    metadata = email.message_from_bytes(packed.read(f"{information}/METADATA"))
    assert metadata["Version"] == ovstore.__version__
    assert metadata["License-Expression"] == "Apache-2.0"


def test_every_room_imports_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    purelib = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    zipfile.ZipFile(wheel).extractall(purelib)
    # Third-party packages are those of this environment; a path entry does not bring its editable installs along.
    here = str(distribution("numpy").locate_file(""))
    script = "\n".join(
        [f"import ovstore.{room}" for room in ROOMS]
        + ["import ovstore.store.postgres.schema, ovstore.ingest.pipeline, ovstore.query.search, ovstore.cli.ingest"]
        + ["import ovstore; print(ovstore.__file__)"]
    )
    environment = {**os.environ, "PYTHONPATH": here}
    printed = subprocess.check_output([python, "-c", script], env=environment, text=True, cwd=tmp_path)
    assert printed.strip().startswith(purelib)
