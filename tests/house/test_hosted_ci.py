"""Hosted CI, the gate, templates, hooks and the image: what these files name exists."""

import fnmatch
import itertools
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import ovstore
import pytest
import yaml

ROOT = Path(ovstore.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def workflow() -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z.][\w./-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_hosted_runs_install_extras_that_exist_on_every_python_that_is_declared() -> None:
    for job in workflow()["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for extras in matrix.get("extras", []):
            assert set(extras.split(",")) <= set(EXTRAS)
    pythons = workflow()["jobs"]["test"]["strategy"]["matrix"]["python"]
    declared = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert pythons == declared
    assert PROJECT["requires-python"] == f">={pythons[0]}"


def test_the_hosted_runs_are_the_gate_varied_by_variables_that_it_reads() -> None:
    gate = (ROOT / ".ci" / "run").read_text()
    for job in workflow()["jobs"].values():
        [step] = [step for step in job["steps"] if "run" in step]
        assert step["run"] == ".ci/run"
        for variable in step["env"]:
            assert f"${{{variable}:-" in gate, f".ci/run does not read {variable}"


def test_the_gate_installs_and_makes_what_it_is_told(tmp_path: Path) -> None:
    """`.ci/run` with a `make` that prints its arguments, and with nothing that installs anything."""
    for name, program in (("make", 'echo "$@"'), ("npm", "exit 1"), ("chromium", "exit 1"), ("apt-get", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / name).chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OVSTORE_")}

    def made(**variables: str) -> str:
        environment = {**plain, **variables, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return subprocess.check_output([ROOT / ".ci" / "run"], env=environment, text=True).strip()

    assert made() == "test docs EXTRAS=dev"
    assert made(OVSTORE_CI_EXTRAS="test") == "pytest EXTRAS=test,embedded"
    assert made(OVSTORE_CI_EXTRAS="test", OVSTORE_DATABASE_URL="postgresql://server/x") == "pytest EXTRAS=test"
    assert made(OVSTORE_CI_TARGET="coverage") == "coverage EXTRAS=dev"
    assert {"test", "docs", "pytest", "coverage"} <= make_targets()


def test_the_extra_dev_brings_all_others_that_can_be_installed_together() -> None:
    mentioned = itertools.chain.from_iterable(
        re.findall(r"^ovstore\[(.+)\]$", one) for one in [*EXTRAS["dev"], *EXTRAS["all"]]
    )
    assert {name for names in mentioned for name in names.split(",")} <= set(EXTRAS)


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_templates_are_forms(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    if path.name == "config.yml":
        assert set(form) <= {"blank_issues_enabled", "contact_links"}
        return
    assert form["name"] and form["description"] and form["body"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] in {"input", "textarea", "dropdown", "checkboxes", "markdown"}
        assert field["attributes"]["label"]


def test_hooks_before_a_commit_are_local_and_run_what_is_there() -> None:
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            program, *arguments = shlex.split(hook["entry"])
            assert program in {".venv/bin/ruff", "make"}
            assert program != "make" or set(arguments) <= make_targets()


def test_the_image_is_built_of_files_that_exist_and_are_not_ignored() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().split() if not line.startswith("#")]
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [shlex.split(line)[1:-1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
    assert copied
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = {name.split(".")[1] for name in packages if "." in name}
    for name in [*itertools.chain.from_iterable(copied), *rooms, *PROJECT["license-files"], PROJECT["readme"]]:
        assert (ROOT / name).exists()
        assert name == "." or not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
    for private in (".git", ".venv", "tests"):
        assert any(fnmatch.fnmatch(private, pattern) for pattern in ignored)


def test_the_image_runs_ovstore_as_an_ordinary_user_with_extras_that_exist() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    [user] = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert user != "root" and any(f"useradd --create-home --uid 1000 {user}" in line for line in lines)
    [extras] = [line.partition("EXTRAS=")[2] for line in lines if line.startswith("ARG EXTRAS=")]
    assert set(extras.split(",")) <= set(EXTRAS)
    assert 'ENTRYPOINT ["ovstore"]' in lines
    floor = PROJECT["requires-python"].removeprefix(">=")
    assert all(line.startswith(f"FROM python:{floor}-slim") for line in lines if line.startswith("FROM "))
