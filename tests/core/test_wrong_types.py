"""Whatever a program passes to the public API, a mistake is one sentence of ours: never another library's traceback."""

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
import small_scene
from ovstore.core.features import Query
from ovstore.store.postgres.database import Database
from ovstore.store.search import search as store_search
from PIL import Image

WRONG = [
    None, True, -1, 0, 10**30, 2.5, float("nan"), "x", "\0", "", b"bytes", [], [1], ["\0"], {}, {"a": 1}, (1, 2),
    object(), len, np.zeros(3), np.array(["a"]), Path("\0"),
]  # fmt: skip


VERBS: dict[str, dict[str, Any]] = {
    "evaluate_points": {"labels": "scannet20"}, "evaluate_instances": {"labels": "scannet20"},
    "evaluate_retrieval": {"labels": "scannet20"}, "heat_map": {"scene": "room", "text": "red"},
    "export": {"scene": "room", "path": "room.ply"}, "scene_scores": {"questions": "red", "scene": "room"},
    "view": {"scene": "room"},
    "segment": {"labels": "red", "image": np.zeros((8, 8, 3), np.uint8)},
}  # fmt: skip

SPACE: dict[str, Any] = {"name": "color_words", "dim": 13, "digest": "", "logit_scale": 20.0}


@pytest.fixture(scope="module")
def full(shared_store: Database) -> Database:
    small = small_scene.make("room", space=ovstore.EmbeddingSpace(**SPACE))
    recipe = {"encoder": {"name": "color_words", "options": {"patch": 4}}}
    small.publish_features(shared_store, small.publish_geometry(shared_store), "colours", recipe)
    assert ovstore.search(shared_store, "red") and ovstore.search(shared_store, like=1)
    return shared_store


def outcome(call: Any, *arguments: Any, **named: Any) -> Any:
    """What comes back; an error of ours has to be one sentence."""
    try:
        return call(*arguments, **named)
    except ovstore.OvstoreError as error:
        said = str(error)
        assert said and "\n" not in said and len(said) < 1000, said
        return None


def parameters(function: Any) -> Iterator[str]:
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return (name for name, one in inspect.signature(function).parameters.items() if one.kind not in skipped)


def made() -> dict[str, dict[str, Any]]:
    """The public classes with arguments that make one."""
    camera = {"width": 4, "height": 3, "fx": 2.0, "fy": 2.0, "cx": 1.5, "cy": 1.0}
    lens = ovstore.Camera(**camera)
    frame = {"name": "0", "camera": lens, "camera_to_world": np.eye(4), "image_path": Path("0.jpg")}
    points = {"xyz": np.zeros((2, 3)), "rgb": np.zeros((2, 3), np.uint8), "faces": np.zeros((1, 3), np.int32)}
    scene = {"name": "room", "frames": (ovstore.Frame(**frame),), "points": ovstore.PointCloud(**points), "source": "x"}
    query = {"vector": np.ones(13, np.float32), "space": ovstore.EmbeddingSpace(**SPACE)}
    return {
        "Camera": camera, "Frame": frame, "PointCloud": points, "Scene": scene, "EmbeddingSpace": SPACE, "Query": query,
        "Question": {"text": "red"},
    }  # fmt: skip


def test_every_public_name_is_tried() -> None:
    made_elsewhere = {"Store", "Hit", "Answer", "OvstoreError", "SceneHandle", "FeatureSetHandle", "SceneScores"}
    made_by = {"SceneDataset", "ingest_scans", "describe_objects", "extract_features", "distill"}
    rest = {"open", "search", "contact_sheet", *VERBS} | made_elsewhere | made_by
    assert set(ovstore.__all__) == set(made()) | rest


@pytest.mark.parametrize("name", sorted(made()))
def test_a_field_of_another_type_is_a_sentence(name: str) -> None:
    kind, right = getattr(ovstore, name), made()[name]
    kind(**right)
    for field in dataclasses.fields(kind):
        for wrong in WRONG:
            outcome(kind, **(right | {field.name: wrong}))


def test_answers_and_hits_are_made_of_what_they_say(full: Database) -> None:
    hit = store_search.search(full, Query(**made()["Query"]))[0]
    answer = ovstore.Answer((hit,), None, "?", "space")
    for value in (hit, answer):
        for field in dataclasses.fields(value):
            for wrong in WRONG:
                outcome(dataclasses.replace, value, **{field.name: wrong})


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Query)])
def test_a_query_with_another_type_in_a_field_is_answered_or_refused(full: Database, field: str) -> None:
    for wrong in WRONG:
        outcome(lambda value=wrong: store_search.search(full, Query(**(made()["Query"] | {field: value}))))


@pytest.mark.parametrize("name", sorted(parameters(ovstore.search)))
def test_a_search_with_another_type_is_answered_or_refused(full: Database, name: str) -> None:
    for wrong in WRONG:
        if name != "cancelled" or not callable(wrong):
            outcome(ovstore.search, **({"store": full, "text": "red"} | {name: wrong}))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_with_another_type_is_done_or_refused(
    full: Database, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where folders of results are made
    call = getattr(ovstore, verb)
    for name in set(parameters(call)) - {"progress"}:
        for wrong in WRONG:
            outcome(call, **({"store": full} | VERBS[verb] | {name: wrong}))


def test_a_contact_sheet_is_of_an_answer() -> None:
    for wrong in WRONG:
        outcome(ovstore.contact_sheet, wrong)


@pytest.mark.parametrize("name", sorted(parameters(ovstore.ingest_scans)))
def test_an_ingest_with_another_type_is_done_or_refused(full: Database, name: str, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    asked = {"store": full, "format": "rgbd", "path": tmp_path / "scans", "encoder": "color_words", "scenes": ["none"]}
    for wrong in WRONG:
        if name != "progress" or not callable(wrong):
            outcome(ovstore.ingest_scans, **(asked | {name: wrong}))


@pytest.mark.parametrize("name", sorted(parameters(ovstore.describe_objects)))
def test_a_description_with_another_type_is_done_or_refused(full: Database, name: str) -> None:
    for wrong in WRONG:
        if name != "progress" or not callable(wrong):
            outcome(ovstore.describe_objects, **({"store": full} | {name: wrong}))


@pytest.mark.parametrize("name", sorted(set(parameters(ovstore.SceneDataset.__init__)) - {"self"}))
def test_a_dataset_with_another_type_is_made_or_refused(full: Database, name: str) -> None:
    for wrong in WRONG:
        outcome(ovstore.SceneDataset, **({"store": full} | {name: wrong}))


@pytest.mark.parametrize("name", sorted(parameters(ovstore.extract_features)))
def test_an_extraction_with_another_type_is_done_or_refused(name: str, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(image)
    for number, wrong in enumerate(WRONG):
        asked = {"images": image, "out": tmp_path / str(number), "encoder": "color_words"}
        if (name != "progress" or not callable(wrong)) and (
            name != "out" or not isinstance(wrong, str) or wrong == "\0"
        ):
            outcome(ovstore.extract_features, **(asked | {name: wrong}))


@pytest.mark.parametrize("name", sorted(parameters(ovstore.distill)))
def test_a_distillation_with_another_type_is_refused(full: Database, name: str, tmp_path: Path) -> None:
    asked = {"store": full, "out": "student", "features": "colours", "weights": tmp_path / "none.pth.tar"}
    for wrong in WRONG:
        if name != "weights" or wrong is not None:  # which would train
            outcome(ovstore.distill, **(asked | {name: wrong}))


@pytest.mark.parametrize("name", sorted(parameters(ovstore.open)))
def test_open_with_another_type_is_refused(full: Database, name: str, tmp_path: Path) -> None:
    for wrong in WRONG:
        given = {"path": tmp_path / "none", "database_url": full.conninfo, "create": False} | {name: wrong}
        found = outcome(ovstore.open, **given)
        if found is not None:
            found.close()
        assert found is None or not wrong, f"{name}={wrong!r} opened {found}"  # what is left out may come from outside


def test_methods_of_a_store_refuse_other_types(full: Database) -> None:
    public = [name for name, value in inspect.getmembers(Database, inspect.isfunction) if not name.startswith("_")]
    assert {"connect", "autocommit", "file", "unpacked", "close"} <= set(public)
    for method in set(public) - {"close"}:
        names = [name for name in parameters(getattr(Database, method)) if name != "self"]
        for name in names:
            for wrong in WRONG:
                outcome(getattr(full, method), **(dict.fromkeys(names, "x") | {name: wrong}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"top": "x"}, "top must be a whole number, not 'x'."),
        ({"top": -3}, "The number of hits must be at least 1, not -3."),
        ({"text": b"chair"}, "text must be text or None, not b'chair'."),
        ({"text": ["chair"]}, "text must be text or None, not list."),
        ({"text": 5}, "text must be text or None, not 5."),
        ({"text": "a\0b"}, r"The query 'a\x00b' contains a NUL character, which no text or path can."),
        ({"level": "room"}, "level must be 'superpoint' or 'object' or None, not 'room'."),
        (
            {"text": None, "image": 3},
            "image must be text or a path or bytes or a NumPy array of numbers or an Image or None, not 3.",
        ),
        ({"store": "ovstore-data"}, "store must be a Store, not 'ovstore-data'."),
    ],
)
def test_a_wrong_argument_is_named_with_what_it_must_be(full: Database, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ovstore.OvstoreError) as caught:
        ovstore.search(**({"store": full, "text": "red"} | wrong))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("y" * 300, "is too long: it holds a name of 300 bytes; a file or folder can have 255 at most."),
        ("y/" * 2500, "is too long: it has 4,999 bytes; 4,095 at most are possible."),
    ],
)
def test_a_path_longer_than_any_can_be_is_a_sentence(full: Database, path: str, said: str) -> None:
    for name, call in {
        "path": lambda: ovstore.open(path),
        "image": lambda: ovstore.search(full, image=path),
    }.items():
        with pytest.raises(ovstore.OvstoreError) as caught:
            call()
        assert str(caught.value) == f"{name} {said}"
    with pytest.raises(ovstore.OvstoreError, match=said):
        ovstore.export(full, "room", path)
