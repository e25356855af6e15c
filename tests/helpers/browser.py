"""A real browser on a store that is served from a thread: Debian's Chromium, drawing by software, by Playwright."""

import io
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("playwright", reason="needs Playwright: pip install 'ovstore[test]'")
pytest.importorskip("fastapi", reason="needs the extra 'web'")

import uvicorn
from ovstore.web.app import create_app
from ovstore.web.options import WebOptions
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, TimeoutError, sync_playwright

FLAGS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox")
PATIENCE = 20_000  # milliseconds; a loaded machine draws a frame in a second


def chromium() -> str:
    """Its path; a test that needs one is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("needs Chromium: apt install chromium")


@contextmanager
def driven() -> Iterator[Playwright]:
    """One of it runs at a time."""
    chromium()
    with sync_playwright() as driver:
        yield driver


@contextmanager
def browser(driver: Playwright, *flags: str) -> Iterator[Browser]:
    started = driver.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])
    yield started
    with suppress(Exception):
        started.close()


class ServedStore:
    """`ovstore web` in a thread."""

    def __init__(self, store: Any, **options: Any) -> None:
        self.store = store
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        app = create_app(store, WebOptions(port=self.port, **options))
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_config=None, timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


class Watched:
    """A page, with what it asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._heard(said.type, said.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and "Failed to load resource" not in text:  # a refusal of the server is no fault of the page
            self.complaints.append(text)

    def drawn(self, **said: str) -> None:
        """Wait until the scene is drawn whole, with these data attributes of the stage."""
        wanted = "".join(f'[data-{name}="{value}"]' for name, value in said.items())
        try:
            self.page.locator(f'.stage[data-state="drawn"]{wanted}').wait_for()
        except TimeoutError as error:
            stage = self.page.evaluate("JSON.stringify(document.querySelector('.stage')?.dataset ?? null)")
            shown = self.page.locator("#said, [role=alert]").all_inner_texts()
            raise AssertionError(f"not {said}: {stage}; said {shown}; complained {self.complaints}") from error

    def canvas(self) -> NDArray[np.int16]:
        """(H, W, 3) the drawn scene without what lies over it."""
        self.page.evaluate(f"({OVER})(true), ({_ON})(true)")
        picture = self.page.locator(".stage canvas").screenshot(animations="disabled")
        self.page.evaluate(f"({OVER})(false), ({_ON})(false)")
        return picture_of(picture)

    def stage(self, name: str) -> str:
        return self.page.locator(".stage").get_attribute(f"data-{name}") or ""


OVER = """(hide) => document.querySelectorAll(".view > :not(.stage)").forEach(
  (one) => { one.style.visibility = hide ? "hidden" : ""; })"""
_ON = OVER.replace(".view > :not(.stage)", ".stage > :not(canvas)")


def picture_of(png: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)


def changed(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    """The share of pixels that differ visibly."""
    assert one.shape == other.shape
    return float((np.abs(one - other).max(axis=2) > 12).mean())
