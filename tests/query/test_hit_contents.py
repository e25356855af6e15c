"""What a hit consists of, read on demand: rows of the scene, places, and cut-outs of the images that show it."""

from pathlib import Path

import generated_room
import numpy as np
import ovstore
import pytest
from command_line import ovstore as typed
from ovstore.core.errors import NotFound
from ovstore.ingest.generated.formats import scannet
from ovstore.models.pictures import read_image
from ovstore.query.heat import things_of_points
from ovstore.store.postgres.database import Database

ASKED = ({}, {"ungrouped": True}, {"level": "superpoint"})


@pytest.fixture(scope="module")
def room(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A generated room in the features of color_words."""
    folder = tmp_path_factory.mktemp("scans") / "scene0000_00"
    folder.mkdir()
    scannet.write(folder, generated_room.recording())
    options = ("--encoder", "color_words", "--name", "contents", "--features", "contents", "--frame-stride", 1)
    done = typed(shared_store, "ingest", "scannet", folder.parent, *options)
    assert done.exit_code == 0, done.output
    return shared_store


def hits(store: Database, **how: object) -> ovstore.Answer:
    return ovstore.search(store, "red", features="contents", datasets="contents", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ASKED)
def test_mask_points_and_box_are_of_one_thing(room: Database, how: dict[str, object]) -> None:
    xyz = ovstore.open(room.path).scene("contents/scene0000_00").points().xyz
    for hit in hits(room, **how).hits[:4]:
        mask, points = hit.mask, hit.points()
        assert (np.diff(mask) > 0).all()
        assert len(mask) == hit.point_count
        np.testing.assert_array_equal(points, xyz[mask])
        np.testing.assert_allclose(points.min(axis=0), hit.box_min)
        np.testing.assert_allclose(points.max(axis=0), hit.box_max)
        np.testing.assert_allclose(points.mean(axis=0), hit.centre)
        box = hit.oriented_box
        inside = np.abs((points - box.centre) @ box.axes) <= box.size / 2 + 1e-6
        assert inside.all()


@pytest.mark.parametrize("how", ASKED)
def test_a_crop_is_the_evidence_cut_out_of_its_image(room: Database, how: dict[str, object]) -> None:
    hit = next(hit for hit in hits(room, **how) if hit.evidence)
    view = hit.evidence[0]
    x0, y0, x1, y1 = (round(value) for value in view.box_xyxy)
    expected = read_image(Path(view.image_path))[y0 : y1 + 1, x0 : x1 + 1]
    np.testing.assert_array_equal(hit.crop(view.frame), expected)
    with pytest.raises(NotFound):
        hit.crop("no such frame")


def test_parts_are_smaller_touch_and_share_no_point_with_their_whole(room: Database) -> None:
    found = [hit for hit in hits(room, top=30) if hit.parts]
    assert found
    for hit in found:
        for part in hit.parts:
            assert part.point_count <= hit.point_count
            assert not np.intersect1d(part.mask, hit.mask).size


def test_no_two_things_share_a_point_and_a_cloud_says_whose_each_is(room: Database) -> None:
    answer = hits(room, top=30)
    size = len(ovstore.open(room.path).scene("contents/scene0000_00").points("stored"))
    number = things_of_points(answer, "contents/scene0000_00", size)
    for rank, hit in enumerate(answer, start=1):
        np.testing.assert_array_equal(np.flatnonzero(number == rank), hit.stored_mask)


def test_what_was_forgotten_meanwhile_is_a_sentence(room: Database) -> None:
    hit = hits(room)[0]
    done = typed(room, "forget", "contents/scene0000_00", "--yes")
    assert done.exit_code == 0, done.output
    with pytest.raises(NotFound, match="its scene was ingested again or forgotten"):
        hit.points()
