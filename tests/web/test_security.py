"""Section by section of docs/web.md: what is refused, and that it costs nothing to refuse it."""

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from ovstore.core.errors import Misused
from ovstore.web.options import WebOptions
from ovstore.web.security import HEADERS
from ovstore.workflows.open_store import Store
from PIL import Image
from served import BASE, client
from starlette.testclient import TestClient

TOKEN = "a-token-of-enough-characters"
PLACES = ["/", "/api/v1/store", "/static/page.js", "/api/v1/scenes/rgbd/room/geometry/points", "/nothing", "/login"]
SEARCH = "/api/v1/search"


@pytest.fixture(scope="module")
def api(rooms: Store) -> Iterator[TestClient]:
    with client(rooms) as found:
        yield found


@pytest.fixture(scope="module")
def closed(rooms: Store) -> Iterator[TestClient]:
    with client(rooms, token=TOKEN) as found:
        yield found


def test_another_address_than_loopback_needs_a_token() -> None:
    with pytest.raises(Misused, match="token"):
        WebOptions(host="0.0.0.0")
    assert WebOptions(host="0.0.0.0", token=TOKEN).token == TOKEN


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:8001", "evil.example:8000", "localhost.evil.example", ""])
def test_a_foreign_host_is_answered_421_everywhere(api: TestClient, place: str, host: str) -> None:
    answer = api.get(place, headers={"Host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")


def test_the_names_of_loopback_and_those_that_were_allowed_are_known(rooms: Store) -> None:
    with client(rooms, allow_hosts=("scans.example.org",)) as api:
        for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:8000", "scans.example.org"):
            assert api.get("/api/v1/store", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_a_foreign_origin_is_answered_403_everywhere(api: TestClient, place: str, origin: str) -> None:
    assert api.get(place, headers={"Origin": origin}).status_code == 403
    assert api.post(place, headers={"Origin": origin}, json={}).status_code == 403


def test_a_post_of_another_sites_page_is_refused(api: TestClient) -> None:
    like = {"like": "rgbd/room:0@object"}
    assert api.post(SEARCH, json=like, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert api.post(SEARCH, json=like, headers={"Origin": BASE, "Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_simple_forms_which_pages_may_send_without_asking_are_refused(api: TestClient) -> None:
    assert api.post(SEARCH, files={"picture": b""}).status_code == 403  # no X-Ovstore
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = api.post(SEARCH, content=b'{"like": "rgbd/room:0@object"}', headers={"Content-Type": kind})
        assert answer.status_code == 415


@pytest.mark.parametrize("place", ["/", "/api/v1/store", "/static/page.js", "/nothing", "/api/v1/search?q=quux"])
def test_every_answer_says_what_a_page_may_do(api: TestClient, place: str) -> None:
    answer = api.get(place)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "access-control-allow-origin" not in answer.headers
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


@pytest.mark.parametrize("place", ["/", "/?q=red", "/scenes/rgbd/room", "/jobs", "/features", "/about", "/api", "/sql"])
def test_pages_have_no_inline_script_style_or_handler(api: TestClient, place: str) -> None:
    html = api.get(place).text
    tags = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(html)
    assert "style" not in {tag for tag, _ in tags}
    for tag, attributes in tags:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}, tag
        assert tag != "script" or str(attributes["src"]).startswith("/static/")
        for name in ("src", "href", "action"):
            assert not str(attributes.get(name, "/")).startswith(("http:", "https:", "//", "javascript:"))
    for part in html.split("<script")[1:]:
        assert part.partition(">")[2].startswith("</script>")


def test_without_the_token_nothing_is_answered(closed: TestClient) -> None:
    for place in PLACES:
        answer = closed.get(place)
        assert (answer.status_code, answer.json()["type"]) == (401, "/api/problems/no-token")
        assert TOKEN not in answer.text


def test_the_login_url_sets_a_cookie_and_leaves_the_token_behind(rooms: Store) -> None:
    with client(rooms, token=TOKEN) as api:
        answer = api.get(f"/login?token={TOKEN}&next=/scenes/rgbd/room")
        assert (answer.status_code, answer.headers["location"]) == (303, "/scenes/rgbd/room")
        cookie = answer.headers["set-cookie"]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert api.get("/api/v1/store").status_code == 200  # the client keeps cookies
    with client(rooms, token=TOKEN) as api:
        assert api.get("/api/v1/store", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_token_of_odd_letters_comes_back_in_the_cookie(rooms: Store) -> None:
    with client(rooms, token="a token/with; odd=letters") as api:
        assert api.get("/login", params={"token": "a token/with; odd=letters"}).status_code == 303
        assert api.get("/api/v1/store").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_login_leads_to_this_server_alone(rooms: Store, elsewhere: str) -> None:
    with client(rooms, token=TOKEN) as api:
        assert api.get("/login", params={"token": TOKEN, "next": elsewhere}).headers["location"] == "/"


def test_a_token_that_is_wrong_a_thousand_times_is_slowed_down(rooms: Store) -> None:
    with client(rooms, token=TOKEN) as api:
        wrong = [
            api.get("/api/v1/store", headers={"Authorization": f"Bearer {number}"}).status_code
            for number in range(1000)
        ]
        assert set(wrong[:10]) == {401}
        assert set(wrong[10:]) == {429}
        late = api.get("/api/v1/store", headers={"Authorization": f"Bearer {TOKEN}"})
        assert late.status_code == 429
        assert int(late.headers["retry-after"]) <= 61


@pytest.mark.parametrize("cut", [True, False])
def test_a_proxy_may_show_the_store_under_a_path_and_cut_it_off_or_not(rooms: Store, cut: bool) -> None:
    with client(rooms, token=TOKEN, root_path="/scans") as api:
        before = "" if cut else "/scans"
        answer = api.get(f"{before}/login?token={TOKEN}&next=/jobs")
        assert (answer.status_code, answer.headers["location"]) == (303, "/scans/jobs")
        assert "Path=/scans" in answer.headers["set-cookie"]
        api.headers["Authorization"] = f"Bearer {TOKEN}"
        assert 'href="/scans/static/page.css"' in api.get(f"{before}/").text
        assert api.get(f"{before}/static/page.js").status_code == 200
        [one, *_] = api.get(f"{before}/api/v1/scenes").json()["items"]
        assert one["url"].startswith("/scans/scenes/rgbd/")
        assert api.get(one["thumbnail"].removeprefix("/scans" if cut else "")).status_code == 200
        assert api.get(f"{before}/api/v1/search?q=quux").json()["type"] == "/scans/api/problems/unknown-words"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/page.js%00",
        "/static//etc/passwd",
        "/api/v1/scenes/rgbd/%2e%2e",
        "/api/v1/scenes/rgbd/~2E~2E/frames",
        "/api/v1/scenes/rgbd/room/frames/~2E~2E~2Fx/image",
        "/api/v1/scenes/rgbd/room~00",
        "/api/v1/scenes/rgbd/room/frames/..%2f..%2fetc%2fpasswd/image",
        "/regions/-1",
        "/regions/99999999999999999999",
        "/regions/1e3",
        "/scenes/rgbd/%2e%2e",
        "/api/problems/../../x",
    ],
)
def test_tricks_with_paths_lead_nowhere(api: TestClient, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404, answer.text
    assert "root:" not in answer.text


def test_only_catalogued_files_that_are_pictures_are_served(rooms: Store, tmp_path, database_url) -> None:  # type: ignore[no-untyped-def]
    import ovstore
    import small_scene

    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    with ovstore.open(tmp_path / "store", database_url=database_url, create=True) as made:
        pictures = tmp_path / "pictures"
        pictures.mkdir()
        (pictures / "0.jpg").write_text("root:x:0:0")  # no picture
        (pictures / "1.jpg").symlink_to("/etc/passwd")
        small_scene.make("room", 0, pictures).publish(made)
    with ovstore.open(tmp_path / "store", database_url=database_url, read_only=True) as made, client(made) as api:
        for frame in ("000000", "000001", "000002"):
            for what in ("image", "image?width=320", "crop?box=1,1,20,20"):
                answer = api.get(f"/api/v1/scenes/scans/room/frames/{frame}/{what}")
                assert answer.status_code == 404, answer.text
                assert str(tmp_path) not in answer.text
        thumbnail = api.get("/api/v1/scenes/scans/room/thumbnail")
        assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/webp")  # drawn instead


def png_of(width: int, height: int) -> bytes:
    """A header that claims a size, and next to nothing behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def picture_of(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("picture", "status"),
    [
        (png_of(60_000, 60_000), 400), (png_of(30, 30), 400), (b"", 400), (b"GIF89a" + b"\0" * 50, 400),
        (picture_of("GIF"), 400), (picture_of("TIFF"), 400), (picture_of("PNG")[:60], 400),
        (b"\xff\xd8\xff" + b"\0" * (21 << 20), 413), (picture_of("PNG"), 200), (picture_of("WEBP"), 200),
    ],
)  # fmt: skip
def test_uploads_are_pictures_of_a_size_that_can_be_taken(api: TestClient, picture: bytes, status: int) -> None:
    answer = api.post(SEARCH, headers={"X-Ovstore": "1"}, files={"picture": ("x.png", picture)})
    assert answer.status_code == status, answer.text
    assert answer.json().get("detail", "a sentence").strip()


def test_a_text_of_ten_megabytes_is_refused(api: TestClient) -> None:
    answer = api.post(SEARCH, json={"like": "x" * (10 << 20)})
    assert (answer.status_code, answer.json()["type"]) == (413, "/api/problems/too-large")

    def endless() -> Iterator[bytes]:  # without a length that could be looked at
        for _ in range(100):
            yield b"x" * (1 << 16)

    answer = api.post(SEARCH, content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", ["", "[]", "nonsense", '{"like": 5}', '{"frame": "x"}', '{"box_xyxy": [1, 2]}', "[" * 10_000]
)
def test_a_body_that_asks_for_nothing_is_a_sentence(api: TestClient, body: str) -> None:
    answer = api.post(SEARCH, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/api/problems/bad-input")


@pytest.mark.parametrize(
    "question", ["\0", "   ", "'; DROP TABLE scenes; --", "<script>alert(1)</script>", "{{ 7*7 }}"]
)
def test_hostile_questions_are_words(api: TestClient, question: str) -> None:
    answer = api.get(SEARCH, params={"q": question})
    assert answer.status_code in (200, 400, 422)
    page = api.get("/", params={"q": question})
    assert page.status_code in (200, 400)
    assert "<script>alert" not in page.text
    assert "49" not in page.text.partition("<main")[2].partition("</h1>")[0]


def test_a_where_cannot_change_or_read_what_it_should_not(api: TestClient) -> None:
    for where in (
        "true; DROP TABLE scenes",
        "pg_read_file('/etc/passwd') IS NOT NULL",
        "(SELECT pg_sleep(60)) IS NULL",
    ):
        answer = api.get(SEARCH, params={"q": "red", "where": where})
        assert answer.status_code in (400, 503), answer.text


def test_nothing_that_is_served_changes_the_store(rooms: Store, api: TestClient) -> None:
    def state() -> dict[str, Any]:
        with rooms.autocommit() as connection:
            return {
                table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                for table in ("scenes", "text_vectors", "jobs", "regions", "feature_sets")
            }

    before = state()
    for place in ("/?q=red", "/api/v1/search?q=yellow", "/api/v1/scenes/rgbd/room/scores?q=pink", "/jobs"):
        assert api.get(place).status_code == 200
    assert state() == before


def test_more_streams_of_events_than_are_kept_open_are_refused(rooms: Store) -> None:
    from ovstore.web import events

    watcher = events.Watcher(int, dict, threading.Event())
    taken = [watcher.subscribed(["jobs"], None) for _ in range(events.MOST_STREAMS)]
    assert all(taken)
    assert watcher.subscribed(["jobs"], None) is None
    watcher.left()
    assert watcher.subscribed(["jobs"], None) is not None
