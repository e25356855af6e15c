"""`ovstore eval instances` on scenes whose objects are coloured: region vectors are colour words themselves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_scene
from click.testing import Result
from command_line import document, lines, ovstore
from ovstore.core.instance_lists import read_list, read_masks
from ovstore.evaluation.instances.files import claims_of
from ovstore.evaluation.labels.label_files import load
from ovstore.models.encoders import color_words
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.store.publish.publish import publish_features

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
NAMES = {0: "red", 1: "green", 2: "blue", 3: "yellow", 4: "beige"}  # beige is no class of the set
WORDS = np.array([0, 1, 2, 2])  # what each of the four objects looks like: a yellow one is taken for blue


def publish(store: Database, name: str, split: str, seed: int) -> small_scene.Small:
    """Four objects of about 150 points: red, green, blue, yellow. In the hall green and blue are one green instance."""
    small = small_scene.make(name, seed, space=SPACE)
    of_point = small.object_of_superpoint[small.superpoint]
    truth = np.where(of_point == 2, 1, of_point) if name == "hall" else of_point
    labels = np.where(np.arange(len(truth)) % 50 == 0, 4, truth).astype(np.int32)
    instances = np.where(labels == 4, -1, 10 * truth + 3).astype(np.int32)
    points = replace(small.scene.points, labels=labels, instances=instances, label_names=NAMES)
    small = replace(small, scene=replace(small.scene, points=points, split=split))
    colours = color_words.load_text_encoder(color_words.Options())(["red", "green", "blue"]).astype(np.float16)
    regions = tuple(
        replace(level, vectors=colours[WORDS[
            [region.ordinal if level.level == "object" else region.ordinal % 4 for region in level.regions]
        ]])
        for level in small.regions
    )  # fmt: skip
    scene_id = small.publish_geometry(store)
    for made in ("first", "second"):
        publish_features(
            store, scene_id, made, SPACE, RECIPE | {"by": made}, "fused", small.features, small.object_of_superpoint,
            regions, small.scene_vectors,
        )  # fmt: skip
    return small


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "colours.json"
    classes = [{"id": number, "name": NAMES[c]} for c, number in enumerate((5, 7, 2, 9))]
    groups = ("warm", "cold", "cold", "warm")
    classes = [each | {"group": group} for each, group in zip(classes, groups, strict=True)]
    path.write_text(json.dumps({"ignore_id": 0, "stuff": ["red"], "classes": classes}))
    return path


@pytest.fixture(scope="module")
def judged(shared_store: Database) -> Database:
    publish(shared_store, "room", "val", 0)
    publish(shared_store, "hall", "train", 1)
    return shared_store


def instances(store: Database, labels: Path, *arguments: object) -> Result:
    return ovstore(store, "eval", "instances", "--labels", labels, "--features", "first", *arguments)


def test_a_table_says_what_counts(judged: Database, labels: Path) -> None:
    result = instances(judged, labels, "--scene", "room")
    assert lines(result) == [
        "objects of first on the instances of colours, 1 scene",
        "",
        "id  class    AP %  AP50 %  AP25 %  instances  masks",
        " 7  green   100.0   100.0   100.0          1      1",
        " 2  blue     75.0    75.0    75.0          1      2",
        " 9  yellow    0.0     0.0     0.0          1      0",
        "",
        "mean over        AP %  AP50 %  AP25 %  instances  masks",
        "classes          58.3    58.3    58.3          3      3",
        "cold             87.5    87.5    87.5          2      3",
        "warm              0.0     0.0     0.0          1      0",
        "class-agnostic  100.0   100.0   100.0          3      4",
        "",
        "AP is the mean over overlaps (IoU) above 50%, 55% ... 90%, as in ScanNet's script; AP50 and AP25 are "
        "those above 50% and 25%.",
        "3 of 3 instances count: those of at least 100 points. Smaller masks are left out.",
        "Regardless of class, 3 of these have a mask of their own that overlaps them by more than half, 3 by more "
        "than a quarter.",
        "Instances of all classes of colours but red count; masks that lie elsewhere do not.",
        "Means are over all 3 classes; each has an instance that counts.",
        "A region takes the class whose words are closest; its confidence is their cosine. "
        "Queried with the plain words.",
        "12 points do not count because colours does not know their labels: beige.",
    ], result.output


def test_what_is_merged_in_truth_is_found_by_its_larger_half(judged: Database, labels: Path) -> None:
    told = document(instances(judged, labels, "--scene", "hall", "--json"))
    hall = small_scene.make("hall", 1, space=SPACE)
    of_point = hall.object_of_superpoint[hall.superpoint]
    labelled = np.arange(len(of_point)) % 50 != 0
    truth = labelled & ((of_point == 1) | (of_point == 2))
    overlaps = [(truth & (of_point == each)).sum() / (truth | (of_point == each)).sum() for each in (1, 2)]
    assert 0.25 < min(overlaps) < 0.5
    assert told["means"]["class-agnostic"]["instances"] == 2
    [green] = [each for each in told["classes"] if each["name"] == "green"]
    assert (green["AP50"], green["AP25"]) == (float(overlaps[0] > 0.5), 1)
    assert [each["AP"] for each in told["classes"] if each["name"] == "blue"] == [None]


def test_smaller_regions_need_a_smaller_limit(judged: Database, labels: Path) -> None:
    superpoints = ("--level", "superpoint", "--json")
    assert document(instances(judged, labels, *superpoints))["means"]["classes"]["masks"] == 0
    told = document(instances(judged, labels, *superpoints, "--min-points", 20))
    assert told["judged"] == "superpoints of first"
    assert told["means"]["class-agnostic"]["masks"] == 2 * small_scene.SUPERPOINTS
    assert told["protocol"]["min_points"] == 20


def test_scenes_have_figures_of_their_own(judged: Database, labels: Path) -> None:
    shown = lines(instances(judged, labels, "--per-scene"))
    start = shown.index("scene       AP %  AP50 %  AP25 %  class-agnostic AP50 %  instances")
    assert shown[start + 2] == "scans/room  58.3    58.3    58.3                  100.0          3"


@pytest.mark.parametrize("suffix", ["md", "tex", "json"])
def test_tables_are_written_as_files(judged: Database, labels: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"table.{suffix}"
    assert instances(judged, labels, "--scene", "room", "--per-scene", "--out", out).exit_code == 0
    text = out.read_text()
    if suffix == "json":
        assert json.loads(text)["means"]["cold"] == {
            "AP": 0.875,
            "AP50": 0.875,
            "AP25": 0.875,
            "instances": 2,
            "masks": 3,
        }
    elif suffix == "md":
        assert "| 7 | green | 100.0 | 100.0 | 100.0 | 1 | 1 |" in text and "- 3 of 3 instances count" in text
    else:
        assert r"cold & 87.5 & 87.5 & 87.5 & 2 & 3 \\" in text and text.count(r"\begin{tabular}{lrrrrr}") == 2


def test_masks_written_and_read_back_score_the_same(judged: Database, labels: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    told = document(instances(judged, labels, "--write-predictions", folder, "--json"))
    again = document(ovstore(judged, "eval", "instances", "--labels", labels, "--predictions", folder, "--json"))
    for key in ("means", "classes", "scenes"):
        assert again[key] == told[key]
    # one line per mask; in a mask one line per point, in the dataset's own order
    listed = (folder / "room.txt").read_text().splitlines()
    assert listed[1] == "predicted_masks/room_001.txt 7 1.0" and len(listed) == small_scene.OBJECTS
    held = catalog.load_points(judged, catalog.find_scene(judged, "room").id)
    inside = np.empty(len(held), int)
    inside[held.original_index] = held.superpoint % small_scene.OBJECTS == 1
    assert (folder / "predicted_masks" / "room_001.txt").read_text().split() == inside.astype(str).tolist()


def test_masks_of_ids_that_are_no_classes_are_a_hint(judged: Database, labels: Path, tmp_path: Path) -> None:
    instances(judged, labels, "--write-predictions", tmp_path)
    for path in tmp_path.glob("*.txt"):
        lines = [line.split() for line in path.read_text().splitlines()]
        path.write_text("".join(f"{name} 0 {confidence}\n" for name, _, confidence in lines))
    told = document(ovstore(judged, "eval", "instances", "--labels", labels, "--predictions", tmp_path, "--json"))
    assert any("masks have a label id that is no class of" in note for note in told["notes"])


def test_masks_may_be_arrays_and_name_any_id(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "my masks").mkdir()
    np.save(tmp_path / "my masks" / "a.npy", np.array([True, False, True]))
    np.save(tmp_path / "b.npy", np.array([0, 0, 7], np.uint8))
    (tmp_path / "c.txt").write_text("0\r\n-1\r\n12\r\n")
    (tmp_path / "d.txt").write_bytes(b"1\n0\n1\n")
    (tmp_path / "room.txt").write_text("my masks/a.npy 7 0.5\nb.npy 2.0 -3\n\nc.txt 40 1e-3\nd.txt 9 1\n")
    listed = read_list(tmp_path / "room.txt")
    np.testing.assert_array_equal(
        list(read_masks(listed, 3)),
        [[True, False, True], [False, False, True], [False, True, True], [True, False, True]],
    )
    claims = claims_of(listed, load(str(labels)))
    assert (claims.index.tolist(), claims.confidence.tolist()) == ([1, 2, -1, 3], [0.5, -3, 0.001, 1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mask.txt 7\n", "room.txt, line 1: 'mask.txt 7' is not a mask's relative path, a label id and a confidence."),
        ("../mask.txt 7 1\n", "room.txt, line 1: the mask '../mask.txt' is not inside"),
        ("/etc/hostname 7 1\n", "the mask '/etc/hostname' is not inside"),
        ("link/room.txt 7 1\n", "the mask 'link/room.txt' is not inside"),
        (
            "short.txt 7 1\n\nshort.txt green 1\n",
            "room.txt, line 3: 'green' and '1' are not a label id and a confidence.",
        ),
        ("a\0b 7 1\n", "is not a path: "),
        ("circle 7 1\n", "circle"),
        ("short.txt 7 nan\n", "a whole-number label id and a finite confidence were expected"),
        ("short.txt 7.5 1\n", "a whole-number label id and a finite confidence were expected"),
        ("gone.txt 7 1\n", "gone.txt: No such file"),
        ("short.txt 7 1\n", "short.txt has 2 numbers; the scene has 600 points"),
        ("letters.txt 7 1\n", "letters.txt, line 600: 'x' is not a number"),
        ("long.txt 7 1\n", "long.txt: 20,000 bytes are too many for 600 lines of one number each."),
        ("flat.npy 7 1\n", "flat.npy contains bool (2, 2); one number for each of 600 points was expected."),
        ("pickle.npy 7 1\n", "pickle.npy is not an array that can be read"),
        ("archive.npy 7 1\n", "archive.npy is not an array that can be read"),
        ("folder 7 1\n", "folder: Is a directory"),
    ],
)
def test_files_that_are_no_masks_are_one_sentence(
    judged: Database, labels: Path, tmp_path: Path, text: str, said: str
) -> None:
    folder = tmp_path / "masks"
    (folder / "folder").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path)
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "short.txt").write_text("0\n1\n")
    (folder / "letters.txt").write_text("0\n" * 599 + "x\n")
    (folder / "long.txt").write_text("1" * 20_000)
    np.save(folder / "flat.npy", np.zeros((2, 2), bool))
    np.save(folder / "pickle.npy", np.array([{}] * 600), allow_pickle=True)
    with open(folder / "archive.npy", "wb") as file:
        np.savez(file, mask=np.zeros(600, bool))
    (folder / "room.txt").write_text(text)
    result = ovstore(judged, "eval", "instances", "--labels", labels, "--predictions", folder)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--features first,second", 1, "ensemble of first and second has no objects of its own"),
        ("--features third", 1, "None of 2 scenes has the features third."),
        ("--predictions nowhere", 1, "nowhere has no file for any of 2 scenes, such as hall.txt."),
        ("--predictions nowhere --level object", 2, "already have classes"),
        ("--min-points 0", 2, "0 is not in the range x>=1"),
        ("--write-predictions {taken}", 1, "predicted_masks cannot be written: File exists."),
        ("--out table.pdf", 2, "a table can be written as .md, .tex, .json"),
    ],
)
def test_mistakes_are_one_sentence(
    judged: Database, labels: Path, tmp_path: Path, arguments: str, code: int, said: str
) -> None:
    (tmp_path / "predicted_masks").touch()
    result = ovstore(judged, "eval", "instances", "--labels", labels, *arguments.format(taken=tmp_path).split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_scans_without_instances_leave_nothing_to_judge(judged: Database, tmp_path: Path) -> None:
    path = tmp_path / "purple.json"
    path.write_text(json.dumps({"classes": [{"id": 1, "name": "purple"}]}))
    result = ovstore(judged, "eval", "instances", "--labels", path, "--features", "first")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No object of 2 scenes is an instance of a class of purple." in result.stderr
    path.write_text(json.dumps({"classes": [{"id": 1, "name": "red"}], "stuff": ["wall"]}))
    result = ovstore(judged, "eval", "instances", "--labels", path, "--features", "first")
    assert "Label set purple: 'stuff' names 'wall', which is none of its classes." in result.stderr
