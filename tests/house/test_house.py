"""The house itself: which room may import which, what a user may import, how light the front door is."""

import ast
import subprocess
import sys
from pathlib import Path

import ovstore
import pytest
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.core import plugins

ROOT = Path(ovstore.__file__).parent
ALLOWED = {  # room -> rooms it may import besides itself
    "cli": {"workflows", "drawing", "evaluation", "query", "ingest", "models", "store", "core"},
    "workflows": {"drawing", "evaluation", "query", "ingest", "models", "store", "core"},
    "drawing": {"query", "models", "store", "core"},
    "evaluation": {"store", "core"},
    "query": {"models", "store", "core"},
    "ingest": {"models", "store", "core"},
    "models": {"core"},
    "store": {"core"},
    "core": set(),
    "migrations": set(),
}
HEAVY = {"numpy", "torch", "sqlalchemy", "faiss", "scipy", "pyarrow", "rich", "PIL", "open_clip", "numba"}


def _modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def _imports(path: Path) -> set[str]:
    """Dotted names below ovstore that a file imports, "core.scene" for `from ..core.scene import Scene`."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                target = ".".join((*base, *(node.module or "").split("."))).strip(".")
                found.add(target)
                found |= {f"{target}.{alias.name}".strip(".") for alias in node.names}
            elif (node.module or "").split(".")[0] == "ovstore":
                found.add(node.module.partition(".")[2])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.split(".")[0] == "ovstore"}
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_down_the_page(room: str) -> None:
    for path in _modules(room):
        for target in _imports(path):
            other = target.split(".")[0]
            if other in ALLOWED and other != room:
                assert other in ALLOWED[room], f"{path.relative_to(ROOT)} imports {target}"


def test_the_core_needs_numpy_and_the_standard_library_only() -> None:
    for path in _modules("core"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top == "numpy" or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_the_public_names_are_these() -> None:
    assert dir(ovstore) == sorted([
        "Answer", "Camera", "EmbeddingSpace", "FeatureSetHandle", "Frame", "Hit", "OvstoreError", "PointCloud", "Query",
        "Scene", "SceneHandle", "Store", "distill", "evaluate_instances", "evaluate_points", "evaluate_retrieval",
        "extract_features", "ingest_scans", "open", "search", "__version__",
    ])  # fmt: skip
    for name in ovstore.__all__:
        assert getattr(ovstore, name) is not None


@pytest.mark.parametrize("arguments", [["-c", "import ovstore"], ["-m", "ovstore.cli", "--help"]])
def test_the_front_door_imports_nothing_heavy(arguments: list[str]) -> None:
    report = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in report.stderr.splitlines() if "|" in line}
    assert not imported & HEAVY


@pytest.mark.parametrize("name", plugins.names("cli"))
def test_every_command_has_help_with_an_example_and_its_place_in_the_readme(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Example" in result.output
    assert f"ovstore {name}" in (ROOT / "README.md").read_text()


def test_a_misspelt_plugin_is_met_with_the_nearest_name() -> None:
    with pytest.raises(ovstore.OvstoreError, match="Did you mean 'color_words'"):
        plugins.load("models.encoders", "colour_words")


def test_a_misspelt_command_is_one_line() -> None:
    result = CliRunner().invoke(main, ["serach"])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "search" in result.stderr


@pytest.mark.parametrize(
    "registry",
    ["cli", "ingest.datasets", "ingest.engines", "models.encoders", "models.students", "store.search.indexes"],
)
def test_every_plugin_says_what_it_is(registry: str) -> None:
    for name in plugins.names(registry):
        assert plugins.summary(registry, name)
