"""ingest_scans, extract_features and distill: the command line's results without the command line."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import ovstore
import pytest
import toy_room
from command_line import ovstore as typed
from ovstore.core.errors import BadInput, BadScene, Misused, NotFound
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database
from ovstore.workflows.ingest import IngestRequest, plan
from ovstore.workflows.scene_jobs import run_jobs

SMALL: dict[str, Any] = {
    "options": {"voxel_size": 0.2, "epochs": 2, "loop": 1, "batch_size": 1}, "config": "small", "student": "tiny",
    "hold_out": 1, "validate_every": 1, "workers": 0, "device": "cpu",
}  # fmt: skip
TYPED = (
    "--features", "colours", "--student", "tiny", "--config", "small", "--voxel-size", 0.2, "--epochs", 2,
    "--loop", 1, "--batch-size", 1, "--hold-out", 1, "--validate-every", 1, "--workers", 0, "--device", "cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in ("room0", "room1"):
        toy_room.write(folder / name, frames=2)
    return folder


@pytest.fixture(scope="module")
def held(shared_store: Database, scans: Path) -> Database:
    """Both rooms by the command line, features "colours"."""
    options = ("--encoder", "color_words", "--patch", 8, "--depth-scale", 1000, "--depth-tolerance", 0.1)
    result = typed(shared_store, "ingest", "rgbd", scans, "--name", "typed", "--features", "colours", *options)
    assert result.exit_code == 0, result.output
    return shared_store


def ingested(store: Database, scans: Path, **more: Any) -> Any:
    """As `held` was typed; whole numbers where floats are meant, as people write them."""
    asked: dict[str, Any] = {
        "name": "called", "features": "colours", "encoder": "color_words", "options": {"depth_scale": 1000},
        "encoder_options": {"patch": 8}, "depth_tolerance": 0.1,
    }  # fmt: skip
    return ovstore.ingest_scans(store, "rgbd", scans, **(asked | more))


def digests(store: Database, dataset: str, features: str) -> dict[str, str]:
    sets = [found for found in catalog.feature_sets(store) if found.dataset == dataset and found.name == features]
    return {found.scene: found.content_digest for found in sets}


def recipes(store: Database, dataset: str) -> list[Any]:
    return [found.recipe for found in catalog.feature_sets(store) if found.dataset == dataset]


def test_what_is_ingested_from_python_has_the_recipes_and_digests_of_the_command_line(
    held: Database, scans: Path
) -> None:
    heard: list[tuple[str, int, int]] = []
    results = ingested(held, scans, progress=lambda *step: heard.append(step))
    assert [scene.scene for scene in results.done] == ["room0", "room1"] and not results.failed
    assert not any(scene.up_to_date for scene in results.done)
    assert recipes(held, "called") == recipes(held, "typed")
    assert digests(held, "called", "colours") == digests(held, "typed", "colours") != {}
    assert [step for step in heard if step[0] == "scenes"] == [("scenes", done, 2) for done in range(3)]
    assert {"reading", "visibility", "features", "regions"} <= {stage for stage, _, _ in heard}
    assert all(scene.up_to_date for scene in ingested(held, scans).done)
    assert typed(held, "ingest", "rgbd", scans, "--name", "called", "--features", "colours", "--encoder",
                 "color_words", "--patch", 8).stdout.endswith("0 ingested, 2 up to date, 0 failed.\n")  # fmt: skip


def test_a_scene_that_fails_is_told_in_one_sentence_and_the_rest_is_done(held: Database, scans: Path) -> None:
    results = ingested(held, scans, name="partly", scenes=["room0", "room9"])
    assert [scene.scene for scene in results.done] == ["room0"]
    [failed] = results.failed
    assert failed.scene == "room9" and "\n" not in failed.reason and isinstance(failed.error, ovstore.OvstoreError)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"options": {"frame_strid": 2}}, "rgbd has no option 'frame_strid'. Did you mean 'frame_stride'?"),
        ({"options": {"frame_stride": "2"}}, "frame_stride must be a whole number, not '2'."),
        ({"encoder": "colour_words"}, "No encoder named 'colour_words'. Did you mean 'color_words'?"),
        ({"workers": 0}, "workers must be at least 1, not 0."),
        ({"workers": "2"}, "workers must be a whole number, not '2'."),
        ({"progress": 3}, "progress must be a function or None, not 3."),
        ({"compat": "openscene", "weighting": "view"}, "--weighting contradicts --compat openscene; give one of them."),
    ],
)
def test_a_wrong_argument_is_refused_before_any_work(
    held: Database, scans: Path, wrong: dict[str, Any], said: str
) -> None:
    before = catalog.scenes(held)
    with pytest.raises(ovstore.OvstoreError) as caught:
        ingested(held, scans, **({"name": "wrong", "encoder_options": {}} | wrong))
    assert str(caught.value).startswith(said)
    assert catalog.scenes(held) == before


def test_scans_that_are_not_there_are_refused_by_name(held: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere does not exist; a folder of scans or one scan was expected"):
        ingested(held, tmp_path / "nowhere")


def test_only_explicit_options_of_the_geometry_count_as_chosen(scans: Path) -> None:
    request = IngestRequest("rgbd", scans, "color_words", dataset_options={"depth_scale": 1000}, splat_radius=0)
    assert plan(request).geometry.typed == {"depth_scale", "splat_radius"}
    assert plan(request).scenes == ("room0", "room1")


def test_more_workers_than_jobs_are_no_more_than_jobs() -> None:
    results = run_jobs(str.upper, ["a"], workers=10**30, engine="processes", scene_of=str)
    assert results.done == ("A",)


def test_extracted_files_are_those_of_the_command_line(held: Database, scans: Path, tmp_path: Path) -> None:
    shutil.copytree(scans / "room0" / "color", tmp_path / "images")
    (tmp_path / "images" / "broken.jpg").write_bytes(b"no image")
    heard: list[tuple[str, int, int]] = []
    found = ovstore.extract_features(
        tmp_path / "images", tmp_path / "called", encoder="color_words", encoder_options={"patch": 8}, preview=True,
        progress=lambda *step: heard.append(step),
    )  # fmt: skip
    typed_out = tmp_path / "typed"
    assert typed(held, "extract", tmp_path / "images", typed_out, "--encoder", "color_words", "--patch", 8).exit_code
    good = [image for image in found if image.failed is None]
    [bad] = [image for image in found if image.failed is not None]
    assert len(good) == 2 and bad.image.name == "broken.jpg" and bad.features is None
    for image in good:
        assert image.features is not None and image.preview is not None and image.preview.is_file()
        values = np.load(image.features)
        assert values.shape == image.shape
        assert (typed_out / image.features.name).read_bytes() == image.features.read_bytes()
    assert heard[0] == ("images", 0, 3) and ("images", 3, 3) in heard and heard[-1] == ("previews", 2, 2)
    again = ovstore.extract_features(
        tmp_path / "images", tmp_path / "called", encoder="color_words", encoder_options={"patch": 8}
    )
    assert [image.shape for image in again] == [None] * 3


def test_distilled_features_have_the_digests_of_the_command_line(held: Database, tmp_path: Path) -> None:
    result = typed(held, "distill", *TYPED, "--dataset", "typed", "--out", "typed")
    assert result.exit_code == 0, result.output
    heard: list[str] = []
    made = ovstore.distill(
        held, "called", features="colours", datasets=["typed"], folder=tmp_path / "run", **SMALL,
        progress=lambda stage, done, total: heard.append(stage),
    )  # fmt: skip
    assert made.run is not None and made.run.steps == 2 and 0 < made.run.figures["cosine"] <= 1
    assert (made.features, made.trained_on, len(made.scenes.done)) == ("called", "colours", 2)
    assert digests(held, "typed", "called") == digests(held, "typed", "typed") != {}
    assert heard.count("training") >= 2 and "scenes" in heard
    written = ovstore.distill(held, "called", datasets=["typed"], folder=tmp_path / "run", write_only=True)
    assert written.run is None and all(scene.up_to_date for scene in written.scenes.done)


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"out": "a/b"}, Misused, "--out is 'a/b'"),
        ({"out": "colours"}, Misused, "--out would replace the features to train on"),
        ({"features": None}, Misused, "Name the feature sets to train on"),
        ({"features": "none"}, NotFound, "None of .* has features 'none'"),
        ({"options": {"epochz": 2}}, BadInput, "training has no option 'epochz'. Did you mean 'epochs'"),
        ({"hold_out": -1}, BadInput, "hold_out must be 0 or more"),
        ({"student": "tinny"}, NotFound, "No student named 'tinny'"),
    ],
)
def test_a_distillation_that_makes_no_sense_is_refused(
    held: Database, wrong: dict[str, Any], kind: type[Exception], said: str
) -> None:
    asked = {"out": "none-such", "features": "colours", **SMALL} | wrong
    with pytest.raises(kind, match=said):
        ovstore.distill(held, asked.pop("out"), **asked)


@pytest.mark.parametrize("name", ["ingest", "extract", "distill", "preprocess", "generate", "train_supervised",
                                  "train_tiny"])  # fmt: skip
def test_a_workflow_loads_no_network_before_it_runs(name: str) -> None:
    code = f"import sys, ovstore.workflows.{name}; print(sorted({{'torch', 'faiss', 'click'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "a\0b", "\ud800", "x" * 600])
def test_names_that_a_terminal_cannot_show_are_refused_before_any_work(name: str, held: Database, scans: Path) -> None:
    before = [kind.name for kind in catalog.feature_kinds(held)]
    for named in ({"name": name}, {"features": name}):
        with pytest.raises(BadScene, match="The name"):
            ovstore.ingest_scans(held, "rgbd", scans, encoder="color_words", **named)
    with pytest.raises(BadScene, match="The name"):
        ovstore.distill(held, name, features="colours", **SMALL)
    assert [kind.name for kind in catalog.feature_kinds(held)] == before
