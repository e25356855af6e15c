"""Environment variables: one table says which are read, the documentation repeats it, and nothing else reads any."""

import ast
from pathlib import Path

import ovstore
import pytest
from ovstore.core import environment

ROOT = Path(ovstore.__file__).parent
ROOMS = ("cli", "core", "drawing", "evaluation", "ingest", "models", "query", "store", "workflows")
OWN = {"core/environment.py", "store/postgres/supervisor.py"}  # the second runs alone, and hands on what it was given


def test_the_documentation_has_the_table() -> None:
    page = (ROOT / "docs/command-line.md").read_text(encoding="utf-8").partition("## Environment variables")[2]
    rows = [line for line in page.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert rows == [f"| `{one.name}` | {one.meaning} | {one.default} |" for one in environment.VARIABLES]


def test_nothing_else_reads_the_environment() -> None:
    reading = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv"):
                reading.add(path.relative_to(ROOT).as_posix())
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                assert not {"environ", "getenv"} & {alias.name for alias in node.names}, path
    assert reading == OWN


def test_what_is_not_in_the_table_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVSTORE_ENCODER", "tiny")
    assert environment.value("OVSTORE_ENCODER") == "tiny"
    monkeypatch.delenv("OVSTORE_ENCODER")
    assert environment.value("OVSTORE_ENCODER") == ""
    with pytest.raises(KeyError, match="OVSTORE_ENCODERS is not in the table"):
        environment.value("OVSTORE_ENCODERS")


def test_a_process_inherits_what_is_named_and_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("TZDIR", raising=False)
    assert environment.inherited(["TZ", "TZDIR"]) == {"TZ": "UTC"}
    assert environment.inherited()["TZ"] == "UTC"
