"""The pages in a real browser: accessible, within the screen, live, whatever scenes are called and lack."""

import time
from pathlib import Path

import ovstore
import pytest
import small_scene
from browser import ServedStore, Watched
from odd_scenes import BARE, ODD
from ovstore.core import tilde
from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
AXE = Path(ovstore.__file__).parent / "web/page/node_modules/axe-core/axe.min.js"
PAGES = (
    "/",
    "/?q=snoopy",
    "/scenes/scannet/scene0000_00?q=snoopy&region=0@object",
    "/jobs",
    "/segment",
    "/features",
    "/api",
    "/about",
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
def test_pages_are_accessible_and_within_the_screen(
    served: ServedStore,
    chromium: Browser,
    scheme: str,
    width: int,
) -> None:
    if not AXE.is_file():
        pytest.skip("needs the packages of web/page: npm ci --prefix web/page")
    context = chromium.new_context(
        viewport={"width": width, "height": 720}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    watched = Watched(context.new_page())
    page = watched.page
    for path in PAGES:
        page.goto(served.url + path)
        if path.startswith("/scenes"):
            watched.drawn(question="snoopy", selected="0@object")
        page.add_script_tag(path=AXE)
        found = page.evaluate("(tags) => axe.run({runOnly: tags})", RULES)["violations"]
        said = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
        assert said == [], f"{path}, {scheme}, {width} pixels"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width} pixels"
    assert watched.complaints == []
    context.close()


def test_hits_of_all_scenes_follow_as_one_types(served: ServedStore, view: Watched) -> None:
    page = view.page
    page.goto(served.url)
    page.locator(".grid .card").first.wait_for()
    page.locator("header input[name=q]").press_sequentially("snoopy", delay=10)
    page.locator("ol.hits .hit").first.wait_for()
    assert page.url == f"{served.url}/?q=snoopy"
    page.locator("header input[name=q]").press("Enter")
    page.locator("ol.hits .hit .place").first.click()
    view.drawn(question="snoopy")
    assert "region=" in page.url


def test_what_scenes_are_called_is_text_and_leads_to_them(served: ServedStore, view: Watched) -> None:
    page = view.page
    page.goto(served.url)
    page.locator(".card", has_text="🪑").locator("a").first.click()
    view.drawn()
    assert page.url == f"{served.url}/scenes/odd/{tilde.encode(ODD)}"
    assert ODD in page.locator("h1").inner_text()
    assert page.locator("main b").count() == 0


def test_a_scene_without_images_faces_colours_and_features_is_shown(
    served: ServedStore,
    view: Watched,
) -> None:
    view.page.goto(f"{served.url}/scenes/odd/{BARE}?q=snoopy")
    view.drawn()
    assert "no features" in view.page.locator("#said").inner_text()
    picture = view.canvas()
    assert (picture != picture[0, 0]).any()


def test_a_scene_that_is_ingested_meanwhile_appears_in_the_grid(served: ServedStore, view: Watched) -> None:
    view.page.goto(served.url)
    view.page.locator(".grid .card").first.wait_for()
    with view.page.expect_response(lambda answer: "/events?" in answer.url):
        view.page.reload()
    time.sleep(2)  # the stream has looked at the store once; what comes later is news
    with ovstore.open(served.store.path) as writer:
        small_scene.make("just come").publish_geometry(writer, "odd")
    view.page.locator(".card", has_text="just come").wait_for()


def test_the_page_of_no_scene_is_one_sentence(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}/scenes/odd/nowhere")
    assert "nowhere" in view.page.locator("main").inner_text()


def test_lists_are_complete_without_script(served: ServedStore, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.url}/?q=snoopy")
    assert page.locator("ol.hits .hit").count() > 0
    page.goto(f"{served.url}/scenes/scannet/scene0000_00")
    assert page.locator("main img").count() == 1
    assert "snoopy" in page.locator("main").inner_text()
    context.close()


def test_the_choice_of_colours_is_kept(served: ServedStore, view: Watched) -> None:
    page = view.page
    page.goto(served.url + "/about")
    for _ in range(2):
        page.get_by_role("button", name="colours of the page").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.goto(served.url + "/jobs")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark
