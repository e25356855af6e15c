"""`ovstore eval` on scenes whose every number can be worked out by hand: vectors are colour words themselves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
import small_scene
from command_line import document, lines, ovstore
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import PointFeatures
from ovstore.evaluation.labels import label_files
from ovstore.evaluation.points.benchmark_files import no_class_id, read_prediction, write_prediction
from ovstore.evaluation.points.clouds import RIGHT, UNCOUNTED, UNPREDICTED, WRONG
from ovstore.evaluation.points.metrics import confusion
from ovstore.evaluation.points.protocol import NAMED, asked_texts
from ovstore.evaluation.points.report import PointReport, SceneCounts
from ovstore.ingest.files.clouds import read_cloud
from ovstore.models.encoders import color_words
from ovstore.models.prompts import templates_of
from ovstore.query.encode import Encoder
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.store.publish.publish import publish_features
from ovstore.workflows.class_texts import class_texts
from PIL import Image

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
NAMES = {0: "red", 1: "green", 2: "blue", 3: "beige"}  # beige is no class of the set
POINT = np.arange(small_scene.POINTS, dtype=np.int32)


def words(index: NDArray[np.integer]) -> NDArray[np.float16]:
    """(n, 13) the colour of each point."""
    colours = color_words.load_text_encoder(color_words.Options())(["red", "green", "blue", "yellow"])
    return colours[index].astype(np.float16)


def publish(store: Database, name: str, split: str, seed: int) -> int:
    """A scene whose points are red, green, blue, beige in turn, the last 40 without a label; features "right", fused,
    miss each tenth point, "wrong", distilled, each twentieth."""
    small = small_scene.make(name, seed, space=SPACE)
    labels = np.where(POINT < 560, POINT % 4, -1).astype(np.int32)
    points = replace(small.scene.points, labels=labels, label_names=NAMES)
    small = replace(small, scene=replace(small.scene, points=points, split=split))
    scene_id = small.publish_geometry(store)
    add_features(store, small, scene_id, "right", "fused", POINT[POINT % 10 != 0], POINT % 4)
    add_features(store, small, scene_id, "wrong", "distilled", POINT[POINT % 20 != 0], (POINT + 1) % 3)
    if name == "hall":
        add_features(store, small, scene_id, "again", "fused", POINT, POINT % 4)
    return scene_id


def add_features(
    store: Database,
    small: small_scene.Small,
    scene_id: int,
    name: str,
    source: Literal["fused", "distilled"],
    seen: NDArray[np.int32],
    colour: NDArray[np.integer],
) -> None:
    features = PointFeatures(SPACE, seen, words(colour[seen]), np.ones(len(seen), np.int32))
    small = small_scene.with_features(small, features)
    publish_features(
        store, scene_id, name, SPACE, RECIPE | {"by": name}, source,
        features, small.object_of_superpoint, small.regions, small.scene_vectors,
    )  # fmt: skip


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "colours.json"
    classes = [
        {"id": 5, "name": "red", "rgb": [255, 0, 0]},
        {"id": 7, "name": "green", "rgb": [0, 255, 0]},
        {"id": 2, "name": "blue", "rgb": [0, 0, 255], "words": ["dark blue", "blue"]},
        {"id": 9, "name": "wall", "rgb": [9, 9, 9], "words": ["yellow"]},
    ]
    path.write_text(json.dumps({"ignore_id": 0, "classes": classes}))
    return path


@pytest.fixture(scope="module")
def judged(shared_store: Database) -> Database:
    """Two scenes, train and val."""
    publish(shared_store, "room", "val", 0)
    publish(shared_store, "hall", "train", 1)
    return shared_store


def test_a_table_says_what_counts_and_what_the_means_are_over(judged: Database, labels: Path) -> None:
    result = ovstore(judged, "eval", "--labels", labels, "--features", "right", "--split", "val", "--dataset", "scans")
    # 140 points of each colour; each tenth has no vector: the even ones 0, 2, 4, 6, 8 of i % 4 in 0 and 2
    assert lines(result) == [
        "right on colours, 1 scene, protocol scannet",
        "",
        "id  class  IoU %  acc. %  points",
        " 5  red     80.0    80.0     140",
        " 7  green  100.0   100.0     140",
        " 2  blue    80.0    80.0     140",
        " 9  wall       –       –       0",
        "",
        "mIoU 86.7  mAcc 86.7  f-mIoU 86.7  f-mAcc 86.7  fwIoU 86.7  point accuracy 86.7",
        "",
        "420 of 600 points count: those whose label is a class of colours.",
        "56 of these (13.3%) have no prediction and count as wrong; "
        "dropped from the IoU, as OpenScene does, mIoU would be 100.0.",
        "Means are over the 3 of 4 classes that occur; over all 4, absent ones as 0: mIoU 65.0, mAcc 65.0.",
        "f-mIoU is the mIoU of foreground classes (without wall); fwIoU weights classes by their points in the "
        "ground truth.",
        "Queried with the plain words.",
        "140 points do not count because colours does not know their labels: beige.",
    ], result.output


def test_the_protocol_of_openscene_drops_points_and_divides_by_all_classes(judged: Database, labels: Path) -> None:
    told = document(
        ovstore(judged, "eval", "--labels", labels, "--features", "right", "--protocol", "openscene", "--json")
    )
    assert told["protocol"] == {
        "name": "openscene", "points_without_prediction": "drop",
        "means_over": "all classes, absent ones as 0", "asked_with": "the plain words",
    }  # fmt: skip
    assert [each["iou"] for each in told["classes"]] == [1, 1, 1, None]
    assert told["means"]["mIoU"] == 0.75 and told["means"]["mAcc"] == pytest.approx((0.8 + 1 + 0.8) / 4)
    assert told["means_of_classes_that_occur"]["mIoU"] == 1
    assert told["means"]["f-mIoU"] == 1  # the absent class is the wall
    assert told["confusion"]["points"] == [[224, 0, 0, 0, 56], [0, 280, 0, 0, 0], [0, 0, 224, 0, 56], [0] * 5]


def test_conventions_can_be_typed_one_by_one(judged: Database, labels: Path) -> None:
    options = ("--protocol", "openscene", "--unpredicted", "wrong", "--mean-over", "present", "--json")
    told = document(ovstore(judged, "eval", "--labels", labels, "--features", "right", *options))
    assert told["protocol"]["name"] == "openscene (changed)"
    assert told["means"]["mIoU"] == pytest.approx(2.6 / 3)


def test_points_without_a_vector_may_take_the_nearest(judged: Database, labels: Path) -> None:
    told = document(
        ovstore(judged, "eval", "--labels", labels, "--features", "right", "--unpredicted", "nearest", "--json")
    )
    assert told["points_without_prediction"] == 0
    assert np.sum(told["confusion"]["points"]) == 840


def test_broken_features_score_what_they_deserve(judged: Database, labels: Path) -> None:
    told = document(ovstore(judged, "eval", "--labels", labels, "--features", "wrong", "--scene", "room", "--json"))
    counted = POINT[(POINT < 560) & (POINT % 4 < 3)]
    truth, predicted = counted % 4, np.where(counted % 20 == 0, -1, (counted + 1) % 3)
    for c, each in enumerate(told["classes"][:3]):
        both, either = (truth == c) & (predicted == c), (truth == c) | (predicted == c)
        assert (each["iou"], each["accuracy"]) == (both.sum() / either.sum(), both.sum() / 140)


def test_features_are_named_by_what_made_them_or_by_id(judged: Database, labels: Path) -> None:
    def title(wanted: object) -> str:
        return lines(ovstore(judged, "eval", "--labels", labels, "--scene", "room", "--features", wanted))[0]

    room = catalog.find_scene(judged, "room")
    held = {found.name: found.id for found in catalog.feature_sets(judged, room.id)}
    assert title("distill") == "wrong (distill) on colours, 1 scene, protocol scannet"
    assert title("ensemble").startswith("ensemble of right (fusion) and wrong (distill) on")
    assert title(held["right"]) == f"right ({held['right']}) on colours, 1 scene, protocol scannet"


def test_scenes_without_the_features_are_left_out(judged: Database, labels: Path) -> None:
    told = document(ovstore(judged, "eval", "--labels", labels, "--features", "again", "--json"))
    assert told["means"]["mIoU"] == 1
    assert "Left out, without features again: scans/room." in told["notes"]


def test_an_ensemble_takes_the_second_where_both_are_equally_sure(judged: Database, labels: Path) -> None:
    both = document(ovstore(judged, "eval", "--labels", labels, "--features", "wrong,right", "--json"))
    assert both["judged"] == "ensemble of wrong and right"
    counted = POINT[(POINT < 560) & (POINT % 4 < 3)]
    predicted = np.where(counted % 10 != 0, counted % 4, np.where(counted % 20 != 0, (counted + 1) % 3, -1))
    assert both["means"]["point accuracy"] == (predicted == counted % 4).mean()


def test_scenes_have_figures_of_their_own(judged: Database, labels: Path) -> None:
    result = ovstore(judged, "eval", "--labels", labels, "--features", "right", "--per-scene")
    shown = lines(result)
    start = shown.index("scene           points  classes  mIoU %  mAcc %  fwIoU %")
    assert shown[start + 1 : start + 4] == [
        "scans/hall         420        3    86.7    86.7     86.7",
        "scans/room         420        3    86.7    86.7     86.7",
        "mean of scenes                     86.7    86.7     86.7",
    ]


@pytest.mark.parametrize("suffix", ["md", "tex", "json"])
def test_tables_are_written_as_files(judged: Database, labels: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"table.{suffix}"
    result = ovstore(judged, "eval", "--labels", labels, "--features", "right", "--per-scene", "--out", out)
    assert result.exit_code == 0, result.output
    text = out.read_text()
    if suffix == "json":
        assert json.loads(text)["means"]["mIoU"] == pytest.approx(2.6 / 3)
    elif suffix == "md":
        assert "| 5 | red | 80.0 | 80.0 | 280 |" in text and "- 840 of 1,200 points count" in text
    else:
        assert r"5 & red & 80.0 & 80.0 & 280 \\" in text and text.count(r"\begin{tabular}") == 3
        assert r"IoU \%" in text and "–" not in text.split("\\begin", 1)[1]


def test_predictions_written_and_read_back_score_the_same(judged: Database, labels: Path, tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    told = document(
        ovstore(judged, "eval", "--labels", labels, "--features", "right", "--write-predictions", folder, "--json")
    )
    assert sorted(path.name for path in folder.iterdir()) == ["hall.txt", "room.txt"]
    again = document(ovstore(judged, "eval", "--labels", labels, "--predictions", folder, "--json"))
    for key in ("means", "classes", "confusion", "scenes"):
        assert again[key] == told[key]
    # one line per point, in the dataset's own order
    original_index = catalog.load_points(judged, catalog.find_scene(judged, "room").id).original_index
    expected = np.empty(len(POINT), int)
    expected[original_index] = np.where(POINT % 10 == 0, 0, np.array([5, 7, 2, 9])[POINT % 4])
    assert (folder / "room.txt").read_text().split() == expected.astype(str).tolist()


def test_files_of_other_tools_may_lack_scenes(judged: Database, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "room.txt").write_text("5\n" * len(POINT))
    told = document(ovstore(judged, "eval", "--labels", labels, "--predictions", tmp_path, "--json"))
    assert [scene["scene"] for scene in told["scenes"]] == ["scans/room"]
    assert told["classes"][0] == {"id": 5, "name": "red", "points": 140, "iou": pytest.approx(1 / 3), "accuracy": 1}
    assert "Left out, without a file of predictions: scans/hall." in told["notes"]


def test_numbers_of_classes_in_place_of_label_ids_are_a_hint(judged: Database, labels: Path, tmp_path: Path) -> None:
    original_index = catalog.load_points(judged, catalog.find_scene(judged, "room").id).original_index
    numbers = np.empty(len(POINT), int)
    numbers[original_index] = np.minimum(POINT % 4, 3)
    (tmp_path / "room.txt").write_text("\n".join(map(str, numbers)) + "\n")
    told = document(ovstore(judged, "eval", "--labels", labels, "--predictions", tmp_path, "--json"))
    assert any("seem to contain class numbers, 0 to 3" in note and "100.0%" in note for note in told["notes"])
    numbers[:] = 5
    (tmp_path / "room.txt").write_text("\n".join(map(str, numbers)) + "\n")
    told = document(ovstore(judged, "eval", "--labels", labels, "--predictions", tmp_path, "--json"))
    assert not any("class numbers" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5\n" * 3, "room.txt has 3 label ids; the scene has 600 points"),
        ("5\n" * 599 + "chair\n", "room.txt, line 600: 'chair' is not a label id"),
        ("5\n" * 599 + "9" * 30 + "\n", "line 600: '99999"),
        ("5" * 20_000, "too many for 600 lines"),
    ],
)
def test_files_that_are_no_predictions_are_one_sentence(
    judged: Database, labels: Path, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "room.txt").write_text(text)
    result = ovstore(judged, "eval", "--labels", labels, "--predictions", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert said in result.stderr


def test_every_shipped_label_set_survives_the_format(tmp_path: Path) -> None:
    for name in label_files.names():
        label_set = label_files.load(name)
        index = np.arange(-1, len(label_set.classes), dtype=np.int32)
        write_prediction(tmp_path / "a.txt", index, label_set)
        np.testing.assert_array_equal(read_prediction(tmp_path / "a.txt", len(index), label_set), index)
        assert no_class_id(label_set) not in {each.id for each in label_set.classes}
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not text"):
        read_prediction(tmp_path / "a.txt", 2, label_set)


def test_vectors_and_clouds_are_saved_in_the_datasets_own_order(judged: Database, labels: Path, tmp_path: Path) -> None:
    result = ovstore(
        judged, "eval", "--labels", labels, "--features", "right,wrong", "--scene", "room",
        "--save-npy", tmp_path / "npy", "--save-ply", tmp_path / "ply",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    held = catalog.load_points(judged, catalog.find_scene(judged, "room").id)
    points, original_index = held.points, held.original_index
    vectors = np.load(tmp_path / "npy" / "room_openscene_feat_ensemble.npy")
    assert (vectors.shape, vectors.dtype) == ((len(POINT), 13), np.float16)
    # the second for equals; where it has no vector, the first has none either
    expected = np.where((POINT % 20 == 0)[:, None], 0, words((POINT + 1) % 3))
    np.testing.assert_array_equal(vectors[original_index], expected)

    clouds = {
        what: read_cloud(tmp_path / "ply" / f"room_{what}.ply") for what in ("input", "prediction", "truth", "error")
    }
    for cloud in clouds.values():
        np.testing.assert_allclose(cloud.xyz[original_index], points.xyz, atol=1e-6)
    colours = {what: cloud.rgb[original_index] for what, cloud in clouds.items() if cloud.rgb is not None}
    np.testing.assert_array_equal(colours["input"], points.rgb)
    assert colours["truth"][:4].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]
    assert colours["prediction"][0].tolist() == [0, 0, 0] and colours["prediction"][1].tolist() == [0, 0, 255]
    assert colours["error"][[0, 3, 6]].tolist() == [list(UNPREDICTED), list(UNCOUNTED), list(WRONG)]
    assert colours["error"][9].tolist() == list(RIGHT)
    assert Image.open(tmp_path / "ply" / "legend.png").width > 100


def test_words_that_the_encoder_does_not_know_are_named(judged: Database, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps({"classes": [{"id": 1, "name": "red"}, {"id": 2, "name": "beige"}]}))
    told = document(ovstore(judged, "eval", "--labels", path, "--features", "right", "--json"))
    assert told["classes"][1]["accuracy"] == 0
    note = "color_words does not know the words of these classes, which it never predicts: beige."
    assert note in told["notes"]
    path.write_text(json.dumps({"classes": [{"id": 2, "name": "beige"}]}))
    assert "is not a colour name;" in ovstore(judged, "eval", "--labels", path, "--features", "right").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--features none", 1, "None of 2 scenes has the features none. They have: again, right, wrong."),
        ("--features a,b,c", 1, "one feature set, or the two of an ensemble"),
        ("--features fusion", 1, "scans/hall has 2 feature sets by fusion: choose one by name: again, right."),
        ("--split test", 1, "None of 2 scenes is in split 'test'. Their splits: train, val."),
        ("--dataset scan", 1, "Did you mean 'scans'?"),
        ("--scene romo", 1, "Did you mean 'room'?"),
        ("--features right --templates photo", 1, "uses the plain words: leave --templates out"),
        ("--predictions nowhere", 1, "nowhere has no file for any of 2 scenes, such as hall.txt."),
        ("--predictions nowhere --features right", 2, "have no vectors"),
        ("--out table.pdf", 2, "a table can be written as .md, .tex, .json"),
    ],
)
def test_mistakes_are_one_sentence(judged: Database, labels: Path, arguments: str, code: int, said: str) -> None:
    result = ovstore(judged, "eval", "--labels", labels, *arguments.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_labels_that_are_no_class_leave_nothing_to_judge(judged: Database, tmp_path: Path) -> None:
    path = tmp_path / "purple.json"
    path.write_text(json.dumps({"classes": [{"id": 1, "name": "purple"}]}))
    result = ovstore(judged, "eval", "--labels", path, "--features", "right")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No point of 2 scenes has a label that is a class of purple." in result.stderr


def test_openscene_asks_for_other_as_it_is_and_misnames_a_class_of_the_larger_sets() -> None:
    bare = {
        name: [(each.index, each.text) for each in asked_texts(label_files.load(name), openscene=True) if each.bare]
        for name in ("scannet20", "matterport21", "matterport40", "matterport80", "matterport160", "nuscenes16")
    }
    assert bare == {
        "scannet20": [(19, "other")], "matterport21": [(19, "other")], "matterport40": [(38, "other")],
        "matterport80": [(78, "other")], "matterport160": [(158, "other")], "nuscenes16": [],
    }  # fmt: skip
    assert not any(each.bare for each in asked_texts(label_files.load("matterport160"), openscene=False))


@dataclass(frozen=True)
class Prompting(Encoder):
    """An encoder with templates, which keeps what it was asked."""

    @dataclass(frozen=True)
    class Options:
        templates: str = "photo"

        def __post_init__(self) -> None:
            templates_of(self.templates)

    @property
    def plugin(self) -> Any:
        return SimpleNamespace(Options=self.Options)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        ASKED.extend(
            template.replace("{}", text) for text in texts for template in templates_of(self.options.templates)
        )
        return np.ones((len(texts), 2), np.float32)


ASKED: list[str] = []


@pytest.mark.parametrize(
    ("openscene", "templates", "first", "last", "asked_with"),
    [
        (False, None, "a photo of a wall.", "a photo of a other.", '"a photo of a {}."'),
        (False, "the {}|{}", "the wall", "other", '"the {}", "{}"'),
        (True, None, "a wall in a scene", "other", "\"a {} in a scene\", but 'other' unchanged"),
        (True, "plain", "wall", "other", "the plain words, but 'other' unchanged"),
    ],
)
def test_words_are_asked_in_the_sentences_of_encoder_protocol_or_person(
    openscene: bool, templates: str | None, first: str, last: str, asked_with: str
) -> None:
    ASKED.clear()
    prompted = class_texts(Prompting("stub", "{}", SPACE), label_files.load("scannet20"), openscene, templates)
    assert (ASKED[0], ASKED[-1], prompted.asked_with) == (first, last, asked_with)
    assert prompted.texts.index.tolist() == list(range(20)) and prompted.texts.half == openscene
    with pytest.raises(BadInput, match=r"templates is 'no place'"):
        class_texts(Prompting("stub", "{}", SPACE), label_files.load("scannet20"), openscene, "no place")


def test_nuscenes_is_asked_with_the_words_of_the_original() -> None:
    asked = asked_texts(label_files.load("nuscenes16_details"), openscene=True)
    assert len(asked) == 43
    assert [each.index for each in asked if each.text in ("crane", "road", "woods")] == [4, 10, 15]


def test_points_that_no_frame_saw_are_told_apart() -> None:
    label_set = label_files.load("scannet20", None)
    truth = np.array([0, 0, 0, 0, 1, 1])
    predicted = np.array([0, 0, 0, 1, 1, 0])
    unseen = confusion(np.array([-1, -1, -1, 0, 1, -1]), predicted, 20)
    scenes = (SceneCounts("room", 6, confusion(truth, predicted, 20), unseen),)
    report = PointReport("student", label_set, NAMED["scannet"], "", scenes)
    assert report.seen_accuracy == (3 / 4, 1 / 2)
    assert "Of points that a frame saw, 75.0% are right; of points that no frame saw, 50.0%." in report.sentences
    assert report.to_dict()["accuracy_by_sight"] == {"seen": 0.75, "unseen": 0.5}


@pytest.mark.parametrize("unseen", [None, np.zeros((20, 21), np.int64)])
def test_nothing_is_told_of_unseen_points_where_there_are_none(unseen: NDArray[np.int64] | None) -> None:
    counts = confusion(np.array([0, 1]), np.array([0, 0]), 20)
    scenes = (SceneCounts("room", 2, counts, unseen),)
    report = PointReport("fused", label_files.load("scannet20", None), NAMED["scannet"], "", scenes)
    assert report.seen_accuracy is None and report.to_dict()["accuracy_by_sight"] is None


def test_a_judgement_that_there_is_not_is_no_judgement_of_points(judged: Database) -> None:
    result = ovstore(judged, "eval", "pionts", "--labels", "scannet20")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such command 'pionts'." in result.stderr
