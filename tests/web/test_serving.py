"""The server itself: where it serves, how it ends, and what it tells those who listen."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import ovstore
import pytest
import small_scene
from click.testing import CliRunner
from ovstore.cli import main
from ovstore.store.catalog import changes, jobs
from ovstore.web import serving
from ovstore.web.app import _looked
from ovstore.web.events import Watcher
from ovstore.workflows.open_store import Store

ROOT = Path(ovstore.__file__).parent


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.read()


@pytest.fixture
def running(rooms: Store) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    environment = {**os.environ, "OVSTORE_DATABASE_URL": rooms.conninfo}
    words = [sys.executable, "-m", "ovstore.cli", "--store", str(rooms.path), "web", "--port", str(port)]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True, cwd=ROOT.parent)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
    yield process, port
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.slow
def test_it_serves_and_ends_cleanly_at_ctrl_c_with_somebody_listening(
    running: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = running
    status, page = get(port, "/")
    assert (status, page[:15]) == (200, b"<!doctype html>")
    stream = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/events", timeout=20)
    assert stream.readline() == b"retry: 2000\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    stream.close()
    assert time.monotonic() - began < 10
    assert f"http://127.0.0.1:{port}/" in said
    assert "Traceback" not in said
    assert process.returncode in (0, 130)


def test_a_port_that_is_in_use_is_one_sentence_with_the_next_free_one(rooms: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["--store", str(rooms.path), "web", "--port", str(port)])
    assert result.exit_code == 2
    assert (
        f"Port {port} of 127.0.0.1 is in use: try --port {port + 1}" in result.stderr or "try --port" in result.stderr
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.7"], "cannot be served|Nothing can be served"),
        (["--root-path", "scans"], "must begin with /"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(rooms: Store, words: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["--store", str(rooms.path), "web", *words])
    assert result.exit_code == 2
    assert any(part in result.stderr for part in said.split("|"))


def test_a_short_token_is_refused(rooms: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVSTORE_WEB_TOKEN", "short")
    result = CliRunner().invoke(main, ["--store", str(rooms.path), "web"])
    assert result.exit_code == 2
    assert "at least 16" in result.stderr


def test_another_address_gets_a_token_and_a_url_that_works_as_it_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OVSTORE_WEB_TOKEN", raising=False)
    made = serving.options("0.0.0.0", 8000, False, ("scans.example.org",), "", ())
    assert made.token is not None
    assert len(made.token) >= 32
    assert serving.address(made) == f"http://scans.example.org:8000/login?token={made.token}"
    assert "scans.example.org" in made.hosts
    assert serving.options("127.0.0.1", 8000, False, (), "", ()).token is None
    assert serving.address(serving.options("::1", 8000, False, (), "", ())) == "http://[::1]:8000/"
    monkeypatch.setenv("OVSTORE_WEB_TOKEN", "a token/with odd letters")
    own = serving.options("127.0.0.1", 8000, False, (), "/rooms", ())
    assert serving.address(own) == "http://127.0.0.1:8000/rooms/login?token=a%20token%2Fwith%20odd%20letters"


def test_events_tell_of_jobs_and_scenes_once_each(store, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    watcher = Watcher(lambda: changes.changes(store), lambda: _looked(store), threading.Event())
    monkeypatch.setattr("ovstore.web.events._LOOK_SECONDS", 0.0)
    first = watcher._last
    assert watcher.since(first) == []
    job = jobs.start(store, "scans", "room", {})
    [event] = watcher.since(first)
    assert (event.kind, json.loads(event.body)["state"]) == ("job", "running")
    assert watcher.since(event.id) == []
    small_scene.make("room").publish(store)
    jobs.finish(store, job, "done")
    kinds = {
        (one.kind, json.loads(one.body).get("change") or json.loads(one.body)["state"])
        for one in watcher.since(event.id)
    }
    assert kinds == {("scene", "added"), ("job", "done")}
    assert len(watcher.since(first)) == 3  # one who comes back hears all of it
    assert event.encoded() == b"id: %d\nevent: job\ndata: %s\n\n" % (event.id, event.body)
