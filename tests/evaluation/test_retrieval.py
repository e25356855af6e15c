"""`ovstore eval retrieval` on scenes whose every figure can be worked out by hand: vectors are colour words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import document, lines, ovstore
from numpy.typing import NDArray
from ovstore.core.errors import BadInput
from ovstore.core.features import Correspondence, PointFeatures, Query
from ovstore.core.scene import Camera, Frame, PointCloud, Scene
from ovstore.evaluation.retrieval.collection import collect
from ovstore.evaluation.retrieval.picture_list import read_pictures
from ovstore.evaluation.retrieval.questions import RetrievalQuestion, rare, tenth
from ovstore.evaluation.retrieval.run import Answered, retrieve
from ovstore.evaluation.retrieval.scene_scores import METHODS, best_scores
from ovstore.evaluation.retrieval.things import label_points, own_labels
from ovstore.evaluation.scenes import select
from ovstore.ingest.regions.pool import pool_regions, pool_scene
from ovstore.models.encoders import color_words
from ovstore.store.postgres.database import Database
from ovstore.store.publish import publish
from ovstore.store.search.search import search
from PIL import Image

SPACE = color_words.space(color_words.Options())
RECIPE = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
WORDS = ("grey", "red", "green", "blue", "yellow", "purple", "black")


@dataclass(frozen=True)
class Part:
    """Points of one superpoint, all with one vector."""

    label: str
    instance: int
    object: int
    points: int
    unseen: int = 0  # of them
    tinge: float = 0.0  # of red in their vectors


SCENES = {
    "attic": [Part("grey", 0, 0, 2000), Part("red", 1, 1, 30), Part("black", 2, 2, 5, unseen=5)],
    "bath": [Part("grey", 0, 0, 2000, tinge=0.2), Part("purple", 1, 1, 20, unseen=5)],
    "cave": [
        Part("grey", 0, 0, 2000), Part("blue", 1, 1, 60), Part("blue", 1, 1, 40), Part("yellow", 2, 2, 20),
    ],
    "den": [
        Part("grey", 0, 0, 2000), Part("green", 1, 1, 40), Part("green", 2, 1, 10), Part("yellow", 3, 2, 300),
    ],
}  # fmt: skip


def texts(words: Sequence[str]) -> NDArray[np.float32]:
    """(n, 13) one axis a colour."""
    return color_words.load_text_encoder(color_words.Options())(words)


def published(store: Database, name: str, parts: Sequence[Part], features: str = "colours") -> None:
    random = np.random.default_rng([*name.encode()])
    counts = [part.points for part in parts]
    superpoint = np.repeat(np.arange(len(parts), dtype=np.int32), counts)
    tinged = texts([part.label for part in parts]) + np.outer([part.tinge for part in parts], texts(["red"])[0])
    of_part = (tinged / np.linalg.norm(tinged, axis=1, keepdims=True)).astype(np.float16)
    seen = np.concatenate([np.arange(part.points) >= part.unseen for part in parts])
    index = np.flatnonzero(seen).astype(np.int32)
    cloud = PointCloud(
        np.repeat(random.uniform(0, 5, (len(parts), 3)), counts, axis=0)
        + random.normal(scale=0.05, size=(sum(counts), 3)),
        labels=np.repeat([WORDS.index(part.label) for part in parts], counts).astype(np.int32),
        label_names=dict(enumerate(WORDS)),
        instances=np.repeat([part.instance for part in parts], counts).astype(np.int32),
    )
    frame = Frame("0", Camera(64, 48, 50, 50, 31.5, 23.5), np.eye(4), Path("/pictures/0.jpg"))
    views = Correspondence(0, index, np.full((len(index), 2), 5, np.float32), np.ones(len(index), np.float32))
    scene = Scene(name, (frame,), cloud, "made")
    order = np.arange(len(cloud), dtype=np.int32)
    scene_id = publish.publish_geometry(store, "scans", "rgbd", scene, superpoint, order, [views], {"made": 1})
    vectors = PointFeatures(SPACE, index, of_part[superpoint[index]], np.ones(len(index), np.int32))
    object_of_superpoint = np.array([part.object for part in parts], np.int32)
    regions = pool_regions(cloud, superpoint, object_of_superpoint, vectors, [views], [frame])
    publish.publish_features(
        store, scene_id, features, SPACE, RECIPE | {"by": features}, "fused", vectors, object_of_superpoint, regions,
        pool_scene(vectors, regions),
    )  # fmt: skip


@pytest.fixture(scope="module")
def searched(shared_store: Database) -> Database:
    for name, parts in SCENES.items():
        published(shared_store, name, parts)
    return shared_store


def one(word: str) -> NDArray[np.float32]:
    return texts([word])[0]


def asked(store: Database, *scenes: str, vector: Callable[[str], NDArray[np.float32]] = one) -> dict[str, Answered]:
    """The names of rare labels, answered by some of the scenes, or all."""
    collection = collect(store, select(store, names=scenes), "colours")
    label_set = own_labels(store, collection.scenes)
    points = label_points(store, collection.scenes, label_set)
    words = [(label, label_set.classes[label].name) for label in np.flatnonzero(rare(points, tenth(len(points[0]))))]
    questions = [RetrievalQuestion(word, "name", int(label), vector(word)) for label, word in words]
    return {each.question.text: each for each in retrieve(collection, label_set, points, questions)}


# The command, whose figures these scenes give away:
#   red     a region of its own; the mean of the attic has less red than the tinged bath, which has some where others,
#           asked for what they do not hold, score 0 as for absent words
#   black   no frame saw it: all scenes score 0
#   purple  its region is right, but 5 of its 20 points have no vector
#   blue    two superpoints of 60 and 40 points that score the same
#   green   two things, 40 and 10 points, in one object of 50


@pytest.fixture(scope="module")
def told(searched: Database) -> Any:
    return document(ovstore(searched, "eval", "retrieval", "--absent", "white,orange,pink", "--json"))


def test_the_tables_say_how_rare_things_are_found(searched: Database) -> None:
    result = ovstore(searched, "eval", "retrieval", "--absent", "white,orange,pink", "--per-label")
    shown = lines(result)
    assert shown[:15] == [
        "colours: labels that few of 4 scenes hold, by the scans' own labels",
        "",
        "scenes, by name  R@1 %  R@5 %  MRR %  median rank  scene AUROC %  absent AUROC %  elsewhere %",
        "scene mean        60.0  100.0   75.0            1           83.3            90.0         60.0",
        "prototypes        80.0  100.0   85.0            1           90.0            90.0         60.0",
        "superpoints       80.0  100.0   85.0            1           90.0            90.0         60.0",
        "objects           80.0  100.0   85.0            1           90.0            90.0         60.0",
        "best point        80.0  100.0   85.0            1           90.0            90.0         60.0",
        "best 10 points    80.0  100.0   85.0            1           90.0            90.0         60.0",
        "chance            25.0  100.0   52.1            2           50.0            50.0         50.0",
        "",
        "regions, by name  AP25 %  AP50 %  first hit IoU %  mask IoU %  possible IoU %  prob. AUROC %",
        shown[12],  # their last column compares unlikely with impossible: the unseen label with absent words
        shown[13],
        "",
    ], result.output
    assert shown[12].startswith("objects             70.0    70.0             76.0        71.0            76.0")
    assert shown[13].startswith("superpoints         70.0    70.0             72.0        67.0            72.0")
    assert shown[15:28] == [
        "R@1 %, by name    asked  scene mean  prototypes  superpoints  objects  best point  best 10 points  AP25 %  "
        "mask IoU %",
        "up to 50 points       4        50.0        75.0         75.0     75.0        75.0            75.0    62.5  "
        "      63.7",
        "51 to 200 points      1       100.0       100.0        100.0    100.0       100.0           100.0   100.0  "
        "     100.0",
        "over 200 points       0           –           –            –        –           –               –       –  "
        "         –",
        "",
        "ranks, by name  scenes  points  scene mean  prototypes  superpoints  objects  best point  best 10 points  "
        "AP25 %  mask IoU %",
        "black                1       5           4           4            4        4           4               4  "
        "   0.0         0.0",
        "purple               1      20           1           1            1        1           1               1  "
        " 100.0        75.0",
        "red                  1      30           2           1            1        1           1               1  "
        " 100.0       100.0",
        "green                1      40           1           1            1        1           1               1  "
        "  50.0        80.0",
        "blue                 1     100           1           1            1        1           1               1  "
        " 100.0       100.0",
        "",
        "By name: 5 labels that one of 4 scenes holds, and 3 words for what no scene holds.",
    ]
    assert shown[-3:] == [
        "“Probably not here” (no hit of a search for objects reaches 50%) is reported for 3 of 3 labels that no scene "
        "holds, and for 1 of 5 labels that are present.",
        "No frame saw a point of black, which therefore cannot be found.",
        "Names are queried with the plain words.",
    ]


def test_json_holds_every_figure(told: Any) -> None:
    [by_name] = told["asked"]
    assert (by_name["by"], by_name["questions"], by_name["absent"]) == ("name", 5, ["white", "orange", "pink"])
    assert by_name["methods"]["scene mean"]["mrr"] == pytest.approx(0.75)
    assert by_name["methods"]["objects"]["scene_auroc"] == pytest.approx(0.9)
    assert by_name["chance"]["mrr"] == pytest.approx(25 / 48)
    assert by_name["probability_auroc"]["object"] >= 0.8
    superpoints = by_name["regions"]["superpoint"]
    assert superpoints == {
        "ap25": pytest.approx(0.7), "ap50": pytest.approx(0.7), "hit_iou": pytest.approx(0.72),
        "mask_iou": pytest.approx(0.67), "best_iou": pytest.approx(0.72),
    }  # fmt: skip
    rows = {row["asked"]: row for row in by_name["rows"]}
    assert rows["green"]["scenes"] == ["scans/den"] and rows["black"]["points_with_a_vector"] == 0
    # two superpoints score the same: the precision of either is counted down to both
    assert [rows["blue"]["regions"][level]["ap50"] for level in ("superpoint", "object")] == [0.5, 1]
    assert rows["orange"]["ranks"]["objects"] is None and rows["orange"]["regions"]["object"]["ap25"] is None


def test_without_the_scenes_that_hold_it_nothing_tells_a_word_from_absent_ones(searched: Database) -> None:
    """All questions are about equal there; with them, only what no frame saw is like an absent word."""
    two = ("--scene", "cave", "--scene", "den", "--absent", "white,orange")
    [by_name] = document(ovstore(searched, "eval", "retrieval", *two, "--json"))["asked"]
    assert by_name["elsewhere_auroc"]["objects"] == 0.5 and by_name["absent_auroc"]["objects"] == 1


def test_more_scenes_may_hold_what_is_asked(searched: Database) -> None:
    two = document(ovstore(searched, "eval", "retrieval", "--max-scenes", 2, "--absent", "white", "--json"))
    rows = {row["asked"]: row for row in two["asked"][0]["rows"]}
    assert rows["yellow"]["scenes"] == ["scans/cave", "scans/den"]
    assert rows["yellow"]["points"] == 300 and rows["yellow"]["regions"]["object"]["ap50"] == 1
    assert two["asked"][0]["sizes"][2]["questions"] == 1


def test_labels_may_be_the_classes_of_a_set(searched: Database, tmp_path: Path) -> None:
    path = tmp_path / "wanted.json"
    classes = [
        {"id": 1, "name": "berry", "words": ["red"], "raw": ["red"]}, {"id": 2, "name": "blue"},
        {"id": 3, "name": "orange"}, {"id": 4, "name": "beige"}, {"id": 5, "name": "grey"},
    ]  # fmt: skip
    path.write_text(json.dumps({"classes": classes}))
    found = document(ovstore(searched, "eval", "retrieval", "--labels", path, "--json"))
    assert found["labels"] == "wanted" and found["asked"][0]["absent"] == ["orange"]
    assert [row["asked"] for row in found["asked"][0]["rows"]] == ["red", "blue", "orange"]
    assert "Not queried, because the encoder does not know the words: beige." in found["notes"]


@pytest.mark.parametrize("suffix", ["md", "tex", "json"])
def test_tables_are_written_as_files(searched: Database, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"table.{suffix}"
    result = ovstore(searched, "eval", "retrieval", "--absent", "white", "--per-label", "--out", out)
    assert result.exit_code == 0, result.output
    text = out.read_text()
    if suffix == "json":
        assert json.loads(text)["most_scenes"] == 1
    elif suffix == "md":
        assert "| scene mean | 60.0 | 100.0 | 75.0 | 1 | 83.3 | 90.0 | 60.0 |" in text and "- By name: 5 labels" in text
    else:
        assert (
            r"scene mean & 60.0 & 100.0 & 75.0 & 1 & 83.3 & 90.0 & 60.0 \\" in text
            and text.count(r"\begin{tabular}") == 4
        )


def test_everyday_words_stand_for_what_is_absent(searched: Database) -> None:
    found = document(ovstore(searched, "eval", "retrieval", "--json"))
    assert found["asked"][0]["absent"] == ["light switch", "orange"]  # all that color_words knows of them


# By picture


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red on the left, white on the right."""
    folder = tmp_path_factory.mktemp("queries")
    pixels = np.full((40, 80, 3), 255, np.uint8)
    pixels[:, :40] = (255, 0, 0)
    Image.fromarray(pixels).save(folder / "both.png")
    entries = [
        {"picture": "both.png", "box_xyxy": [0, 0, 40, 40], "label": "red", "scene": "attic"},
        {"picture": "both.png", "box_xyxy": [40, 0, 80, 40], "label": "white", "scene": "cellar"},
        {"picture": "both.png", "box_xyxy": None, "label": "grey", "scene": "attic"},
    ]
    (folder / "queries.json").write_text(json.dumps(entries))
    return folder


def test_pictures_ask_like_names(searched: Database, pictures: Path) -> None:
    found = document(ovstore(searched, "eval", "retrieval", "--pictures", pictures, "--absent", "pink", "--json"))
    by_name, by_picture = found["asked"]
    assert (by_name["questions"], by_picture["questions"], by_picture["labels"]) == (5, 1, 1)
    assert by_picture["absent"] == ["both.png [40,0,80,40] (white, cellar)"]
    assert by_picture["rows"][0]["ranks"] == {method: 2 if method == "scene mean" else 1 for method in METHODS}
    assert by_picture["absent_auroc"]["objects"] == 1
    assert by_picture["probability_auroc"] == {"superpoint": None, "object": None}  # pictures have no background
    assert any("more than 1 of 4 scenes: both.png (grey, attic)." in note for note in found["notes"])
    shown = lines(ovstore(searched, "eval", "retrieval", "--pictures", pictures, "--absent", "pink"))
    assert "By image: 1 image of 1 label that one of 4 scenes holds, and 1 image of what no scene holds." in shown


def test_the_scene_that_a_picture_was_taken_in_is_left_out_for_the_others(searched: Database, tmp_path: Path) -> None:
    """Yellow stands in the cave and the den; blue, which is asked with red, in the cave alone."""
    for name, colour in (("yellow", (255, 255, 0)), ("red", (255, 0, 0))):
        Image.fromarray(np.full((40, 40, 3), colour, np.uint8)).save(tmp_path / f"{name}.png")
    entries = [
        {"picture": "yellow.png", "label": "yellow", "scene": "scans/cave"},
        {"picture": "red.png", "label": "yellow", "scene": "den"},
        {"picture": "red.png", "label": "blue", "scene": "cave"},
    ]
    (tmp_path / "queries.json").write_text(json.dumps(entries))
    arguments = ("--pictures", tmp_path, "--absent", "pink", "--max-scenes", 2)
    found = document(ovstore(searched, "eval", "retrieval", *arguments, "--json"))["asked"]
    assert found[0]["others"]["questions"] == 0 and found[1]["others"]["questions"] == 2
    objects, chance = found[1]["others"]["methods"]["objects"], found[1]["others"]["chance"]
    assert (objects["recall_at_1"], objects["mrr"]) == (0.5, pytest.approx((1 + 1 / 3) / 2))
    assert chance["recall_at_1"] == pytest.approx(1 / 3)
    shown = lines(ovstore(searched, "eval", "retrieval", *arguments))
    assert "scenes, by image  R@1 %  R@1 of others %  R@5 %  MRR %" in "\n".join(shown)
    assert any(line.startswith("R@1 of others:") and "for the 2 images that have one." in line for line in shown)


def test_a_picture_of_what_a_label_set_does_not_know_is_not_asked(
    searched: Database, pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"classes": [{"id": 1, "name": "red"}, {"id": 2, "name": "pink"}]}))
    found = document(ovstore(searched, "eval", "retrieval", "--labels", path, "--pictures", pictures, "--json"))
    assert found["asked"][1]["questions"] == 1 and found["asked"][1]["absent"] == []
    assert any("set has no class for their label: both.png [40,0,80,40]" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[", "is not JSON"),
        ("{}", "is not a list of images"),
        ('[{"picture": "a.png"}]', "picture 0: {'picture': 'a.png'} is not an object with the strings"),
        ('[{"picture": "../a.png", "label": "red", "scene": "a"}]', "leads out of the folder"),
        ('[{"picture": "a.png", "label": "red", "scene": "a", "box_xyxy": [1, 2]}]', "box_xyxy is [1, 2]"),
    ],
)
def test_lists_that_are_none_are_refused(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "queries.json").write_text(body)
    with pytest.raises(BadInput) as error:
        read_pictures(tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--absent red,pink,grey", 1, "Not absent, because scenes hold red, grey: leave these words out of --absent."),
        ("--absent ,", 1, "contains no word"),
        ("--features colours,colours", 1, "ensemble of colours and colours has no regions of its own"),
        (
            "--scene attic --scene bath --max-scenes 1 --labels scannet20",
            1,
            "No point of 2 scenes has a label that is one of scannet20.",
        ),
        ("--pictures nowhere", 1, "nowhere/queries.json: No such file"),
        ("--table a.tsv", 2, "--table requires --labels"),
        ("--max-scenes 0", 2, "0 is not in the range"),
    ],
)
def test_mistakes_are_one_sentence(searched: Database, arguments: str, code: int, said: str) -> None:
    result = ovstore(searched, "eval", "retrieval", *arguments.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in " ".join(result.stderr.split())


# Laws


def test_the_mean_hides_what_regions_and_points_show(searched: Database) -> None:
    red = asked(searched)["red"]
    assert {method: red.rank(method) for method in METHODS} == {m: 2 if m == "scene mean" else 1 for m in METHODS}


def test_a_scene_more_never_improves_a_rank(searched: Database) -> None:
    some, every = asked(searched, "attic", "bath", "cave"), asked(searched)
    assert set(some) == {"red", "black", "purple", "blue", "yellow"}
    for word in ("red", "black", "purple", "blue"):
        assert all(some[word].rank(method) <= every[word].rank(method) for method in METHODS)
        assert some[word].regions["object"].ap <= every[word].regions["object"].ap  # none of what it adds is theirs


def test_the_length_of_a_question_changes_nothing(searched: Database) -> None:
    usual, longer = asked(searched), asked(searched, vector=lambda word: 4 * one(word))
    for word, each in usual.items():
        for method in METHODS:
            np.testing.assert_array_equal(each.scores[method], longer[word].scores[method])
        assert each.regions["object"].ap == longer[word].regions["object"].ap


def test_regions_score_as_in_a_search(searched: Database) -> None:
    for word, each in asked(searched).items():
        for level, method in (("object", "objects"), ("superpoint", "superpoints")):
            hits = search(searched, Query(one(word), SPACE, level=level, exact=True))
            assert hits[0].score == each.scores[method].max()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("banana", "No point of 4 scenes has a label that is one of mine."),
        ("grey", "no label of mine whose words are known is in at most 1 of 4 scenes."),
    ],
)
def test_what_is_nowhere_or_everywhere_is_nothing_to_ask_for(
    searched: Database, tmp_path: Path, name: str, said: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"classes": [{"id": 1, "name": name}]}))
    result = ovstore(searched, "eval", "retrieval", "--labels", path)
    assert (result.exit_code, result.stdout) == (1, "") and said in result.stderr


def test_only_the_scenes_that_are_judged_answer(searched: Database) -> None:
    without_red = asked(searched, "cave", "den")
    assert "red" not in without_red and without_red["blue"].regions["object"].hit_iou == 1
    assert without_red["blue"].scores["objects"].shape == (2,)


@pytest.mark.parametrize("points", [3, 10, 500])
def test_the_best_points_do_not_depend_on_blocks_or_lengths(points: int) -> None:
    random = np.random.default_rng(points)
    vectors = random.normal(size=(points, 16)).astype(np.float16)
    questions = random.normal(size=(4, 16)).astype(np.float32)
    wide = vectors.astype(np.float64)
    cosines = (questions @ wide.T) / np.linalg.norm(wide, axis=1) / np.linalg.norm(questions, axis=1)[:, None]
    expected = np.sort(cosines, axis=1)[:, -10:]
    for edges in ([0, points], [0, 1, points // 2, points], list(range(points + 1))):
        blocks = [(np.arange(a, b, dtype=np.int32), vectors[a:b] * np.float16(0.5)) for a, b in pairwise(edges)]
        np.testing.assert_allclose(np.sort(best_scores(blocks, questions), axis=1), expected, atol=1e-6)
