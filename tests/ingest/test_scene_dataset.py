"""`ovstore.SceneDataset`: stored scenes as torch takes them, in any process."""

import pickle
from pathlib import Path

import numpy as np
import ovstore
import pytest
import small_scene
import torch
from ovstore.core.errors import BadInput, NotFound
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from torch.utils.data import DataLoader


@pytest.fixture
def two(store: Database, tmp_path: Path) -> Database:
    for number, name in enumerate(("hall", "attic")):
        small_scene.make(name, number).publish(store)
    return store


def test_an_item_is_the_scene_in_the_order_of_its_scan(two: Database) -> None:
    scenes = ovstore.SceneDataset(two)
    assert scenes.scenes == ("scans/attic", "scans/hall")
    assert len(scenes) == 2
    item = scenes[1]
    handle = ovstore.open(two.path).scene("scans/hall")
    points, found = handle.points(), handle.features("toy")
    np.testing.assert_array_equal(item["xyz"], points.xyz.astype(np.float32))
    vectors = np.full((len(points), 16), np.nan, np.float16)
    vectors[item["point_index"].numpy()] = item["vectors"].numpy()
    np.testing.assert_array_equal(vectors, found.vectors())
    assert (torch.diff(item["point_index"]) > 0).all()
    if points.labels is None:
        assert "labels" not in item
    else:
        np.testing.assert_array_equal(item["labels"], points.labels)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_processes_read_the_same(two: Database, start: str) -> None:
    scenes = ovstore.SceneDataset(two, "toy")
    loader = DataLoader(scenes, batch_size=None, num_workers=1, multiprocessing_context=start)
    for got, expected in zip(loader, (scenes[0], scenes[1]), strict=True):
        assert got.keys() == expected.keys()
        assert torch.equal(got["vectors"], expected["vectors"])


def test_it_pickles_and_needs_no_database_afterwards(two: Database) -> None:
    kept = pickle.dumps(ovstore.SceneDataset(two, scenes="hall"))
    two.close()
    assert pickle.loads(kept)[0]["scene"] == "scans/hall"


def test_what_is_not_there_is_a_sentence(two: Database) -> None:
    with pytest.raises(NotFound, match="No features named 'none'"):
        ovstore.SceneDataset(two, "none")
    with pytest.raises(NotFound, match="None of 2 scenes has features 'toy' and is in split 'nowhere'"):
        ovstore.SceneDataset(two, split="nowhere")
    with pytest.raises(NotFound, match="attik"):
        ovstore.SceneDataset(two, scenes="attik")
    scenes = ovstore.SceneDataset(two)
    scene = catalog.find_scene(two, "attic")
    catalog.points_file(two, scene).path.unlink()
    with pytest.raises(BadInput, match="is missing from the store"):
        scenes[0]
