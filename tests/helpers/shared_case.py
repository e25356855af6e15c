"""The small scans of ../shared/cases that once were read wrongly, made again by their own scripts."""

import importlib.util
import sys
from pathlib import Path

import ovstore
import pytest

SHARED = Path(ovstore.__file__).parent.parent / "shared"
CASES = SHARED / "cases"


def make(case: str, source: Path, out: Path) -> Path:
    """What `python make.py SOURCE OUT` of the case leaves in `out`; skips where ../shared is not there."""
    script = CASES / case / "make.py"
    if not script.exists():
        pytest.skip(f"needs ../shared/cases/{case}")
    spec = importlib.util.spec_from_file_location(case, script)
    assert spec is not None and spec.loader is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(script), str(source), str(out)])
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return out
