"""`make install` on a machine that lacks something: one sentence that names it, before anything is made."""

import shutil
import subprocess
import sys
from pathlib import Path

import ovstore
import pytest

ROOT = Path(ovstore.__file__).parent


def refused(folder: Path, python: str) -> str:
    """What `make install` says in an empty clone."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    done = subprocess.run(["make", "install", f"PYTHON={python}"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert not (folder / ".venv").exists()
    [sentence] = [line for line in done.stderr.splitlines() if not line.startswith(("make", "/bin/sh"))]
    return sentence


def wrapper(folder: Path, program: str) -> str:
    path = folder / "python"
    path.write_text(f'#!/bin/sh\n{program}\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return "./python"


pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def test_a_python_without_venv_names_the_package_of_debian(tmp_path: Path) -> None:
    python = wrapper(tmp_path, 'case "$*" in *ensurepip*) exit 1;; esac')
    assert refused(tmp_path, python) == (
        "./python has no venv, which Debian and Ubuntu package separately: apt install python3-venv"
    )


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "There is no python3.99 here that runs: install Python 3.11 or newer" in refused(tmp_path, "python3.99")
