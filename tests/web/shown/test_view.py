"""The 3D view in a real browser: what lights up, what a click selects, what the URL says, what is asked of whom."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from browser import OVER, ServedStore, Watched, browser, changed, picture_of
from numpy.typing import NDArray
from playwright.sync_api import Browser, Playwright

pytestmark = pytest.mark.slow
SCENE = "/scenes/scannet/scene0000_00"
EYE, AT = (4.5, -3.0, 5.0), (2.0, 2.0, 0.6)
STANDING = f"&eye={','.join(map(str, EYE))}&at={','.join(map(str, AT))}"


def asked(served: ServedStore, path: str) -> Any:
    with urlopen(served.url + "/api/v1" + path) as answer:
        return json.load(answer)


def projected(places: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """(N, 2) pixels of the view from EYE at AT, where a lens of 60 degrees looks, z up."""
    forward = np.subtract(AT, EYE) / np.linalg.norm(np.subtract(AT, EYE))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    own = (places - EYE) @ np.stack([right, np.cross(right, forward), forward]).T
    focal = height / 2 / np.tan(np.radians(30))
    return np.stack([width / 2 + focal * own[:, 0] / own[:, 2], height / 2 - focal * own[:, 1] / own[:, 2]], axis=1)


def corners(box: dict[str, Any]) -> NDArray[np.float64]:
    signs = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), axis=-1).reshape(-1, 3)
    return np.array(box["centre"]) + (signs * box["size"]) @ np.array(box["axes"]).T


def test_only_what_answers_is_lit_and_the_first_hit_is(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?q=snoopy{STANDING}")
    view.drawn(question="snoopy")
    picture = view.canvas()
    lit = picture.max(axis=2) - picture.min(axis=2) > 40  # the rest of the room is grey
    scores = asked(served, "/scenes/scannet/scene0000_00/scores?q=snoopy&level=superpoint")
    chances = dict(zip(scores["regions"], scores["rows"][0]["probabilities"], strict=True))
    regions = asked(served, "/scenes/scannet/scene0000_00/regions?level=superpoint&limit=500")["items"]
    allowed = np.zeros_like(lit)
    for region in regions:
        if chances[region["ordinal"]] >= 0.5:
            pixels = projected(corners(region["oriented_box"]), lit.shape[1], lit.shape[0])
            (left, top), (right, bottom) = pixels.min(axis=0) - 12, pixels.max(axis=0) + 12
            allowed[max(int(top), 0) : max(int(bottom), 0), max(int(left), 0) : max(int(right), 0)] = True
    assert lit.sum() > 50
    assert (lit & ~allowed).sum() <= 0.02 * lit.sum()
    [hit] = asked(served, "/search?q=snoopy&scene=scene0000_00&limit=1")["hits"]
    (left, top), (right, bottom) = (
        edge(projected(corners(hit["oriented_box"]), lit.shape[1], lit.shape[0]), axis=0) for edge in (np.min, np.max)
    )
    assert lit[int(top) : int(bottom), int(left) : int(right)].sum() >= 0.5 * lit.sum()


def test_questions_one_after_another_leave_no_trace(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?{STANDING[1:]}")
    view.drawn(question="")
    plain = view.canvas()
    pictures = []
    for words in ("snoopy", "bed", "snoopy"):
        view.page.locator("#words").fill(words)
        view.drawn(question=words)
        pictures.append(view.canvas())
    assert changed(pictures[0], pictures[2]) < 0.001 < changed(pictures[0], pictures[1])
    view.page.locator("#words").fill("")
    view.drawn(question="")
    assert changed(plain, view.canvas()) < 0.001


def test_half_a_word_is_no_error_and_the_colours_stay(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?q=snoopy{STANDING}")
    view.drawn(question="snoopy")
    before = view.canvas()
    view.page.locator("#words").fill("snoopyx")
    view.page.locator("#said", has_text="near").wait_for()
    assert "bad" not in (view.page.locator("#said").get_attribute("class") or "")
    view.drawn(question="snoopy")
    assert changed(before, view.canvas()) < 0.001


def test_back_forward_reload_and_another_browser_show_the_same(
    served: ServedStore, view: Watched, chromium: Browser
) -> None:
    page = view.page
    page.goto(f"{served.url}{SCENE}?{STANDING[1:]}")
    view.drawn(question="")
    first = view.canvas()
    page.locator("#words").fill("snoopy")
    page.locator("#words").press("Enter")
    view.drawn(question="snoopy")
    page.locator("ol.hits .name").first.click()
    name = asked(served, "/search?ask=snoopy&scene=scene0000_00&dataset=scannet")["hits"][0]["name"].partition(":")[2]
    view.drawn(question="snoopy", selected=name)
    second, hits = view.canvas(), page.locator("ol.hits .name").all_inner_texts()
    page.reload()
    view.drawn(question="snoopy", selected=name)
    assert changed(second, view.canvas()) < 0.01
    page.go_back()
    page.go_back()
    view.drawn(question="", selected="")
    assert changed(first, view.canvas()) < 0.01
    page.go_forward()
    page.go_forward()
    view.drawn(question="snoopy", selected=name)
    assert changed(second, view.canvas()) < 0.01
    other = chromium.new_context(viewport=page.viewport_size, reduced_motion="reduce")
    elsewhere = Watched(other.new_page())
    elsewhere.page.goto(page.url)
    elsewhere.drawn(question="snoopy", selected=name)
    assert changed(second, elsewhere.canvas()) < 0.01
    assert elsewhere.page.locator("ol.hits .name").all_inner_texts() == hits
    other.close()


def test_a_click_selects_what_the_photograph_shows_there(served: ServedStore, view: Watched) -> None:
    frame = asked(served, "/scenes/scannet/scene0000_00/frames")["items"][3]
    view.page.goto(f"{served.url}{SCENE}?frame={frame['name']}")
    view.drawn(frame=frame["name"])
    picture = view.page.locator("img.photograph").bounding_box()
    assert picture is not None
    scale = picture["width"] / frame["camera"]["width"]
    sure = 0
    for u, v in [(40, 60), (80, 60), (120, 60), (80, 90), (40, 90), (120, 90), (100, 40)]:
        around = [_seen(served, frame["name"], u + du, v + dv) for du, dv in ((0, 0), (5, 0), (-5, 0), (0, 5), (0, -5))]
        seen = [None if one is None else one["object"] for one in around]
        if seen[0] is None or set(seen) != {seen[0]}:
            continue  # at an edge
        view.page.mouse.click(picture["x"] + (u + 0.5) * scale, picture["y"] + (v + 0.5) * scale)
        view.drawn(selected=f"{seen[0]}@object")
        sure += 1
    assert sure >= 2


def _seen(served: ServedStore, frame: str, u: float, v: float) -> dict[str, Any] | None:
    """What a pixel shows, by the correspondences of the store."""
    try:
        return dict(asked(served, f"/scenes/scannet/scene0000_00/frames/{frame}/points?u={u}&v={v}"))
    except HTTPError:
        return None


def test_a_click_on_nothing_selects_nothing(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?region=0@object{STANDING}")
    view.drawn(selected="0@object")
    box = view.page.locator(".stage canvas").bounding_box()
    assert box is not None
    view.page.mouse.click(box["x"] + 6, box["y"] + box["height"] - 150)
    view.drawn(selected="")
    assert "region" not in view.page.url


def test_the_scene_lies_under_its_photograph(served: ServedStore, view: Watched) -> None:
    frame = asked(served, "/scenes/scannet/scene0000_00/frames")["items"][3]
    view.page.goto(f"{served.url}{SCENE}?frame={frame['name']}")
    view.drawn(frame=frame["name"])
    drawn = view.canvas().mean(axis=2)
    view.page.locator(".looking input").fill("1")
    view.page.evaluate(f"({OVER})(true)")
    photograph = picture_of(view.page.locator(".stage").screenshot()).mean(axis=2)
    picture = view.page.locator("img.photograph").bounding_box()
    canvas = view.page.locator(".stage canvas").bounding_box()
    assert picture is not None and canvas is not None
    left, top = int(picture["x"] - canvas["x"]), int(picture["y"] - canvas["y"])
    inner = np.s_[top + 40 : top + int(picture["height"]) - 40, left + 40 : left + int(picture["width"]) - 40]

    def away(across: int, down: int) -> float:
        return float(np.abs(np.roll(drawn, (down, across), (0, 1)) - photograph)[inner].mean())

    at_once = away(0, 0)
    assert all(at_once < away(across, down) for across, down in ((16, 0), (-16, 0), (0, 16), (0, -16)))


def test_several_questions_have_a_colour_each(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?q=snoopy&q=floor&q=wall{STANDING}")
    view.drawn(question="snoopy|floor|wall")
    assert view.page.locator(".chips li").all_inner_texts() == ["snoopy\n×", "floor\n×", "wall\n×"]
    colours = view.page.locator(".legend .swatch").evaluate_all("(all) => all.map((one) => one.style.background)")
    assert len(set(colours)) == 3
    view.page.get_by_label("Remove the question floor").click()
    view.drawn(question="snoopy|wall")
    assert "floor" not in view.page.url


def test_a_picture_is_a_question(served: ServedStore, view: Watched, tmp_path: Path) -> None:
    hit = asked(served, "/search?q=snoopy&scene=scene0000_00&limit=1")["hits"][0]
    evidence = hit["evidence"][0]
    with urlopen(served.url + evidence["image"]) as answer:
        (tmp_path / "seen.jpg").write_bytes(answer.read())
    view.page.goto(served.url + SCENE)
    view.drawn()
    view.page.locator("input[type=file]").set_input_files(tmp_path / "seen.jpg")
    view.drawn(question="picture seen.jpg")
    view.page.locator("ol.hits li").first.wait_for()
    assert view.page.locator(".chips img").count() == 1


def test_a_box_dragged_on_a_photograph_finds_what_is_in_it(served: ServedStore, view: Watched) -> None:
    hit = asked(served, "/search?q=snoopy&scene=scene0000_00&limit=1")["hits"][0]
    seen = hit["evidence"][0]
    view.page.goto(f"{served.url}{SCENE}?frame={seen['frame']}")
    view.drawn(frame=seen["frame"])
    picture = view.page.locator("img.photograph").bounding_box()
    assert picture is not None
    scale = picture["width"] / seen["camera"]["width"]
    x0, y0, x1, y1 = (value * scale for value in seen["box_xyxy"])
    view.page.get_by_role("button", name="Ask with a box").click()
    view.page.mouse.move(picture["x"] + x0, picture["y"] + y0)
    view.page.mouse.down()
    view.page.mouse.move(picture["x"] + x1, picture["y"] + y1, steps=4)
    view.page.mouse.up()
    view.drawn(question=f"box in {seen['frame']}")
    first = view.page.locator("ol.hits li").first
    first.wait_for()
    assert first.get_attribute("data-region") == hit["name"].partition(":")[2]


def test_keys_do_what_the_list_of_keys_says(served: ServedStore, view: Watched) -> None:
    page = view.page
    page.goto(f"{served.url}{SCENE}?{STANDING[1:]}")
    view.drawn()
    page.keyboard.press("3")
    view.drawn()
    assert "show=regions" in page.url
    page.keyboard.press("m")
    page.locator(".tool", has_text="Choose two points").wait_for()
    page.keyboard.press("Escape")
    page.locator(".tool").wait_for(state="hidden")
    page.keyboard.press("/")
    page.keyboard.type("snoopy")
    view.drawn(question="snoopy")
    page.locator("ol.hits .name").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('li').previousElementSibling !== null")
    page.keyboard.press("?")
    assert page.locator("dialog.keys").is_visible()


def test_two_clicks_measure_the_metres_between_them(served: ServedStore, view: Watched) -> None:
    frame = asked(served, "/scenes/scannet/scene0000_00/frames")["items"][3]
    view.page.goto(f"{served.url}{SCENE}?frame={frame['name']}")
    view.drawn(frame=frame["name"])
    picture = view.page.locator("img.photograph").bounding_box()
    assert picture is not None
    scale = picture["width"] / frame["camera"]["width"]
    view.page.keyboard.press("m")
    every = [_seen(served, frame["name"], u, v) for u in (20, 40, 120, 140) for v in (40, 60, 80)]
    ends = [seen for seen in every if seen is not None]
    places = [_place(frame, seen) for seen in (ends[0], ends[-1])]
    for seen in (ends[0], ends[-1]):
        view.page.mouse.click(picture["x"] + (seen["u"] + 0.5) * scale, picture["y"] + (seen["v"] + 0.5) * scale)
    view.page.locator(".tool", has_text=" m").wait_for()
    measured = float(view.page.locator(".tool").inner_text().removesuffix(" m"))
    assert measured == pytest.approx(np.linalg.norm(places[0] - places[1]), abs=0.2)  # vertices are 6 cm apart


def _place(frame: dict[str, Any], seen: dict[str, Any]) -> NDArray[np.float64]:
    """Where a pixel's point is, from the depth it was seen at."""
    camera = frame["camera"]
    ray = np.array([(seen["u"] - camera["cx"]) / camera["fx"], (seen["v"] - camera["cy"]) / camera["fy"], 1.0])
    pose = np.array(frame["camera_to_world"]).reshape(4, 4)
    return np.asarray(pose[:3, :3] @ (ray * seen["depth"]) + pose[:3, 3])


def test_no_request_leaves_the_server_and_few_make_the_first_picture(served: ServedStore, view: Watched) -> None:
    view.page.goto(served.url + SCENE)
    view.drawn()
    assert all(request.startswith((served.url, "blob:", "data:")) for request in view.requests)
    first = [
        request for request in view.requests if not any(part in request for part in ("/image", "/regions", "/table"))
    ]
    assert len(first) <= 7  # page, style, script, manifest, points, frames, mesh


def test_a_link_to_a_whole_thing_selects_all_of_it(served: ServedStore, view: Watched) -> None:
    hit = asked(served, "/search?q=snoopy&scene=scene0000_00&limit=1")["hits"][0]
    name = hit["name"].partition(":")[2]
    view.page.goto(f"{served.url}{SCENE}?show=colour{STANDING}")
    view.drawn()
    plain = view.canvas()
    view.page.goto(f"{served.url}{SCENE}?show=colour&region={name}{STANDING}")
    view.drawn(selected=name)
    marked = np.abs(view.canvas() - plain).max(axis=2) > 12
    pixels = projected(corners(hit["oriented_box"]), marked.shape[1], marked.shape[0])
    (left, top), (right, bottom) = pixels.min(axis=0) - 12, pixels.max(axis=0) + 12
    inside = marked[int(top) : int(bottom), int(left) : int(right)].sum()
    assert inside > 30 and inside >= 0.95 * marked.sum()
    assert view.page.locator(".overlay line.box").count() == 12


def test_a_link_to_a_region_that_is_gone_says_so(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?region=9999@object")
    view.drawn()
    view.page.locator("#said.bad", has_text="9999").wait_for()


def test_the_view_is_a_sheet_on_a_phone(served: ServedStore, view: Watched) -> None:
    view.page.set_viewport_size({"width": 320, "height": 640})
    view.page.goto(f"{served.url}{SCENE}?q=snoopy")
    view.drawn(question="snoopy")
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_webgl_there_are_pictures_and_the_same_lists(served: ServedStore, driver: Playwright) -> None:
    with browser(driver, "--disable-3d-apis") as plain:
        page = plain.new_page()
        page.goto(f"{served.url}{SCENE}?q=snoopy")
        page.locator("ol.hits li").first.wait_for()
        page.locator("ul.objects li").first.wait_for()
        assert page.locator("img.flat").evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 100


def test_a_server_that_stops_is_one_sentence(served: ServedStore, view: Watched) -> None:
    view.page.goto(f"{served.url}{SCENE}?q=snoopy")
    view.drawn(question="snoopy")
    view.page.route("**/api/**", lambda route: route.abort())
    view.page.locator("#words").fill("bed")
    view.page.locator("#said.bad", has_text="is ovstore web still running?").wait_for()
