"""`ovstore eval --passes`: points share voxels, and a voxel's lowest point in the scan's own order speaks for all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_scene
from command_line import document, lines, ovstore
from numpy.typing import NDArray
from ovstore.models.encoders import color_words
from ovstore.store import catalog
from ovstore.store.database import Store
from ovstore.store.features import PointFeatures

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
NAMES = ("red", "green", "blue")
POINT = np.arange(small_scene.POINTS)
CLUSTER = POINT // 3  # three points lie in one place
TRUTH = CLUSTER % 3


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "colours.json"
    path.write_text(json.dumps({"ignore_id": 0, "classes": [{"id": i + 1, "name": n} for i, n in enumerate(NAMES)]}))
    return path


@pytest.fixture(scope="module")
def held(shared_store: Store) -> Store:
    """A room whose features know the colour of each cluster's first point alone, in the scan's own order; every tenth
    cluster's first point has no vector."""
    small = small_scene.make("room", 0, space=SPACE)
    corners = np.random.default_rng(0).permutation(8**3)[:200]
    xyz = np.stack(np.unravel_index(corners, (8, 8, 8)), axis=1)[CLUSTER] + 0.5
    points = replace(
        small.scene.points,
        xyz=xyz.astype(np.float64),
        labels=TRUTH.astype(np.int32),
        label_names=dict(enumerate(NAMES)),
    )
    small = replace(small, scene=replace(small.scene, points=points))
    first = firsts(small.original_index)
    seen = np.flatnonzero(~(first & (CLUSTER % 10 == 0))).astype(np.int32)
    colours = color_words.load_text_encoder(color_words.Options())(list(NAMES)).astype(np.float16)
    of_point = np.where(first, TRUTH, (TRUTH + 1) % 3)
    features = PointFeatures(SPACE, seen, colours[of_point[seen]], np.ones(len(seen), np.int32))
    small = small_scene.with_features(small, features)
    small.publish_features(shared_store, small.publish_geometry(shared_store), "colours", RECIPE)
    return shared_store


def firsts(original_index: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(N,) whether the point comes before the two others of its cluster in the scan's own order."""
    lowest = np.minimum.reduceat(original_index, np.arange(0, len(POINT), 3))
    return original_index == lowest[CLUSTER]


OPENSCENE = ("--features", "colours", "--protocol", "openscene")


def test_points_take_the_vector_of_their_voxel(held: Store, labels: Path) -> None:
    plain = document(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--json"))
    assert plain["means"]["mIoU"] < 0.3
    told = document(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--passes", 3, "--json"))
    assert told["means"]["mIoU"] == 1
    assert told["points_without_prediction"] == 60  # whole clusters: their first point has no vector
    assert told["means"]["mAcc"] == pytest.approx(0.9, abs=0.01)


def test_the_table_says_how_often_and_from_where_it_was_looked(held: Store, labels: Path) -> None:
    shown = lines(ovstore(held, "eval", "--labels", labels, *OPENSCENE, "--passes", 5))
    assert shown[0] == "colours in 5 passes on colours, 1 scene, protocol openscene"
    assert (
        "5 passes, randomly placed (seed 1463), voxels of 0.02 m; the scores of a point's voxels are summed." in shown
    )


def test_the_same_seed_gives_the_same_numbers(held: Store, labels: Path, tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((7, 7)):
        folder = tmp_path / str(number)
        arguments = ("--passes", 2, "--seed", seed, "--write-predictions", folder)
        assert ovstore(held, "eval", "--labels", labels, *OPENSCENE, *arguments).exit_code == 0
        written.append((folder / "room.txt").read_text())
    assert written[0] == written[1]
    _, _, original_index = catalog.load_points(held, catalog.find_scene(held, "room").id)
    expected = np.where(CLUSTER % 10 == 0, 0, TRUTH + 1)
    assert np.array(written[0].split(), int)[original_index].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--features colours --passes 5", 2, "--passes come with --protocol openscene"),
        ("--features colours --protocol openscene --passes 5 --save-npy out", 2, "no vectors for --save-npy"),
        ("--features colours --protocol openscene --passes 0", 2, "x>=1"),
        ("--predictions out --passes 5", 2, "leave --features, --templates, --passes"),
        ("--features colours --protocol openscene --run out", 2, "--run is the student that --passes ask"),
        ("--features colours --protocol openscene --passes 2 --run out", 1, "colours was not made by one"),
    ],
)
def test_passes_that_mean_nothing_are_refused(held: Store, labels: Path, arguments: str, code: int, said: str) -> None:
    result = ovstore(held, "eval", "--labels", labels, *arguments.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
