"""Objects of other tools become those of a feature set: every format, overlaps, the scan's order, bad files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_room
from click.testing import Result
from command_line import ovstore
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.ingest.formats.instances import instance_file, instances_digest, read_instances
from ovstore.ingest.regions.given import objects_of_superpoints
from ovstore.store.catalog import catalog
from ovstore.store.files.ply_writer import write_ply
from ovstore.store.postgres.database import Database

IDS = np.array([4, 4, -1, 0, 0, 0, 4, 9, -1], np.int64)  # of the points of a scan
EXPECTED = [1, 1, -1, 0, 0, 0, 1, 2, -1]
MASKS = np.stack([number == IDS for number in (0, 4, 9)])  # (K, N)


def _write_list(folder: Path, masks: NDArray[np.bool_], scores: list[float], suffix: str = ".txt") -> None:
    (folder / "predicted_masks").mkdir()
    lines = []
    for row, (mask, score) in enumerate(zip(masks, scores, strict=True)):
        name = f"predicted_masks/room_{row}{suffix}"
        if suffix == ".npy":
            np.save(folder / name, mask)
        else:
            (folder / name).write_text("\n".join(map(str, mask.astype(int).tolist())) + "\n")
        lines.append(f"{name} 5 {score}\n")
    (folder / "room.txt").write_text("".join(lines))


def _write_ply(path: Path, ids: NDArray[np.integer]) -> None:
    xyz = np.random.default_rng(0).random((len(ids), 3)).astype(np.float32)
    write_ply(path, xyz, None, columns={"instance": ids.astype(np.int32)})


FORMS: dict[str, Callable[[Path], None]] = {
    "ScanNet's list": lambda folder: _write_list(folder, MASKS, [0.9, 0.5, 0.7]),
    "a list of arrays": lambda folder: _write_list(folder, MASKS, [0.9, 0.5, 0.7], ".npy"),
    "pred_masks (N, K)": lambda folder: np.savez_compressed(folder / "room.npz", pred_masks=MASKS.T.copy()),
    "pred_masks in Fortran order": lambda folder: np.savez(
        folder / "room.npz", pred_masks=np.asfortranarray(MASKS.T.copy()), pred_classes=np.ones(3, int)
    ),
    "pred_masks (K, N)": lambda folder: np.savez(folder / "room.npz", pred_masks=MASKS.astype(np.uint8)),
    "ids in an array": lambda folder: np.save(folder / "room.npy", IDS),
    "ids in a PLY": lambda folder: _write_ply(folder / "room.ply", IDS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_instances(tmp_path: Path, form: str) -> None:
    FORMS[form](tmp_path)
    found = read_instances(instance_file(tmp_path, "room"), len(IDS))
    assert found.of_point.tolist() == EXPECTED and (found.count, found.shared) == (3, 0)


@pytest.mark.parametrize("by_point", [True, False])
def test_a_point_goes_to_the_surest_instance_then_to_the_smallest(tmp_path: Path, by_point: bool) -> None:
    table, cup, room = np.zeros((3, 8), bool)
    table[:6], cup[4:6], room[:] = True, True, True
    masks = np.stack([room, table, cup])

    def read(name: str, **more: NDArray[np.float64]) -> list[int]:
        np.savez(tmp_path / f"{name}.npz", pred_masks=masks.T.copy() if by_point else masks, **more)
        found = read_instances(tmp_path / f"{name}.npz", 8)
        assert found.shared == 6
        return found.of_point.tolist()

    assert read("unsure") == [1, 1, 1, 1, 2, 2, 0, 0]
    assert read("sure", pred_scores=np.array([0.2, 0.9, 0.5])) == [1, 1, 1, 1, 1, 1, 0, 0]


def test_a_superpoint_belongs_to_the_instance_of_more_than_half_of_its_points() -> None:
    superpoint = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 3], np.int32)
    of_point = np.array([7, 7, 3, 3, 7, -1, 3, 3, 3, 3], np.int32)
    assert objects_of_superpoints(superpoint, of_point).tolist() == [0, -1, -1, 1]
    assert objects_of_superpoints(superpoint, np.full(10, -1)).tolist() == [-1] * 4


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "ids for another cloud": (lambda folder: np.save(folder / "room.npy", IDS[:-1]),
                              "instances for another cloud: of 8 points, but the scene has 9"),
    "masks for another cloud": (lambda folder: np.savez(folder / "room.npz", pred_masks=MASKS[:, 2:]),
                                "instances for another cloud: of 7 points, but the scene has 9"),
    "a PLY of another cloud": (lambda folder: _write_ply(folder / "room.ply", IDS[1:]), "of 8 points, .* has 9"),
    "a list for another cloud": (lambda folder: _write_list(folder, MASKS[:, 1:], [1, 1, 1]),
                                 "has 8 numbers; the scene has 9 points"),
    "a mask outside of the folder": (lambda folder: (folder / "room.txt").write_text("../x.txt 1 0.5\n"),
                                     "is not inside"),
    "scores for others": (lambda folder: np.savez(folder / "room.npz", pred_masks=MASKS, pred_scores=np.ones(2)),
                          "pred_scores has 2 numbers for 3 instances"),
    "a score that is none": (
        lambda folder: np.savez(folder / "room.npz", pred_masks=MASKS, pred_scores=np.full(3, np.nan)), "finite ones"),
    "no masks in the archive": (lambda folder: np.savez(folder / "room.npz", scores=np.ones(3)),
                                r"contains scores float64 \(3,\); pred_masks of booleans"),
    "a pickle": (lambda folder: np.save(folder / "room.npy", np.array([{}], object), allow_pickle=True), "array"),
    "fractions": (lambda folder: np.save(folder / "room.npy", IDS / 2), "one whole number per point"),
    "a PLY without instances": (lambda folder: write_ply(folder / "room.ply", np.eye(3, dtype=np.float32), None),
                                "without a whole-number property instance"),
    "empty": (lambda folder: np.save(folder / "room.npy", np.full(9, -1)), "no point belongs to an instance"),
    "one each": (lambda folder: np.save(folder / "room.npy", np.arange(30_000)), "another cloud|at most 20,000"),
    "two files": (lambda folder: [np.save(folder / "room.npy", IDS), _write_ply(folder / "room.ply", IDS)].clear(),
                  r"room\.npy and room\.ply are both instances of room"),
    "none of this scene": (lambda folder: np.save(folder / "kitchen.npy", IDS), "no instances of 'room'; room"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    write, message = BAD[case]
    write(tmp_path)
    with pytest.raises(BadInput, match=message) as refused:
        read_instances(instance_file(tmp_path, "room"), len(IDS))
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


def test_the_digest_is_of_the_list_and_its_masks(tmp_path: Path) -> None:
    for name, masks in (("a", MASKS), ("b", MASKS), ("c", ~MASKS)):
        (tmp_path / name).mkdir()
        _write_list(tmp_path / name, masks, [1, 1, 1])
    first, second, other = (instances_digest(tmp_path / name / "room.txt") for name in "abc")
    assert first == second != other


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_room.write(tmp_path_factory.mktemp("scans") / "room")


def _ingest(store: Database, room: Path, *more: object) -> Result:
    return ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words", *more)


def _objects(store: Database) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(N,) the object and the superpoint of each point, in the scan's order."""
    [scene] = catalog.scenes(store)
    [found] = catalog.feature_sets(store)
    held = catalog.load_points(store, scene.id)
    of_point = catalog.features_file(store, found).regions("object", held.superpoint)
    return held.to_scan(of_point), held.to_scan(held.superpoint)


def test_instances_become_the_objects_of_a_feature_set(store: Database, room: Path, tmp_path: Path) -> None:
    assert _ingest(store, room).exit_code == 0
    merged, superpoint = _objects(store)
    two = np.where(superpoint % 2 == 0, superpoint // 8, -1)  # every fourth even superpoint together, whatever it is
    np.save(tmp_path / "room.npy", two)
    made = _ingest(store, room, "--instances", tmp_path, "--again")
    assert made.exit_code == 0 and "hold most of a superpoint" in made.output, made.output
    objects, again = _objects(store)
    np.testing.assert_array_equal(again, superpoint)
    pairs = np.unique(np.stack([two[two >= 0], objects[two >= 0]]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]  # each given object is one object
    assert not np.isin(objects[two < 0], pairs[1]).any()  # and takes nothing else in
    assert len(np.unique(merged)) != len(np.unique(objects))

    assert "1 up to date" in _ingest(store, room, "--instances", tmp_path).stdout
    refused = _ingest(store, room)
    assert refused.exit_code == 1 and "were made with --instances: --features NAME keeps both" in refused.output
    np.save(tmp_path / "room.npy", np.where(two == 0, -1, two))
    assert "1 ingested" in _ingest(store, room, "--instances", tmp_path).stdout


def test_regions_made_again_keep_the_given_objects(store: Database, room: Path, tmp_path: Path) -> None:
    from ovstore.ingest.regions.again import regions_again

    _ingest(store, room)
    _, superpoint = _objects(store)
    np.save(tmp_path / "room.npy", superpoint // 5)
    _ingest(store, room, "--instances", tmp_path / "room.npy", "--again")
    before, [found] = _objects(store)[0], catalog.feature_sets(store)
    regions_again(store, found)
    np.testing.assert_array_equal(_objects(store)[0], before)
    assert [found.content_digest] == [one.content_digest for one in catalog.feature_sets(store)]


def test_instances_for_another_cloud_are_one_sentence_and_nothing_is_written(
    store: Database, room: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "room.npy", IDS)
    refused = _ingest(store, room, "--instances", tmp_path)
    assert refused.exit_code == 1 and "instances for another cloud: of 9 points, but the scene has" in refused.output
    assert "Traceback" not in refused.output and catalog.feature_sets(store) == [] == catalog.scenes(store)


def test_one_file_for_several_scenes_is_refused(store: Database, room: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        toy_room.write(tmp_path / "scans" / name)
    np.save(tmp_path / "a.npy", IDS)
    refused = _ingest(store, tmp_path / "scans", "--instances", tmp_path / "a.npy")
    assert refused.exit_code != 0 and "holds the instances of one scene, but there are 2" in refused.output
