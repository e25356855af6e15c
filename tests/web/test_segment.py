"""/segment: the answers are those of ovstore.segment, uploads are guarded, the page tints a picture in a browser."""

import base64
import io
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import ovstore
import pytest
import uvicorn
from ovstore.web import kept_pictures
from ovstore.web.app import create_app
from ovstore.web.options import WebOptions
from ovstore.workflows.open_store import Store
from PIL import Image
from served import client
from starlette.testclient import TestClient

LABELS = ["red", "green", "blue"]
FORM = {"X-Ovstore": "1"}
SEGMENT = "/api/v1/segment"


def stripes() -> np.ndarray[Any, Any]:
    image = np.zeros((64, 96, 3), np.uint8)
    for number, colour in enumerate([(220, 20, 20), (20, 200, 20), (20, 20, 220)]):
        image[:, number * 32 : (number + 1) * 32] = colour
    return image


def png(image: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def grey(text: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


@pytest.fixture(scope="module")
def api(rooms: Store) -> Iterator[TestClient]:
    with client(rooms) as found:
        yield found


def sent(api: TestClient, image: np.ndarray[Any, Any]) -> dict[str, Any]:
    answer = api.post(f"{SEGMENT}/pictures", files={"picture": ("a.png", png(image), "image/png")}, headers=FORM)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_sent_picture_is_segmented_as_python_does_it(rooms: Store, api: TestClient) -> None:
    kept = sent(api, stripes())
    assert (kept["width"], kept["height"]) == (96, 64)
    found = api.get(SEGMENT, params={"picture": kept["picture"], "label": LABELS}).json()
    expected = ovstore.segment(rooms, LABELS, image=stripes())
    np.testing.assert_array_equal(grey(found["label_map"]), expected.label_map)
    assert [row["label"] for row in found["labels"]] == LABELS
    assert [row["share"] for row in found["labels"]] == expected.shares.tolist()
    cells = found["probabilities"]
    planes = grey(cells["png"]).reshape(3, cells["height"], cells["width"])
    np.testing.assert_allclose(planes.transpose(1, 2, 0) / 255, expected.probabilities, atol=0.003)


def test_an_image_of_the_store_needs_no_upload(rooms: Store, api: TestClient) -> None:
    frame = api.get("/api/v1/scenes/rgbd/room/frames").json()["items"][0]["name"]
    found = api.get(SEGMENT, params={"scene": "rgbd/room", "frame": frame, "label": LABELS}).json()
    expected = ovstore.segment(rooms, LABELS, frame=("rgbd/room", frame))
    np.testing.assert_array_equal(grey(found["label_map"]), expected.label_map)


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"label": LABELS}, 400, "Give picture, or scene and frame."),
        ({"label": LABELS, "scene": "rgbd/room"}, 400, "Give picture, or scene and frame."),
        ({"label": LABELS, "picture": "0" * 32}, 404, "not kept any more"),
        ({"label": LABELS, "scene": "rgbd/room", "frame": "../../etc/passwd"}, 404, "frame named"),
        ({"label": LABELS, "scene": "rgbd/rom", "frame": "0"}, 404, "No scene named"),
        ({"label": ["glorp"], "scene": "rgbd/room", "frame": "0000"}, 422, "glorp"),
        ({"label": ["red", " "], "scene": "rgbd/room", "frame": "0000"}, 400, "has no words"),
        ({"label": ["red"] * 51, "picture": "0"}, 400, ""),
        ({"picture": "0"}, 400, ""),
    ],
)
def test_what_cannot_be_segmented_is_a_problem(api: TestClient, asked: dict[str, Any], status: int, said: str) -> None:
    answer = api.get(SEGMENT, params=asked)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


def test_an_upload_that_is_no_picture_is_refused(api: TestClient) -> None:
    for body in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(64)):
        answer = api.post(f"{SEGMENT}/pictures", files={"picture": ("a.png", body, "image/png")}, headers=FORM)
        assert answer.status_code == 400
    assert api.post(f"{SEGMENT}/pictures", files={"picture": ("a.png", png(stripes()), "image/png")}).status_code == 403


def test_only_the_latest_pictures_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pictures, "_MOST_BYTES", 3 * stripes().nbytes)
    kept = kept_pictures.KeptPictures()
    keys = [kept.keep(np.full_like(stripes(), value)) for value in range(5)]
    assert len(set(keys)) == 5
    for key in keys[2:]:
        kept.of(key)
    with pytest.raises(Exception, match="not kept any more"):
        kept.of(keys[0])


@pytest.fixture(scope="module")
def address(rooms: Store) -> Iterator[str]:
    """Of a server on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(rooms, WebOptions(port=port)), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_the_page_tints_a_picture_and_says_what_is_under_the_pointer(address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 800, "height": 700})
        troubles: list[str] = []
        tab.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.goto(f"{address}/segment?label=red")
        picture = {"name": "stripes.png", "mimeType": "image/png", "buffer": png(stripes())}
        tab.locator("input[type=file]").set_input_files(picture)
        tab.fill("#labels", "red, green, blue")
        tab.locator("main[data-labels='red|green|blue']").wait_for(timeout=20_000)
        assert [words.split()[0] for words in tab.locator(".segment-legend li").all_inner_texts()] == LABELS
        canvas = tab.locator("canvas.segments")
        tab.locator("input[type=range]").fill("1")
        drawn = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")).astype(int)
        height, width = drawn.shape[:2]
        swatches = tab.locator(".segment-legend .swatch")
        for number in range(3):
            colour = swatches.nth(number).evaluate("one => getComputedStyle(one).backgroundColor")
            wanted = [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
            assert np.abs(drawn[height // 2, int(width * (number + 0.5) / 3)] - wanted).max() < 8
        canvas.hover(position={"x": width / 6, "y": height / 2})
        tab.locator(".pointed", has_text="red").wait_for(timeout=5_000)
        tab.fill("#labels", "red, glorp")
        tab.get_by_text("glorp").last.wait_for(timeout=5_000)
        assert [trouble for trouble in troubles if "422" not in trouble] == []
        browser.close()
