"""One home for where bytes lie: outside store/files nobody names a place, a column's file or the scan's order."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ovstore
import pytest
from ovstore.store.files import places

ROOT = Path(ovstore.__file__).parent
ROOMS = ("core", "store", "models", "ingest", "query", "drawing", "evaluation", "workflows", "cli")
HOME = ROOT / "store" / "files"
PLACES = (*places.FILES, places.STUDENTS, places.DATABASE)
SERVER = ROOT / "store" / "postgres" / "server.py"  # which starts a program of the name of a folder
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if HOME not in path.parents]


def findings(source: str) -> list[str]:
    """What a module knows that only store/files is to know."""
    return [said for node in ast.walk(ast.parse(source)) for said in _of_node(node)]


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(_below()):
        yield f"line {node.lineno} builds the path {node.value!r}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _text(node.right) in PLACES:
        yield f"line {node.lineno} builds a path with {_text(node.right)!r}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in ("file", "entry") and (_text(node.args[0]) or ".").split("/")[0] in PLACES:
            yield f"line {node.lineno} names the place {_text(node.args[0])!r}"
        if node.func.attr == "argsort" and "original_index" in ast.unparse(node.args[0]).split("[")[0]:
            yield f"line {node.lineno} derives the scan's order again"


def _below() -> tuple[str, ...]:
    return tuple(f"{place}/" for place in PLACES)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_files_of_the_store_know_where_a_byte_lies(room: str) -> None:
    for path in MODULES:
        if path.is_relative_to(ROOT / room) and path != SERVER:
            assert not (found := findings(path.read_text())), f"{path.relative_to(ROOT)}: {found}"


def test_only_the_store_knows_its_parquet_columns() -> None:
    for path in MODULES:
        if path.is_relative_to(ROOT / "store"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                names = {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
                known = [name for name in names if name.endswith("files.parquet")]
                assert not known, f"{path.relative_to(ROOT)} imports {known}"


@pytest.mark.parametrize(
    "source",
    [
        'path = store.file("students/x")',
        'path = store.file("indexes")',
        'path = f"scenes/{name}"',
        'path = store.path / "unpacked" / name',
        "order = np.argsort(held.original_index)",
    ],
)
def test_what_is_to_be_found_is_found(source: str) -> None:
    assert findings(source)


def test_a_place_lies_in_its_folder_whatever_the_names() -> None:
    for made in (
        places.new_scene("../a", "b/../.."),
        places.new_features("a", "..", "/x"),
        places.unpacked("a/..", "../../b"),
    ):
        folder, *rest = made.split("/")
        assert folder in places.FILES and len(rest) == 1 and ".." not in rest


def test_an_index_is_known_by_its_folder() -> None:
    assert places.regions_index_of(Path(places.regions_index(7, "object"))) == (7, "object")
    assert places.regions_index_of(Path("indexes/faiss-7-object")) is None
