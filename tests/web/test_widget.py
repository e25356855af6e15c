"""The widget of a notebook: the kernel's answers are the store's, traits and view follow one another in a browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anywidget
import generated_room
import numpy as np
import ovstore
import pytest
import traitlets
from command_line import ovstore as typed
from ovstore.core.errors import NotFound, UnknownWords
from ovstore.ingest.generated.formats import scannet
from ovstore.store.postgres.database import Database
from ovstore.web.widget import SceneView

SCENE = "whole/scene0000_00"
STATIC = Path(ovstore.__file__).parent / "web" / "static"

assert issubclass(SceneView, anywidget.AnyWidget)

# A page with a model as anywidget gives it: `answer` is the kernel, bytes travel as lists of numbers.
PAGE = """<!doctype html><meta charset="utf-8"><title>cell</title><body style="margin:0"><div id="cell"></div>
<script type="module">
const listeners = {};
const tell = (event, ...told) => (listeners[event] ?? []).forEach((listener) => listener(...told));
const view = (numbers) => new DataView(Uint8Array.from(numbers).buffer);
const state = JSON.parse(await window.answer(JSON.stringify({ state: true })));
for (const name of ["points", "mesh"]) state[name] = view(state[name]);
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; tell(`change:${name}`); },
  save_changes: () => window.saved(JSON.stringify({ queries: state.queries, selected: state.selected })),
  on: (event, listener) => (listeners[event] ??= []).push(listener),
  off: (event, listener) => (listeners[event] = (listeners[event] ?? []).filter((one) => one !== listener)),
  send: async (message) => {
    const { told, buffers } = JSON.parse(await window.answer(JSON.stringify(message)));
    tell("msg:custom", told, buffers.map(view));
  },
};
window.model = model;
const { default: widget } = await import("/widget.js");
window.done = await widget.render({ model, el: document.getElementById("cell") });
</script>"""


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


def ask(shown: SceneView, what: str, **asked: Any) -> Any:
    told, _ = shown._answer({"id": 7, "what": what, "asked": asked})
    assert told["id"] == 7
    return told.get("value", told.get("problem"))


def test_the_kernel_answers_as_python_does(room: Database) -> None:
    shown = ovstore.view(room, SCENE, query="red")
    found = ask(shown, "scores", questions=["red", "green"])
    expected = ovstore.scene_scores(room, ["red", "green"], SCENE, level="superpoint")
    assert found["regions"] == expected.ordinals.tolist()
    np.testing.assert_array_equal(np.array([row["scores"] for row in found["rows"]], np.float32), expected.scores)
    hits = ovstore.search(room, "red", scenes=SCENE, top=10)
    assert [(hit["name"], hit["score"]) for hit in ask(shown, "search", question="red")["hits"]] == [
        (hit.full_name, hit.score) for hit in hits
    ]
    assert [hit["name"] for hit in shown.hits] == [hit.full_name for hit in hits]
    alike = ask(shown, "search", example={"like": hits[0].full_name})
    assert alike["hits"][0]["name"] == ovstore.search(room, like=hits[0].full_name, scenes=SCENE)[0].full_name
    assert ask(shown, "region", level="thing", ordinal=hits[0].ordinal)["point_count"] > 0


def test_a_query_and_queries_say_the_same(room: Database) -> None:
    shown = ovstore.view(room, SCENE, query=["red", "green"])
    assert (shown.query, shown.queries) == ("red", ["red", "green"])
    shown.query = "blue"
    assert shown.queries == ["blue"]
    shown.queries = []
    assert shown.query == ""
    with pytest.raises(traitlets.TraitError, match="7 queries were given; at most 6"):
        shown.queries = ["red"] * 7


def test_what_cannot_be_shown_is_one_sentence(room: Database) -> None:
    with pytest.raises(NotFound, match="No scene named 'nowhere'"):
        ovstore.view(room, "nowhere")
    with pytest.raises(UnknownWords, match="glorp"):
        ovstore.view(room, SCENE, query="glorp")
    shown = ovstore.view(room, SCENE)
    assert ask(shown, "scores", questions=["glorp"])["status"] == 422
    assert ask(shown, "region", level="object", ordinal=9999)["status"] == 404


def test_programs_without_widgets_show_a_drawing(room: Database) -> None:
    bundle = ovstore.view(room, SCENE)._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["image/jpeg"].startswith("/9j/")


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


def test_the_cell_follows_the_traits_and_the_traits_the_cell(room: Database, browser: Any) -> None:
    shown = ovstore.view(room, SCENE, query="red")
    saved: dict[str, Any] = {}
    tab = browser.new_page(viewport={"width": 900, "height": 640})
    troubles: list[str] = []
    tab.on("pageerror", lambda error: troubles.append(str(error)))

    def answer(text: str) -> str:
        message = json.loads(text)
        if "state" in message:
            names = ("queries", "selected", "camera", "dataset", "scene", "features", "manifest")
            state = {name: getattr(shown, name) for name in names}
            return json.dumps(state | {name: list(getattr(shown, name)) for name in ("points", "mesh")})
        told, buffers = shown._answer(message)
        return json.dumps({"told": told, "buffers": [list(one) for one in buffers]})

    tab.expose_function("answer", answer)
    tab.expose_function("saved", lambda text: saved.update(json.loads(text)))
    served = {"/": (PAGE, "text/html"), "/widget.js": ((STATIC / "widget.js").read_text(), "text/javascript")}

    def serve(route: Any) -> None:
        body, kind = served[route.request.url.removeprefix("http://cell.test")]
        route.fulfill(body=body, content_type=kind)

    tab.route("http://cell.test/**", serve)
    tab.goto("http://cell.test/")
    tab.locator(".stage[data-loaded=yes]").wait_for(timeout=60_000)
    tab.locator(".stage[data-question=red]").wait_for(timeout=20_000)
    hit = tab.locator(".results li").first
    hit.locator("button.name").click()
    name = hit.get_attribute("data-region")
    tab.locator(f".stage[data-selected='{name}']").wait_for(timeout=20_000)
    assert saved["queries"] == ["red"] and saved["selected"] == name
    tab.evaluate("model.set('queries', ['green'])")  # as Python does by shown.query = "green"
    tab.locator(".stage[data-question=green]").wait_for(timeout=20_000)
    assert [hit["name"] for hit in shown.hits] == [
        hit.full_name for hit in ovstore.search(room, "green", scenes=SCENE, top=10)
    ]
    assert tab.url == "http://cell.test/"  # the notebook's own address is left alone
    tab.evaluate("done()")
    assert troubles == []
    tab.close()
