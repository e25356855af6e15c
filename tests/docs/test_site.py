"""The site of `make docs`: every page has its place, every public name its entry in the reference."""

import importlib
import inspect
import re
from pathlib import Path

import ovstore
import pytest

ROOT = Path(ovstore.__file__).parent
CONFIGURATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def entries() -> set[str]:
    """What docs/api.md describes, as module.name."""
    return set(re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE))


def own_name(name: str) -> str:
    value = getattr(ovstore, name)
    return f"{value.__module__}.{value.__qualname__}"


def test_the_reference_describes_every_public_name_and_classes_that_they_return() -> None:
    public = {own_name(name) for name in ovstore.__all__}
    assert public <= entries()
    for entry in entries() - public:
        module, _, name = entry.rpartition(".")
        assert inspect.isclass(getattr(importlib.import_module(module), name)), entry


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_every_page_has_its_place_in_the_navigation(page: Path) -> None:
    assert re.search(rf"[- ]{re.escape(str(page.relative_to(ROOT / 'docs')))}$", CONFIGURATION, re.MULTILINE)


def test_the_site_is_strict_and_fetches_nothing() -> None:
    assert re.search(r"^strict: true$", CONFIGURATION, re.MULTILINE)
    assert "font: false" in CONFIGURATION
    assert "http" not in CONFIGURATION.replace("https://squidfunk", "")
