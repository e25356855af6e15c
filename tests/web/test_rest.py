"""What the API answers is what Python and the command line answer, under names that survive any character."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
from command_line import document
from command_line import ovstore as typed
from ovstore.core import tilde
from ovstore.core.errors import NotFound
from ovstore.store.catalog import catalog
from ovstore.workflows.open_store import Store
from PIL import Image
from served import client
from starlette.testclient import TestClient

ROOM = "/api/v1/scenes/rgbd/room"
PICTURE = {"X-Ovstore": "1"}


@pytest.fixture(scope="module")
def api(rooms: Store):  # type: ignore[no-untyped-def]
    with client(rooms, sql=True) as found:
        yield found


def got(api: TestClient, url: str, **parameters: Any) -> Any:
    answer = api.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def without_files(hit: dict[str, Any]) -> dict[str, Any]:
    """A hit as the command prints it, but for where images lie; cameras are not compared."""
    same = {
        name: value for name, value in hit.items() if name not in ("evidence", "parts", "landmarks", "url", "scene_url")
    }
    seen = [(view["frame"], view["box_xyxy"], view["visible_points"]) for view in hit["evidence"]]
    return same | {"evidence": seen, "parts": [without_files(part) for part in hit["parts"]]}


@pytest.mark.parametrize("asked", [{"q": "red"}, {"q": "green", "level": "object"}, {"q": "blue", "not": "red"}])
def test_rest_python_and_the_command_give_the_same_hits_to_the_last_bit(
    api: TestClient, rooms: Store, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_rest = got(api, "/api/v1/search", limit=5, **asked)
    level: Any = asked.get("level")
    by_python = ovstore.search(rooms, asked["q"], exclude=asked.get("not", ()), level=level, top=5)
    assert [without_files(hit) for hit in by_rest["hits"]] == [
        without_files(hit) for hit in json.loads(json.dumps(by_python.to_dict()))["hits"]
    ]
    monkeypatch.setenv("OVSTORE_DATABASE_URL", rooms.conninfo)
    words = [part for name, value in asked.items() if name != "q" for part in (f"--{name}", value)]
    printed = document(typed(rooms, "search", asked["q"], *words, "--top", 5, "--json"))
    assert [without_files(hit) for hit in by_rest["hits"]] == [without_files(hit) for hit in printed["hits"]]
    for name in ("probably_here", "question", "space", "notes"):
        assert by_rest[name] == printed[name]


def test_scores_are_those_of_python_for_several_questions(api: TestClient, rooms: Store) -> None:
    found = got(api, f"{ROOM}/scores", q=["red", "blue"], level="superpoint")
    expected = ovstore.scene_scores(rooms, ["red", "blue"], "room", level="superpoint")
    assert found["regions"] == expected.ordinals.tolist()
    assert [row["scores"] for row in found["rows"]] == expected.scores.tolist()
    assert expected.probabilities is not None
    assert [row["probabilities"] for row in found["rows"]] == expected.probabilities.tolist()
    assert [row["high"] for row in found["rows"]] == expected.scores.max(axis=1).tolist()
    floats = api.get(f"{ROOM}/scores?q=red&q=blue&level=superpoint", headers={"Accept": "application/octet-stream"})
    assert np.array_equal(np.frombuffer(floats.content, "<f4").reshape(expected.scores.shape), expected.scores)


def test_a_question_given_twice_is_refused_not_halved(api: TestClient) -> None:
    answer = api.get("/api/v1/search?q=red&q=blue")
    assert answer.status_code == 400 and "q is given more than once" in answer.json()["detail"]


def test_hits_go_on_behind_the_last_one(api: TestClient, rooms: Store) -> None:
    whole = [hit.full_name for hit in ovstore.search(rooms, "red", top=7)]
    names, after = [], None
    while len(names) < 7:
        part = got(api, "/api/v1/search", q="red", limit=3, **({"after": after} if after else {}))
        names += [hit["name"] for hit in part["hits"]]
        after = part["next"]
        if after is None:
            break
    assert names[:7] == whole


def test_a_hit_of_a_relation_names_its_landmark_and_the_distance(api: TestClient, rooms: Store) -> None:
    found = got(api, "/api/v1/search", ask="red near pink within 3", scene="room", limit=1)
    expected = ovstore.search(rooms, "red", relations=[ovstore.query.relations.Near("pink", 3.0)], scenes="room", top=1)
    assert expected.hits
    [hit], landmark = found["hits"], expected[0].landmarks[0]
    assert hit["landmarks"][0]["relation"] == landmark.relation
    assert hit["landmarks"][0]["distance"] == landmark.distance
    assert hit["landmarks"][0]["hit"]["name"] == landmark.hit.full_name


def test_a_picture_a_frame_and_a_region_ask_as_they_do_in_python(
    api: TestClient, rooms: Store, folder_of_scans: Path
) -> None:
    path = folder_of_scans / "room" / "color" / "0000.png"
    box = ovstore.search(rooms, "red", scenes="room", top=1)[0].evidence[0]
    frame, corners = box.frame, [*map(float, box.box_xyxy)]
    path = folder_of_scans / "room" / "color" / f"{frame}.png"
    expected = [hit.full_name for hit in ovstore.search(rooms, image=path, box_xyxy=tuple(corners), top=3)]  # type: ignore[arg-type]
    sent = api.post(
        "/api/v1/search?limit=3", headers=PICTURE, files={"picture": path.read_bytes()},
        data={"box_xyxy": ",".join(map(str, corners))},
    )  # fmt: skip
    assert [hit["name"] for hit in sent.json()["hits"]] == expected
    named = {"frame": {"dataset": "rgbd", "scene": "room", "name": frame}, "box_xyxy": corners}
    assert [hit["name"] for hit in api.post("/api/v1/search?limit=3", json=named).json()["hits"]] == expected
    like = {"like": expected[0]}
    alike = [hit.full_name for hit in ovstore.search(rooms, like=expected[0], top=3)]
    assert [hit["name"] for hit in api.post("/api/v1/search?limit=3", json=like).json()["hits"]] == alike
    assert [hit["name"] for hit in got(api, "/api/v1/search", like=expected[0], limit=3)["hits"]] == alike


def test_every_scene_and_frame_is_found_under_its_url_whatever_it_is_called(api: TestClient, rooms: Store) -> None:
    listed = got(api, "/api/v1/scenes")
    assert [one["name"] for one in listed["items"]] == sorted(scene.name for scene in catalog.scenes(rooms))
    for one in listed["items"]:
        assert got(api, one["api_url"])["name"] == one["name"]
        assert api.get(one["thumbnail"]).headers["content-type"] == "image/webp"
        page = api.get(one["url"], headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "<b>x" not in page.text
        frames = got(api, one["api_url"] + "/frames", limit=2)
        assert len(frames["items"]) == 2
        image = api.get(frames["items"][0]["image"])
        assert Image.open(io.BytesIO(image.content)).size == (160, 120)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "50% {} \\", "🪑", "~", "x" * 250, "A-z_09"])
def test_names_come_back_from_tildes(name: str) -> None:
    encoded = tilde.encode(name)
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_~") for letter in encoded)
    assert tilde.decode(encoded) == name


@pytest.mark.parametrize("part", ["..", "a b", "~2e", "~41", "~2", "~FF", "~00", "%2E", "é"])
def test_a_name_has_one_url(part: str) -> None:
    with pytest.raises(NotFound):
        tilde.decode(part)


def test_regions_come_in_pages_with_boxes_and_views(api: TestClient, rooms: Store) -> None:
    scene = catalog.find_scene(rooms, "room")
    expected = [one.name for one in catalog.regions(rooms, scene.id, "superpoint")]
    names, after = [], None
    while True:
        page = got(api, f"{ROOM}/regions", level="superpoint", limit=4, **({"after": after} if after else {}))
        names += [one["name"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert names == expected
    assert page["total"] == len(expected)
    first = got(api, f"{ROOM}/regions", limit=1)["items"][0]
    assert got(api, f"{ROOM}/regions/object/{first['ordinal']}") == first
    assert first["views"][0]["camera"]["width"] == 160
    rows = np.frombuffer(api.get(f"{ROOM}/regions/object/{first['ordinal']}/points").content, "<u4")
    assert len(rows) == first["point_count"] or len(rows) >= first["seen_count"]
    ply = api.get(f"{ROOM}/regions/object/{first['ordinal']}/points", headers={"Accept": "model/ply"})
    assert ply.content.startswith(b"ply\n")
    assert f"element vertex {len(rows)}\n".encode() in ply.content


def test_a_thing_has_the_box_of_the_hit_that_it_was(api: TestClient, rooms: Store) -> None:
    [hit] = got(api, "/api/v1/search", q="red", scene="room", limit=1)["hits"]
    thing = got(api, f"{ROOM}/regions/thing/{hit['ordinal']}")
    assert thing["superpoints"] == hit["superpoints"]
    assert thing["oriented_box"] == hit["oriented_box"]
    assert [view["frame"] for view in thing["views"]] == [view["frame"] for view in hit["evidence"]]


def test_an_answer_that_one_has_is_not_worked_out_again(api: TestClient) -> None:
    first = api.get("/api/v1/search?q=red")
    again = api.get("/api/v1/search?q=red", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = api.get("/api/v1/search?q=blue", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_the_table_says_which_object_each_superpoint_is_in(api: TestClient, rooms: Store) -> None:
    table = got(api, f"{ROOM}/table")
    scene = rooms.scene("room", order="stored")
    objects, superpoints = scene.features().region_of_points("object"), scene.superpoints
    assert np.array_equal(np.array(table["superpoints"])[superpoints], objects)
    for one in catalog.regions(rooms, scene.info.id, "object"):
        assert table["objects"][one.ordinal] == one.id


def test_a_pixel_shows_the_point_that_correspondences_say(api: TestClient, rooms: Store) -> None:
    scene = catalog.find_scene(rooms, "room")
    frame = catalog.load_frames(rooms, scene.id)[2]
    [seen] = catalog.load_correspondences(rooms, scene.id, [2])
    u, v = map(float, seen.uv[100])
    found = got(api, f"{ROOM}/frames/{tilde.encode(frame.name)}/points", u=u, v=v)
    near = np.hypot(*(seen.uv - [u, v]).T) <= 0.5 + 1e-6
    assert found["point"] in seen.point_index[near]
    assert found["superpoint"] == catalog.load_superpoints(rooms, scene.id)[found["point"]]
    assert api.get(f"{ROOM}/frames/{tilde.encode(frame.name)}/points?u=9999&v=0").status_code == 404


def test_sql_answers_as_the_command_does(api: TestClient) -> None:
    asked = {"sql": "SELECT scene, 1 AS one FROM scene_overview ORDER BY scene", "limit": 2}
    rows = api.post("/api/v1/sql", json=asked).json()
    assert (rows["columns"], len(rows["rows"]), rows["complete"]) == (["scene", "one"], 2, False)
    csv = api.post("/api/v1/sql", json=asked | {"format": "csv"})
    assert csv.text.splitlines()[0] == "scene,one"
    assert api.post("/api/v1/sql", json={"sql": "DROP TABLE scenes"}).status_code in (400, 503)
    assert api.post("/api/v1/sql", json={"sql": "SELECT {image:/etc/passwd}"}).status_code == 400


def test_sql_is_off_unless_it_is_switched_on(rooms: Store) -> None:
    with client(rooms) as off:
        answer = off.post("/api/v1/sql", json={"sql": "SELECT 1"})
        assert (answer.status_code, answer.json()["type"]) == (403, "/api/problems/switched-off")
        assert "--sql" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("url", "status", "kind"),
    [
        ("/api/v1/scenes/rgbd/rom", 404, "not-found"),
        ("/api/v1/search?q=quux", 422, "unknown-words"),
        ("/api/v1/search?q=red&features=nothing", 404, "not-found"),
        ("/api/v1/search", 400, "bad-input"),
        ("/api/v1/search?q=red&limit=0", 400, "bad-input"),
        ("/api/v1/search?q=red&where=nonsense", 400, "bad-input"),
        ("/api/v1/search?ask=red+near", 400, "bad-input"),
        (f"{ROOM}/scores?q=a&q=b&q=c&q=d&q=e&q=f&q=g", 400, "bad-input"),
        (f"/api/v1/search?q={'x' * 1001}", 400, "bad-input"),
        ("/api/v1/jobs?after=nonsense", 400, "bad-input"),
        ("/api/v1/jobs/999999", 404, "not-found"),
        (f"{ROOM}/regions/object/99999", 404, "not-found"),
        (f"{ROOM}/frames/none/image", 404, "not-found"),
        (f"{ROOM}/geometry/mesh", 404, "not-found"),
        ("/api/v1/nothing", 404, "not-found"),
    ],
)
def test_what_is_wrong_is_one_sentence_in_a_problem(api: TestClient, url: str, status: int, kind: str) -> None:
    answer = api.get(url)
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (answer.status_code, said["status"], said["type"]) == (status, status, f"/api/problems/{kind}"), said
    assert said["detail"].strip()
    assert said["title"]
    assert api.get(said["type"], headers={"Accept": "text/html"}).status_code == 200


def test_a_misspelt_word_comes_with_words_that_are_near(api: TestClient) -> None:
    assert "red" in api.get("/api/v1/search?q=rad").json()["near"]
    assert "room" in api.get("/api/v1/scenes/rgbd/rooom").json()["near"]


def test_no_answer_has_a_path_of_the_server(api: TestClient, rooms: Store) -> None:
    urls = [
        "/api/v1/store", "/api/v1/scenes", ROOM, f"{ROOM}/geometry", f"{ROOM}/regions?limit=500", f"{ROOM}/frames",
        "/api/v1/search?q=red", "/api/v1/jobs", "/api/v1/features", "/", "/?q=red", "/jobs", "/scenes/rgbd/room",
        "/api/v1/search?q=red&where=nonsense", "/api", "/about", "/features",
    ]  # fmt: skip
    for url in urls:
        assert str(rooms.path.parent) not in api.get(url).text, url


def test_jobs_are_those_of_the_command(api: TestClient) -> None:
    found = got(api, "/api/v1/jobs", limit=2)
    assert [one["state"] for one in found["items"]] == ["done", "done"]
    rest = got(api, "/api/v1/jobs", limit=2, after=found["next"])
    assert [one["id"] for one in found["items"] + rest["items"]] == sorted(
        (one["id"] for one in found["items"] + rest["items"]), reverse=True
    )
    assert got(api, f"/api/v1/jobs/{found['items'][0]['id']}") == found["items"][0]


@pytest.mark.parametrize("name", ["a/b", "..", ".", "?q=1#x", "<img src=x onerror=alert(1)>"])
def test_names_that_no_folder_can_have_are_served_as_well(name: str, store) -> None:  # type: ignore[no-untyped-def]
    import small_scene

    small_scene.make(name).publish(store, "data/set")
    opened = ovstore.open(store.path, read_only=True)
    with opened, client(opened) as api:
        [one] = got(api, "/api/v1/scenes")["items"]
        assert got(api, one["api_url"])["name"] == name
        assert api.get(one["url"]).status_code == 200
        assert "<img src=x" not in api.get(one["url"]).text
        assert got(api, one["api_url"] + "/geometry")["points"] == small_scene.POINTS
        assert len(got(api, one["api_url"] + "/frames")["items"]) == small_scene.FRAMES


def test_a_scene_that_was_forgotten_is_a_sentence(store, tmp_path) -> None:  # type: ignore[no-untyped-def]
    import small_scene
    from ovstore.store.maintain.forget import forget_scenes

    small_scene.make("gone").publish(store)
    opened = ovstore.open(store.path, read_only=True)
    with opened, client(opened) as api:
        about = api.get("/api/v1/scenes/scans/gone/geometry").json()
        forget_scenes(store, [catalog.find_scene(store, "gone")])
        for url in (about["url"], "/api/v1/scenes/scans/gone/regions", "/api/v1/scenes/scans/gone/frames"):
            answer = api.get(url)
            assert (answer.status_code, answer.json()["type"]) == (404, "/api/problems/not-found")
