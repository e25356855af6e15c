"""A scene as one HTML file: what it carries, that it asks nothing of any network, and that it answers in a browser."""

import base64
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import generated_room
import numpy as np
import ovstore
import pytest
from command_line import ovstore as typed
from ovstore.core.errors import BadInput, NotFound, UnknownWords
from ovstore.ingest.generated.formats import scannet
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.web.scene_file import SceneFileOptions, write_scene_file

SCENE = "whole/scene0000_00"


@pytest.fixture(scope="module")
def room(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A generated room in the features of color_words."""
    folder = tmp_path_factory.mktemp("scans") / "scene0000_00"
    folder.mkdir()
    scannet.write(folder, generated_room.recording())
    options = ("--encoder", "color_words", "--name", "whole", "--frame-stride", 1)
    done = typed(shared_store, "ingest", "scannet", folder.parent, *options)
    assert done.exit_code == 0, done.output
    return shared_store


@pytest.fixture(scope="module")
def page(room: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "room.html"
    write_scene_file(room, SCENE, path, SceneFileOptions(ask=("dark red",)))
    return path


class _Parts(HTMLParser):
    """Scripts, blocks of data, and addresses of an HTML file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.blocks: dict[str, bytes] = {}
        self.addresses: list[str] = []
        self.policy = ""
        self._open: str | None = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.addresses += [held[name] or "" for name in ("src", "href") if name in held]
        if held.get("http-equiv") == "Content-Security-Policy":
            self.policy = held["content"] or ""
        self._open = held.get("id") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.blocks[self._open] = zlib.decompress(base64.b64decode(data))


def test_the_file_loads_nothing_and_its_policy_forbids_it(page: Path) -> None:
    parts = _Parts(page)
    assert all(address.startswith("data:") for address in parts.addresses)
    assert "default-src 'none'" in parts.policy and "connect-src" not in parts.policy
    assert "unsafe" not in parts.policy


def test_every_word_has_the_scores_and_hits_of_the_store(room: Database, page: Path) -> None:
    parts = _Parts(page)
    kept = json.loads(parts.blocks["scene"])
    words = kept["words"]
    assert words[0] == "dark red" and {"red", "green", "blue"} <= set(words)
    numbers = np.frombuffer(parts.blocks["scores"], "<f4").reshape(2, len(words), -1)
    expected = ovstore.scene_scores(room, words, SCENE, features="color_words", level="superpoint")
    np.testing.assert_array_equal(numbers[0], expected.scores)
    np.testing.assert_array_equal(numbers[1], expected.probabilities)
    assert kept["superpoints"] == expected.ordinals.tolist()
    hits = ovstore.search(room, "dark red", scenes=SCENE, top=10)
    assert [(hit["name"], hit["score"]) for hit in kept["answers"][0]["hits"]] == [(h.full_name, h.score) for h in hits]
    assert len(kept["answers"][1]["hits"]) == 5


def test_the_points_are_those_of_the_scene(room: Database, page: Path) -> None:
    parts = _Parts(page)
    manifest = json.loads(parts.blocks["scene"])["manifest"]
    held = catalog.load_points(room, catalog.find_scene(room, SCENE).id).points
    count, faces = np.frombuffer(parts.blocks["mesh"][:8], "<u4")
    assert count == len(held) == manifest["points"] and faces == manifest["mesh"]["faces"]
    low, size = np.frombuffer(parts.blocks["mesh"][8:32], "<f4").reshape(2, 3).astype(float)
    place = np.frombuffer(parts.blocks["mesh"][32 : 32 + 8 * count], "<u2").reshape(-1, 4)[:, :3]
    np.testing.assert_allclose(low + place / 65535 * size, held.xyz, atol=float(size.max()) / 65535)
    assert len(parts.blocks["points"]) == manifest["bytes"] == 12 * sum(c["count"] for c in manifest["chunks"])


def test_the_superpoints_of_the_table_are_in_the_objects_that_hold_their_points(room: Database, page: Path) -> None:
    table = json.loads(_Parts(page).blocks["scene"])["table"]["superpoints"]
    scene = catalog.find_scene(room, SCENE)
    superpoint = catalog.load_points(room, scene.id).superpoint
    owner = catalog.features_file(room, catalog.find_feature_set(room, scene)).regions("object", superpoint)
    for part in np.unique(superpoint):
        assert set(owner[superpoint == part].tolist()) == {table[part] if part < len(table) else -1}


def test_fewer_points_and_no_images_make_a_smaller_file(room: Database, page: Path, tmp_path: Path) -> None:
    done = write_scene_file(room, SCENE, tmp_path / "small.html", SceneFileOptions(photographs=False, max_points=2_000))
    assert done.points <= 2_000 and done.photographs == 0
    assert done.size < page.stat().st_size
    kept = json.loads(_Parts(tmp_path / "small.html").blocks["scene"])
    assert kept["manifest"]["mesh"] is None and kept["frames"] == []


def test_names_of_strangers_are_text(room: Database, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall("<script", text)) == len(re.findall("</script>", text)) == 6


@pytest.mark.parametrize(
    ("scene", "options", "error", "said"),
    [
        (SCENE, {"ask": ("glorp",)}, UnknownWords, "glorp"),
        ("nowhere", {}, NotFound, "No scene named 'nowhere'"),
        (SCENE, {"features": "other"}, NotFound, "no features named 'other'"),
        (SCENE, {"max_points": 3}, BadInput, "The coarsest level of whole/scene0000_00 has"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(
    room: Database, tmp_path: Path, scene: str, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        write_scene_file(room, scene, tmp_path / "a.html", SceneFileOptions(**options))
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_it_wrote(room: Database, tmp_path: Path) -> None:
    done = typed(room, "export", "html", SCENE, tmp_path / "room.html", "--ask", "dark red", "--no-photos")
    assert done.exit_code == 0, done.output
    assert re.search(r"room\.html  [\d,]+ points  \d+ words  0 images  \d\.\d MB", done.stdout)
    again = typed(room, "export", "html", SCENE, tmp_path / "room.html")
    assert again.exit_code == 1 and "exists" in again.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    drawing = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=drawing)
        yield opened
        opened.close()


def test_it_draws_and_answers_from_disk_with_the_network_off(browser: Any, page: Path) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 600}, offline=True)
    tab = context.new_page()
    requests, troubles = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.goto(page.as_uri())
    stage = tab.locator(".stage")
    tab.locator(".stage[data-loaded=yes]").wait_for(timeout=60_000)
    before = stage.screenshot()
    tab.fill("#words", "dark red")
    tab.locator(".stage[data-question='dark red']").wait_for(timeout=20_000)
    hit = tab.locator(".results li").first
    hit.wait_for(timeout=20_000)
    assert stage.screenshot() != before
    hit.locator("button.name").click()
    tab.locator(f".stage[data-selected='{hit.get_attribute('data-region')}']").wait_for(timeout=20_000)
    tab.fill("#words", "zebra")
    tab.get_by_text("is none of them").wait_for(timeout=20_000)
    assert {url.partition(":")[0] for url in requests} <= {"file", "blob", "data"}
    assert [url for url in requests if url.startswith("file:")] == [page.as_uri()]
    assert [trouble for trouble in troubles if "GPU stall" not in trouble and "GroupMarkerNotSet" not in trouble] == []
    context.close()
