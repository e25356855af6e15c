"""Compiled loops run wherever numba does."""

import pytest

pytest.importorskip("numba", reason="needs the extra 'fast'")

from ovstore.ingest import compiled
from ovstore.store.search import scan_kernel


@pytest.mark.parametrize("compiled", [compiled.compiled, scan_kernel.compiled])
def test_loops_compile_where_no_file_can_be_kept(compiled, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for home in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(home, "/proc/nowhere")
    names: dict = {}
    exec(compile("def add(a, b):\n    return a + b\n", "/proc/nowhere/loop.py", "exec"), names)
    assert compiled(names["add"])(1, 2) == 3
