"""docs/notebooks/tour.ipynb runs from top to bottom, in a kernel of its own."""

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import ovstore
import pytest
from nbclient import NotebookClient

TOUR = Path(ovstore.__file__).parent / "docs" / "notebooks" / "tour.ipynb"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with what its cells left."""
    pytest.importorskip("embreex", reason="needs the extra 'generate'")
    pytest.importorskip("anywidget", reason="needs the extra 'notebook'")
    notebook = nbformat.read(TOUR, as_version=4)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        environment.setenv("JUPYTER_PLATFORM_DIRS", "1")
        folder = tmp_path_factory.mktemp("tour")
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell["id"]: cell for cell in notebook.cells}


def data(cell: Any) -> dict[str, Any]:
    """What a cell shows, by kind."""
    [shown] = [output for output in cell["outputs"] if output["output_type"] == "execute_result"]
    found: dict[str, Any] = shown["data"]
    return found


def test_the_notebook_is_kept_without_what_a_run_left() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_it_says(ran: Any) -> None:
    assert "image/png" in data(ran["evidence"]) and "image/png" in data(ran["segment"])
    assert "hits" in data(ran["search"])["text/html"]
    for table in ("like", "sql"):
        assert "<table" in data(ran[table])["text/html"]
    shown = data(ran["view"])
    assert "application/vnd.jupyter.widget-view+json" in shown and shown["image/jpeg"].startswith("/9j/")
