"""The frozen benchmark: what it plants, how its scans are spoiled, and that it is made as it was frozen."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("embreex", reason="needs the extra 'generate'")

from ovstore.cli import main
from ovstore.evaluation.retrieval.picture_list import read_pictures
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rgbd
from ovstore.ingest.files.images import read_image
from ovstore.ingest.generated.benchmark import benchmark
from ovstore.ingest.generated.benchmark.frozen import FROZEN, differences
from ovstore.ingest.generated.benchmark.plan import ABSENT, PLANTED, bench_plan
from ovstore.ingest.generated.catalogue import class_names
from ovstore.ingest.generated.spoiled_segments import Faults, spoiled

NAMES = ("scene0010_00", "scene0052_00")  # one that holds a thing, one that holds none


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder with two scenes of the set, and what the command printed."""
    folder = tmp_path_factory.mktemp("bench") / "bench"
    chosen = tuple(planned for planned in bench_plan() if planned.name in NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "bench_plan", lambda: chosen)
        patch.setattr(benchmark, "ABSENT", ABSENT[:1])
        result = CliRunner().invoke(main, ["generate", "bench", str(folder), "--json"])
        assert result.exit_code == 0, result.output
        yield folder, json.loads(result.stdout)


def test_rare_things_stand_in_one_to_three_of_sixty_scenes_and_absent_ones_nowhere() -> None:
    plans = bench_plan()
    assert len({planned.name for planned in plans}) == 60
    scenes = Counter(planned.planted for planned in plans)
    assert scenes.pop(None) == 12
    assert set(scenes) == set(PLANTED) and Counter(scenes.values()) == {1: 8, 2: 8, 3: 8}
    assert not set(PLANTED) & set(ABSENT) and {*PLANTED, *ABSENT} <= set(class_names())
    assert FROZEN.keys() == {planned.name for planned in plans}


def test_two_scenes_are_as_they_were_frozen(bench: tuple[Path, dict[str, Any]]) -> None:
    """Elsewhere rays and colours may be rounded otherwise: a warning. What stands where is the same."""
    digests = bench[1]["digests"]
    for name in NAMES:
        assert digests[name]["layout"] == FROZEN[name]["layout"], "a change of generated rooms is a new version"
    for sentence in bench[1]["differs"]:
        warnings.warn(sentence, stacklevel=1)
    assert differences(digests) == bench[1]["differs"]


def test_a_set_that_is_made_otherwise_says_what_differs() -> None:
    found = {name: dict(FROZEN[name]) for name in NAMES}
    assert differences(found) == []
    found[NAMES[0]] |= {"layout": "0", "bytes": "0"}
    found[NAMES[1]] |= {"bytes": "0"}
    first, second, why = differences(found)
    assert first.startswith(f"1 of 2 scenes ({NAMES[0]}) have other furniture or views")
    assert second.startswith(f"1 of 2 scenes ({NAMES[1]}) differ in rounding alone")
    assert "ovstore-bench-1 was frozen with numpy" in why


def test_only_the_planted_thing_is_there_and_has_points(bench: tuple[Path, dict[str, Any]]) -> None:
    folder, said = bench
    planted = {label: scenes for label, scenes in said["planted"].items() if scenes}
    assert planted == {"trophy": [NAMES[0]]} and (folder / "absent.txt").read_text() == f"{ABSENT[0]}\n"
    for scene in json.loads((folder / "truth.json").read_text())["scenes"]:
        there = [thing for thing in scene["objects"] if thing["class"] in (*PLANTED, *ABSENT)]
        assert [thing["class"] for thing in there] == scene["planted"]
        assert all(thing["points"] >= 30 for thing in there)


def test_the_picture_is_not_of_the_scan_and_its_box_is_around_the_thing(bench: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = bench
    query, absent = read_pictures(folder / "queries")
    assert (query.label, query.scene, absent.label) == ("trophy", NAMES[0], ABSENT[0])
    assert query.box_xyxy is not None
    image = read_image(query.path)
    x0, y0, x1, y1 = (int(value) for value in query.box_xyxy)
    assert 0 <= x0 < x1 <= image.shape[1] and 0 <= y0 < y1 <= image.shape[0]
    red, green, blue = np.median(image[y0:y1, x0:x1].reshape(-1, 3).astype(int), axis=0)
    assert red > blue + 40 and green > blue + 20  # a golden trophy
    frames = sorted((folder / NAMES[0] / "color").iterdir())
    assert len(frames) == benchmark.FRAMES
    assert query.path.read_bytes() not in [frame.read_bytes() for frame in frames]


def test_the_reader_takes_true_instances_and_wrong_segments_in(
    bench: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = bench
    assert rgbd.scene_names(folder, rgbd.Options()) == list(NAMES)
    scene = check_scene(rgbd.load_scene(folder, NAMES[0], rgbd.Options(), tmp_path))
    points, truth = scene.points, json.loads((folder / "truth.json").read_text())["scenes"][0]
    assert points.instances is not None and points.segments is not None and points.labels is not None
    assert np.bincount(points.instances).tolist() == [thing["points"] for thing in truth["objects"]]
    both = np.unique(np.column_stack([points.segments, points.instances]), axis=0)
    assert len(both) > len(np.unique(points.segments))  # some segments lie in several things
    assert 0 < truth["segments_iou"]["trophy"] < 1


def _two_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two touching sheets of 20 x 20 points a centimetre apart, an object and a segment each."""
    x, y = np.mgrid[:40, :20].reshape(2, -1)
    owner = (x >= 20).astype(np.int32)
    return np.column_stack([x, y, 0 * x]).astype(np.float32) / 100, owner, owner.copy()


def test_segments_without_faults_stay_as_they_are() -> None:
    xyz, owner, segment = _two_tables()
    none = Faults(merged=0, split=0, frayed=0)
    np.testing.assert_array_equal(spoiled(xyz, owner, segment, 0.01, none, np.random.default_rng(0)), segment)


def test_each_fault_does_what_it_is_called() -> None:
    xyz, owner, segment = _two_tables()
    none = Faults(merged=0, split=0, frayed=0)

    def with_fault(**fault: float) -> np.ndarray:
        return spoiled(xyz, owner, segment, 0.012, replace(none, **fault), np.random.default_rng(0))

    assert (with_fault(merged=1.0) == 0).all()
    assert np.bincount(with_fault(split=1.0)).tolist() == [200, 200, 200, 200]
    frayed = with_fault(frayed=0.5)
    changed = frayed != segment
    assert 10 <= changed.sum() <= 30 and np.isin(xyz[changed][:, 0], np.float32([0.19, 0.20])).all()


def test_the_benchmark_is_among_what_can_be_generated(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["generate", "benhc", str(tmp_path)])
    assert result.exit_code == 1 and "No format named 'benhc'. Did you mean 'bench'?" in result.stderr
