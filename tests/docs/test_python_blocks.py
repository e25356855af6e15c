"""The Python in the README and docs/: each block parses, what it imports and names exists, and whole pages run."""

import ast
import importlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import generated_room
import ovstore
import pytest
from command_line import ovstore as typed
from new_store import new_database
from ovstore.ingest.generated.formats import scannet
from ovstore.store.postgres.server import Server
from pages import PAGES, ROOT, python_blocks

BLOCKS = {
    f"{page.relative_to(ROOT)}:{line}": source for page in PAGES for line, source in python_blocks(page)
}  # "docs/search.md:51" -> source
NOT_RUN = {"docs/students.md": "needs a checkpoint of OpenScene's"}
STORE = "ovstore-data"  # the folder that the pages open


@pytest.mark.parametrize("place", BLOCKS)
def test_what_a_block_imports_and_names_exists(place: str) -> None:
    tree = ast.parse(BLOCKS[place])
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ovstore":
            assert node.attr in ovstore.__all__, f"{place}: ovstore.{node.attr} is not public"


def test_the_page_on_python_shows_every_public_name() -> None:
    source = "\n".join(source for place, source in BLOCKS.items() if place.startswith("docs/python.md:"))
    named = {node.attr for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ovstore"}  # fmt: skip
    assert named == set(ovstore.__all__)


@pytest.fixture(scope="module")
def folder(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the pages' programs run: a store of two small generated rooms, and the scans that it was made of."""
    folder = tmp_path_factory.mktemp("pages")
    with new_database(server) as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OVSTORE_DATABASE_URL", url)
        environment.chdir(folder)
        for name in ("scene0000_00", "scene0003_00"):
            (folder / "scans" / name).mkdir(parents=True)
            scannet.write(folder / "scans" / name, replace(generated_room.recording(), name=name))
        with ovstore.open(STORE, create=True) as store:
            done = typed(store, "ingest", "scannet", "scans", "--encoder", "tiny", "--frame-stride", 1)
            assert done.exit_code == 0, done.output
        yield folder


@pytest.mark.parametrize("page", sorted({place.partition(":")[0] for place in BLOCKS} - {*NOT_RUN}))
def test_a_page_runs_from_top_to_bottom(page: str, folder: Path) -> None:
    assert Path(os.getcwd()) == folder
    names: dict[str, object] = {}
    for line, source in python_blocks(ROOT / page):
        exec(compile("\n" * (line - 1) + source, ROOT / page, "exec"), names)
