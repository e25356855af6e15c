"""ovstore-bench-2: chance decides what a house holds, needles are seen, and it is made as it was frozen."""

import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("embreex", reason="needs the extra 'generate'")

from ovstore.cli import main
from ovstore.evaluation.things.bench_files import read_bench
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.files.images import read_image
from ovstore.ingest.generated.benchmark2 import benchmark, simulated
from ovstore.ingest.generated.benchmark2.frozen import FROZEN
from ovstore.ingest.generated.benchmark2.plan import HOUSES, POOL, ROOMS, UNTAUGHT, absent_kinds, bench2_plan
from ovstore.ingest.generated.catalogue import class_names

NAMES = ("scene0001_00", "scene0030_00")  # of two houses, both with twins


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with two rooms of the set, and what the command printed."""
    folder = tmp_path_factory.mktemp("bench2") / "bench2"
    chosen = tuple(room for room in bench2_plan() if room.name in NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "bench2_plan", lambda: chosen)
        patch.setattr(benchmark, "HOUSES", 2)
        result = CliRunner().invoke(main, ["generate", "bench2", str(folder), "--simulated", "--json"])
        assert result.exit_code == 0, result.output
        return folder, json.loads(result.stdout)


def test_every_house_holds_24_kinds_of_the_pool_once_and_the_others_not() -> None:
    rooms = bench2_plan()
    assert len(rooms) == HOUSES * ROOMS == len({room.name for room in rooms}) == len(FROZEN) == 216
    for house in range(HOUSES):
        held = Counter(room.planted for room in rooms if room.house == house)
        assert set(held.values()) == {1} and len(held) == ROOMS
        assert set(held) | set(absent_kinds(rooms, house)) == set(POOL)
    share = np.array([sum(room.planted == name for room in rooms) for name in POOL]) / HOUSES
    assert share.mean() == pytest.approx(ROOMS / len(POOL)) and 0 < share.min() <= share.max() <= 1


def test_kinds_that_are_never_taught_are_in_no_list_of_names() -> None:
    assert not set(UNTAUGHT) & set(class_names())
    assert set(UNTAUGHT) < set(simulated.names())


def test_rooms_are_as_they_were_frozen(bench: tuple[Path, dict[str, Any]]) -> None:
    """Elsewhere rays and colours may be rounded otherwise: a warning. What stands where is the same."""
    digests = bench[1]["digests"]
    for name in NAMES:
        assert digests[name]["layout"] == FROZEN[name]["layout"], "a change of generated rooms is a new version"
    for sentence in bench[1]["differs"]:
        warnings.warn(sentence, stacklevel=1)


def test_the_needle_has_thirty_points_and_nothing_else_is_of_the_pool(bench: tuple[Path, dict[str, Any]]) -> None:
    for objects in read_bench(bench[0]).objects.values():
        [needle] = [placed for placed in objects if placed["class"] in POOL]
        assert needle["planted"] and needle["points"] >= 30


def test_twins_touch_and_are_equal(bench: tuple[Path, dict[str, Any]]) -> None:
    for objects in read_bench(bench[0]).objects.values():
        first, second = (placed for placed in objects if placed["touches"] is not None)
        assert (first["touches"], second["touches"]) == (second["object_id"], first["object_id"])
        assert first["description"] == second["description"]


def test_a_picture_shows_the_needle_of_its_room(bench: tuple[Path, dict[str, Any]]) -> None:
    read = read_bench(bench[0])
    for house in read.houses:
        for label, scene in house.held.items():
            picture = read.pictures[scene]
            assert picture.label == label and picture.box_xyxy is not None
            assert read_image(picture.path).shape == (240, 320, 3)


def test_each_frame_of_the_reader_has_masks(bench: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = bench
    assert rgbd.scene_names(folder, rgbd.Options()) == list(NAMES)
    for name in NAMES:
        frames = rgbd.load_scene(folder, name, rgbd.Options(), tmp_path).frames
        masks = {path.stem: read_image(path) for path in (folder / "masks" / name).iterdir()}
        assert sorted(masks) == sorted(frame.name for frame in frames) and len(masks) == benchmark.FRAMES
        assert all(mask.max() >= 2 for mask in masks.values())


def test_simulated_maps_know_their_words_less_with_more_noise(bench: tuple[Path, dict[str, Any]]) -> None:
    folder = bench[0] / "simulated"
    texts = np.load(folder / "texts.npy")
    assert (folder / "names.txt").read_text().split("\n")[:-1] == simulated.names() and len(texts) == len(
        simulated.names()
    )
    assert np.linalg.norm(texts, axis=1) == pytest.approx(1, abs=1e-5)
    margins = []
    for level in simulated.LEVELS:
        maps = np.concatenate([np.load(path) for name in NAMES for path in sorted((folder / level / name).iterdir())])
        assert np.linalg.norm(maps.astype(np.float32), axis=-1) == pytest.approx(1, abs=2e-3)
        scores = np.sort(maps.reshape(-1, simulated.DIM).astype(np.float32) @ texts.T, axis=1)
        margins.append(float(np.median(scores[:, -1] - scores[:, -2])))
    assert margins == sorted(margins, reverse=True)


def test_a_folder_of_something_else_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="generate bench2"):
        read_bench(tmp_path)
