"""Points on the wire, read back by a plain reader of the format: every row once, in its place, coarse to fine."""

import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.store.catalog import catalog, displays
from ovstore.store.files import display, parquet
from ovstore.workflows.open_store import Store
from served import client
from starlette.testclient import TestClient

ROOM = "/api/v1/scenes/rgbd/room"


@pytest.fixture(scope="module")
def wire(rooms: Store):  # type: ignore[no-untyped-def]
    with client(rooms) as found:
        yield found


def decoded(about: dict[str, Any], packed: bytes) -> dict[str, NDArray[Any]]:
    """The numpy twin of the page's reader: a row of each for each point, in the order of the wire."""
    xyz, superpoint, rgb, size = [], [], [], []
    for chunk in about["chunks"]:
        tile, count, at = about["tiles"][chunk["tile"]], chunk["count"], chunk["offset"]
        place = np.frombuffer(packed, "<u2", 4 * count, at).reshape(count, 4)
        paint = np.frombuffer(packed, "u1", 4 * count, at + 8 * count).reshape(count, 4)
        xyz.append(np.array(tile["low"]) + place[:, :3] / 65535 * np.array(tile["size"]))
        superpoint.append(np.array(tile["superpoints"])[place[:, 3]])
        rgb.append(paint[:, :3])
        size.append(0.001 * 2 ** (paint[:, 3] / 255 * 16))
    return {
        "xyz": np.concatenate(xyz), "superpoint": np.concatenate(superpoint), "rgb": np.concatenate(rgb),
        "size": np.concatenate(size),
    }  # fmt: skip


def test_each_point_is_there_once_in_its_place_with_its_superpoint_and_colour(rooms: Store, wire: TestClient) -> None:
    about = wire.get(f"{ROOM}/geometry").json()
    found = decoded(about, wire.get(about["url"]).content)
    scene = catalog.find_scene(rooms, "room")
    stored = catalog.load_points(rooms, scene.id)
    rows = display.drawn_rows(displays.points(rooms, scene).layout)
    assert np.array_equal(np.sort(rows), np.arange(len(stored)))
    step = np.concatenate([[tile["size"]] * tile["count"] for tile in about["tiles"]]) / 65535
    assert (np.abs(found["xyz"] - stored.points.xyz[rows]) <= step[rows] / 2 + 1e-9).all()
    assert np.array_equal(found["superpoint"], stored.superpoint[rows])
    assert stored.points.rgb is not None
    assert np.array_equal(found["rgb"], stored.points.rgb[rows])


def test_a_prefix_is_every_stride_th_row_of_each_tile() -> None:
    counts, strides = [1, 63, 70_000, 300], (256, 64, 16, 4, 1)
    chunks = list(display._chunk_rows(counts, strides))
    assert [level for level, _, _ in chunks] == sorted(level for level, _, _ in chunks)
    for level, stride in enumerate(strides):
        for tile, count in enumerate(counts):
            before = [rows for own, number, rows in chunks if own <= level and number == tile]
            assert np.array_equal(np.sort(np.concatenate(before)), np.arange(0, count, stride))


@pytest.mark.parametrize("points", [1, 600, 61_600, 5_000_000, 200_000_000])
def test_the_coarsest_level_is_small_enough_to_be_drawn_at_once(points: int) -> None:
    tiles = -(-points // 65_536)
    strides = display.strides_of(points, tiles)
    assert strides[-4:] == (64, 16, 4, 1)
    assert points // strides[0] <= display.COARSEST_POINTS


def test_splats_are_as_large_as_the_cloud_is_sparse(wire: TestClient) -> None:
    about = wire.get(f"{ROOM}/geometry").json()
    size = decoded(about, wire.get(about["url"]).content)["size"]
    assert 0.005 < np.median(size) < 0.2


def test_a_range_is_a_part_of_the_whole(wire: TestClient) -> None:
    about = wire.get(f"{ROOM}/geometry").json()
    whole = wire.get(about["url"]).content
    assert len(whole) == about["bytes"] == 12 * about["points"]
    chunk = about["chunks"][1]
    first, last = chunk["offset"], chunk["offset"] + 12 * chunk["count"] - 1
    part = wire.get(about["url"], headers={"Range": f"bytes={first}-{last}"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes {first}-{last}/{len(whole)}")
    assert part.content == whole[first : last + 1]
    assert wire.get(about["url"], headers={"Range": "bytes=-12"}).content == whole[-12:]
    assert wire.get(about["url"], headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    old = {"Range": "bytes=0-11", "If-Range": '"of an earlier state"'}
    assert wire.get(about["url"], headers=old).content == whole


def test_bytes_that_one_has_are_not_sent_again(wire: TestClient) -> None:
    at = wire.get(f"{ROOM}/geometry").json()["url"]
    first = wire.get(at)
    assert "immutable" in first.headers["cache-control"]
    assert wire.get(at, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert "no-cache" in wire.get(at.partition("?")[0]).headers["cache-control"]


def test_a_damaged_file_is_made_again(rooms: Store, wire: TestClient) -> None:
    at = wire.get(f"{ROOM}/geometry").json()["url"]
    before = wire.get(at).content
    path = displays.points(rooms, catalog.find_scene(rooms, "room")).file.path
    path.write_bytes(path.read_bytes()[:-7])
    assert wire.get(at).content == before
    path.unlink()
    assert wire.get(at).content == before


def test_heat_is_a_byte_per_point_in_the_order_of_the_wire(rooms: Store, wire: TestClient) -> None:
    from ovstore.query.heat import heat_map
    from ovstore.query.question import Question

    answer = wire.get(f"{ROOM}/heat?q=red")
    drawn = heat_map(rooms, "room", Question("red"))
    rows = display.drawn_rows(displays.points(rooms, catalog.find_scene(rooms, "room")).layout)
    heat = np.frombuffer(answer.content, np.uint8)
    assert np.array_equal(heat == 0, np.isnan(drawn.score[rows]))
    seen = heat > 0
    assert np.abs((heat[seen] - 1) / 254 - drawn.value[rows][seen]).max() <= 0.5 / 254 + 1e-6
    assert (float(answer.headers["x-low"]), float(answer.headers["x-high"])) == (drawn.low, drawn.high)


def test_a_mesh_is_vertices_in_stored_order_and_its_faces(tmp_path, store) -> None:  # type: ignore[no-untyped-def]
    import small_scene

    small = small_scene.make()
    small.publish(store)
    scene = catalog.find_scene(store, "room")
    made = displays.mesh(store, scene)
    assert made is not None
    packed = made.path.read_bytes()
    vertices, faces = struct.unpack_from("<II", packed)
    low, size = np.frombuffer(packed, "<f4", 6, 8).reshape(2, 3).astype(np.float64)
    place = np.frombuffer(packed, "<u2", 4 * vertices, 32).reshape(vertices, 4)
    paint = np.frombuffer(packed, "u1", 4 * vertices, 32 + 8 * vertices).reshape(vertices, 4)
    corners = np.frombuffer(packed, "<u4", 3 * faces, 32 + 12 * vertices).reshape(faces, 3)
    assert len(packed) == 32 + 12 * vertices + 12 * faces
    stored = catalog.load_points(store, scene.id)
    assert stored.points.faces is not None
    assert np.abs(low + place[:, :3] / 65535 * size - stored.points.xyz).max() <= size.max() / 65535
    assert np.array_equal(place[:, 3] | paint[:, 3].astype(int) << 16, stored.superpoint)
    assert np.array_equal(corners, stored.points.faces)
    assert displays.face_count(store, scene) == faces == parquet.face_count(
        parquet.faces_path(store.file(scene.points_file))
    )  # fmt: skip


def test_files_of_scenes_that_are_gone_go_when_another_is_made(rooms: Store, wire: TestClient) -> None:
    path = displays.points(rooms, catalog.find_scene(rooms, "room")).file.path
    left = path.with_name("0123abcd.points.v1")
    left.write_bytes(b"")
    path.unlink()
    wire.get(f"{ROOM}/geometry")
    assert path.exists()
    assert not left.exists()
