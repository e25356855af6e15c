"""The script and style of the page: the bundle is what the sources make; their types, their tests, their weight."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import ovstore
import pytest

ROOT = Path(ovstore.__file__).parent
PAGE, STATIC = ROOT / "web/page", ROOT / "web/static"
PACKED = ("page.js", "page.css", "widget.js", "LICENSES.txt")
LEAST_NODE = 20

needs_sources = pytest.mark.skipif(not PAGE.is_dir(), reason="needs a checkout: the page's sources are not installed")


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs Node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < LEAST_NODE:
        pytest.skip(f"needs Node {LEAST_NODE} or newer; this is {version.strip()}")
    return found


def tool(name: str) -> Path:
    found = PAGE / "node_modules/.bin" / name
    if not found.exists():
        pytest.skip("needs the packages of web/page: npm ci --prefix web/page")
    return found


def test_the_page_weighs_at_most_300_kb_as_sent_and_a_megabyte_unpacked() -> None:
    whole = [(STATIC / name).read_bytes() for name in ("page.js", "page.css")]
    assert sum(len(gzip.compress(one, 6)) for one in whole) <= 300_000
    assert sum(map(len, whole)) <= 1_000_000


def test_the_licence_of_what_is_bundled_lies_beside_it() -> None:
    said = (STATIC / "LICENSES.txt").read_text()
    assert "three.js" in said and "The MIT License" in said and "Permission is hereby granted" in said


@needs_sources
def test_the_committed_bundle_is_what_the_sources_make(tmp_path: Path) -> None:
    program = node()
    tool("esbuild")
    subprocess.run([program, "build.mjs", str(tmp_path)], cwd=PAGE, check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PACKED)
    for name in PACKED:
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), f"{name} is old: make page"


@needs_sources
def test_the_types_of_the_sources_hold() -> None:
    done = subprocess.run([tool("tsc"), "--project", "jsconfig.json"], cwd=PAGE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@needs_sources
def test_the_laws_of_the_sources_hold() -> None:
    tests = sorted(str(path) for path in (PAGE / "test").glob("*.test.js"))
    done = subprocess.run([node(), "--test", *tests], cwd=PAGE, capture_output=True, text=True)
    assert tests and done.returncode == 0, done.stdout


@needs_sources
def test_the_versions_of_the_bundler_and_the_library_are_exact() -> None:
    wanted = json.loads((PAGE / "package.json").read_text())["devDependencies"]
    held = json.loads((PAGE / "package-lock.json").read_text())["packages"]
    assert {name: held[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in package for package in held.values())  # whichever registry serves them


@needs_sources
def test_the_sources_never_parse_data_as_html() -> None:
    for path in (PAGE / "src").rglob("*.js"):
        text = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert way not in text, f"{path.name} uses {way}"
