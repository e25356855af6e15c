"""The house itself: what rooms and shelves may import, what a user may import, how light the front door is."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import ovstore
import pytest
from click.testing import CliRunner
from house_picture import TRAVELS, House, picture, room_of
from ovstore.cli import main
from ovstore.core import plugins

ROOT = Path(ovstore.__file__).parent
ALLOWED = {  # room -> rooms it may import besides itself
    "cli": {"web", "workflows", "drawing", "evaluation", "query", "ingest", "models", "store", "core"},
    "web": {"workflows", "drawing", "evaluation", "query", "ingest", "models", "store", "core"},
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
_SCANS = {"files", "cameras"}  # of ingest: readers of single files need lenses, and lenses are read from files
SHELVES = {  # room -> shelf -> shelves of the room that it may import
    "store": {
        "files": set(),
        "postgres": {"files"},
        "catalog": {"postgres", "files"},
        "publish": {"catalog", "postgres", "files"},
        "search": {"postgres", "files"},
        "maintain": {"search", "catalog", "postgres", "files"},
    },
    "ingest": {  # files of no shelf are the flow: they stand above all of them, but for what scenes are called
        "files": {"cameras"},
        "cameras": {"files"},
        "engines": set(),
        "regions": set(),
        "crops": {"extraction"},
        "fusion": _SCANS,
        "extraction": {"engines", "fusion", *_SCANS},
        "compat": {"formats", "fusion"},
        "formats": {"compat", "checks", "fusion", "regions", *_SCANS},
        "checks": {"datasets", "compat", "formats", "extraction", "fusion", *_SCANS},
        "datasets": {"formats", "compat", "checks", *_SCANS},
        "generated": {"formats", "regions", *_SCANS},
        "training": {"generated", "regions", "fusion"},
    },
}
HEAVY = {"numpy", "torch", "sqlalchemy", "faiss", "scipy", "pyarrow", "rich", "PIL", "open_clip", "numba"}


@pytest.fixture(scope="module")
def house() -> House:
    return House(ROOT)


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_down_the_page(house: House, room: str) -> None:
    """Those inside functions and for type checkers as well."""
    wrong = [f"{a} imports {b}" for a, b in house.arrows if room_of(a) == room != room_of(b) not in ALLOWED[room]]
    assert not wrong


@pytest.mark.parametrize("room", SHELVES)
def test_the_shelves_of_a_room_have_an_order(house: House, room: str) -> None:
    allowed = SHELVES[room]
    assert set(house.shelves(room)) - {""} == set(allowed)
    between = {(a, b) for a, b in house.between_shelves(room) if a and b}
    assert not {(a, b) for a, b in between if b not in allowed[a]}


def test_no_file_is_in_a_circle_of_imports(house: House) -> None:
    assert house.circles() == []


def test_the_picture_finds_every_arrow_and_no_other(tmp_path: Path) -> None:
    files = {
        "cli/ask.py": "def command():\n    from ..store.files import parquet\n",
        "store/__init__.py": "from importlib import import_module\nimport_module('.late', __package__)\n",
        "store/late.py": "from ..core.words import say\nimport json\n",
        "store/files/__init__.py": "",
        "store/files/parquet.py": "if TYPE_CHECKING:\n    from ovstore.core import words\n",
        "core/words.py": "import ovstore.store.files.parquet\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = House(tmp_path)
    assert made.arrows == [
        ("cli.ask", "store.files.parquet"), ("core.words", "store.files.parquet"), ("store", "store.late"),
        ("store.files.parquet", "core.words"), ("store.late", "core.words"),
    ]  # fmt: skip
    assert made.circles() == []  # one of the two is for type checkers alone
    assert made.shelves("store") == ["", "files"]
    assert made.longest("core.words", "cli.ask") == []
    assert made.longest("store", "store.files.parquet") == ["store", "store.late", "core.words", "store.files.parquet"]
    (tmp_path / "store/files/parquet.py").write_text("def late():\n    from ovstore.core import words\n")
    assert House(tmp_path).circles() == [["core.words", "store.files.parquet"]]


def test_the_picture_is_printed_from_the_root_of_a_checkout(house: House) -> None:
    printed = subprocess.run([sys.executable, "-m", "tests.house"], cwd=ROOT, capture_output=True, text=True)
    assert printed.stdout.splitlines() == picture(house), printed.stderr
    for room in house.rooms():
        assert f"\n{room} " in printed.stdout
    for what in TRAVELS:
        assert what in printed.stdout


def test_each_task_of_a_newcomer_names_a_file_that_exists() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Which file to open")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for task, cell in rows:
        [name] = re.findall("`([^`]+)`", cell)
        path = ROOT / name
        assert path.parent.is_dir() if "NAME" in name else path.is_file(), f"{task.strip()}: {name}"


def test_the_page_on_architecture_draws_every_room_and_shelf(house: House) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for room in house.rooms():
        assert f"| `{room}/` |" in page
    for room in SHELVES:
        for shelf in house.shelves(room):
            assert f"{shelf}/" in page, f"{room}/{shelf}"


def test_the_core_needs_numpy_and_the_standard_library_only() -> None:
    for path in sorted((ROOT / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top == "numpy" or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_the_public_names_are_these() -> None:
    assert dir(ovstore) == sorted([
        "Answer", "Camera", "EmbeddingSpace", "FeatureSetHandle", "Frame", "Hit", "OvstoreError", "PointCloud", "Query",
        "Question", "Scene", "SceneDataset", "SceneHandle", "SceneScores", "Store", "contact_sheet", "describe_objects",
        "distill", "evaluate_instances", "evaluate_points", "evaluate_retrieval", "export", "extract_features",
        "heat_map", "ingest_scans", "open", "scene_scores", "search", "segment", "view", "__version__",
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
