"""Scenes at the edge of what can be ingested: each is served, or is one sentence, and the server lives on."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import ovstore
import pytest
import small_scene
from ovstore.core.scene import PointCloud, Scene
from ovstore.store.postgres.database import Database
from ovstore.store.publish import publish
from served import client

Change = Callable[[Scene], Scene]


def without_frames(scene: Scene) -> Scene:
    return replace(scene, frames=(), points_only=True)


def of_one_point(scene: Scene) -> Scene:
    return replace(scene, frames=(), points_only=True, points=PointCloud(xyz=np.array([[1.0, 2.0, 3.0]])))


def without_faces_and_colours(scene: Scene) -> Scene:
    return replace(scene, frames=(), points_only=True, points=PointCloud(xyz=scene.points.xyz))


def with_faces_and_without_colours(scene: Scene) -> Scene:
    return replace(
        scene, frames=(), points_only=True, points=PointCloud(xyz=scene.points.xyz, faces=scene.points.faces)
    )


def of_points_in_one_place(scene: Scene) -> Scene:
    return replace(scene, frames=(), points_only=True, points=PointCloud(xyz=np.ones((70, 3))))


@pytest.mark.parametrize(
    "change",
    [
        without_frames, of_one_point, without_faces_and_colours, with_faces_and_without_colours,
        of_points_in_one_place,
    ],
)  # fmt: skip
def test_scenes_without_what_others_have_are_served(change: Change, store: Database) -> None:
    scene = change(small_scene.make().scene)
    count = len(scene.points)
    superpoint, order = np.zeros(count, np.int32), np.arange(count, dtype=np.int32)
    publish.publish_geometry(store, "scans", "rgbd", scene, superpoint, order, [], small_scene.GEOMETRY)
    at = "/api/v1/scenes/scans/room"
    with ovstore.open(store.path, read_only=True) as opened, client(opened) as api:
        about = api.get(f"{at}/geometry").json()
        assert (about["points"], about["frames"]) == (count, 0)
        assert about["colours"] is (scene.points.rgb is not None)
        assert len(api.get(about["url"]).content) == 12 * count
        assert (about["mesh"] is None) is (scene.points.faces is None)
        if about["mesh"]:
            assert len(api.get(about["mesh"]["url"]).content) == about["mesh"]["bytes"]
        assert api.get(f"{at}/frames").json()["items"] == []
        for picture in ("thumbnail", "picture?width=320"):
            assert api.get(f"{at}/{picture}").headers["content-type"] == "image/webp"
        for asked in ("scores?q=red", "heat?q=red", "regions", "table", "picture?q=red"):
            answer = api.get(f"{at}/{asked}")
            assert (answer.status_code, answer.json()["type"]) == (404, "/api/problems/not-found"), answer.text
        assert api.get("/scenes/scans/room").status_code == 200
        assert api.get("/").status_code == 200
        assert "no features yet" in api.get("/?q=red").text


def test_an_empty_store_says_what_to_do(store: Database) -> None:
    with ovstore.open(store.path, read_only=True) as opened, client(opened) as api:
        assert api.get("/api/v1/scenes").json() == {"items": [], "next": None, "total": 0}
        assert "ovstore ingest" in api.get("/").text
        assert api.get("/api").status_code == 200
        answer = api.get("/api/v1/search?q=red")
        assert answer.status_code == 404
        assert "Ingest" in answer.json()["detail"]


def test_a_store_whose_folder_goes_away_is_a_sentence_until_it_is_back(store: Database) -> None:
    small_scene.make().publish(store)
    with ovstore.open(store.path, read_only=True) as opened, client(opened) as api:
        at = "/api/v1/scenes/scans/room/geometry"
        url = api.get(at).json()["url"]
        aside = store.path.with_name("aside")
        shutil.move(store.path, aside)
        for asked in (at, url, "/api/v1/search?like=scans/room:0@object"):
            answer = api.get(asked)
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            assert answer.status_code in (400, 404, 503), answer.text
            assert str(store.path) not in answer.text
        shutil.move(aside, store.path)
        assert api.get(url).status_code == 200
