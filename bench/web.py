"""What `ovstore web` does while people type: clients on loopback, each letter a request, and scans ingested meanwhile.

    python bench/web.py STORE [--seconds 30] [--clients 8] [--ingest FORMAT SCANS]

A client types words into the view of a scene, a letter each 120 ms, and asks for /scores after each; a word that is
whole is also searched for in all scenes. Half a word that the encoder does not know is answered 422, which is no error.
"""

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlencode

WORDS = ("chair", "table", "lamp", "sofa", "window", "bed", "plant", "shelf", "snoopy", "door")
TYPING = 0.12  # seconds between letters


def main() -> None:
    """Print one line per kind of request, and the memory of the server."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--ingest", nargs=2, metavar=("FORMAT", "SCANS"))
    given = parser.parse_args()
    port = _free_port()
    ovstore = [sys.executable, "-m", "ovstore.cli", "--store", str(given.store)]
    server = subprocess.Popen([*ovstore, "web", "--port", str(port)], stderr=subprocess.DEVNULL)
    ingest = None
    try:
        began = time.monotonic()
        _wait_until(lambda: _status(port, "/") == 200)
        print(f"first page after {time.monotonic() - began:.1f} s")
        _wait_until(lambda: _status(port, "/api/v1/search?q=chair") == 200)
        print(f"words after {time.monotonic() - began:.1f} s, {_megabytes(server.pid)} MB")
        if given.ingest:
            kind, scans = given.ingest
            words = [*ovstore, "ingest", kind, scans, "--encoder", "tiny", "--again"]
            ingest = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _type(port, given.seconds, given.clients)
        meanwhile = "" if ingest is None else f", ingest {'still running' if ingest.poll() is None else 'ended'}"
        print(
            f"server: {_megabytes(server.pid)} MB{meanwhile}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
    finally:
        for process in (ingest, server):
            if process is not None:
                process.terminate()
                process.wait()


def _type(port: int, seconds: float, clients: int) -> None:
    took: dict[str, list[float]] = defaultdict(list)
    statuses: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    until = time.monotonic() + seconds
    scenes = [one["api_url"] for one in _json(port, "/api/v1/scenes?limit=500")["items"]]

    def client(number: int) -> None:
        rng = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < until:
            word, scene = rng.choice(WORDS), rng.choice(scenes)
            for letters in range(1, len(word) + 1):
                ask(connection, "scores", f"{scene}/scores?" + urlencode({"q": word[:letters], "level": "superpoint"}))
                time.sleep(TYPING)
            ask(connection, "search", "/api/v1/search?" + urlencode({"q": word}))

    def ask(connection: http.client.HTTPConnection, kind: str, url: str) -> None:
        began = time.monotonic()
        connection.request("GET", url)
        answer = connection.getresponse()
        answer.read()
        took[kind].append(time.monotonic() - began)
        statuses[kind][answer.status] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind, times in sorted(took.items()):
        times.sort()
        errors = sum(count for status, count in statuses[kind].items() if status not in (200, 404, 422))
        print(
            f"/{kind}: {len(times)} requests, p50 {1000 * times[len(times) // 2]:.0f} ms, p99 "
            f"{1000 * times[int(len(times) * 0.99)]:.0f} ms, {errors} errors, statuses {dict(statuses[kind])}"
        )


def _json(port: int, url: str) -> dict:  # type: ignore[type-arg]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", url)
    return dict(json.loads(connection.getresponse().read()))


def _status(port: int, url: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", url)
        return connection.getresponse().status
    except OSError:
        return 0


def _wait_until(ready) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + 300
    while not ready():
        if time.monotonic() > until:
            raise SystemExit("The server does not answer.")
        time.sleep(0.1)


def _megabytes(pid: int) -> int:
    """Resident memory of the server's process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) // 1024


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main()
