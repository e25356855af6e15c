"""`ovstore describe` and `ingest --crops`: objects get vectors from crops, which live and go with their features."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import ovstore
import pytest
import torch
import toy_room
from command_line import document
from command_line import ovstore as typed
from ovstore.core.errors import BadInput, NotFound
from ovstore.core.features import CropVectors
from ovstore.ingest.crops import describe as crops_describe
from ovstore.store.catalog import catalog, crop_sets
from ovstore.store.catalog.catalog import FeatureSetInfo
from ovstore.store.postgres.database import Database
from ovstore.workflows.describe import describe_objects
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    for name in ("hall", "room"):
        toy_room.write(folder / name, frames=6)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIP with random weights, as open_clip itself keeps it."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    architecture = {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT}
    save_file(open_clip.model.CLIP(**architecture).state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": architecture, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder / "open_clip_model.safetensors"


def ingest(store: Database, scans: Path, *more: object, encoder: str = "tiny") -> None:
    result = typed(store, "ingest", "rgbd", scans, "--encoder", encoder, *more)
    assert result.exit_code == 0, result.output


def features(store: Database, scene: str = "rgbd/room", name: str | None = None) -> FeatureSetInfo:
    return catalog.find_feature_set(store, catalog.find_scene(store, scene), name)


def crops(store: Database, scene: str = "rgbd/room", name: str | None = None) -> CropVectors:
    found = features(store, scene, name)
    return crop_sets.load_crops(store, found.id, found.space)


def described(store: Database) -> int:
    return len(crop_sets.crop_sets(store))


def test_openmask3d_is_top_five_frames_three_levels_and_encode_image(
    store: Database, scans: Path, weights: Path
) -> None:
    """Every crop worked out from the stored points, cut by Pillow and encoded by open_clip itself."""
    clip = ("--model", "ViT-B-16", "--weights", weights, "--features", "clip")
    ingest(store, scans, "--scene", "room", *clip, encoder="openclip")
    result = typed(store, "describe", "--compat", "openmask3d")
    assert result.exit_code == 0, result.output
    scene = catalog.find_scene(store, "rgbd/room")
    found = features(store)
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{weights.parent}")
    object_of = catalog.features_file(store, found).regions("object", catalog.load_points(store, scene.id).superpoint)
    frames, correspondences = catalog.load_frames(store, scene.id), catalog.load_correspondences(store, scene.id)
    made = crops(store)
    assert len(made.ordinal) >= 5
    for ordinal, count, vector in zip(made.ordinal.tolist(), made.crop_count.tolist(), made.vectors, strict=True):
        sightings = []
        for seen in correspondences:
            pixels = seen.uv[object_of[seen.point_index] == ordinal].round().astype(int)
            if len(pixels):
                sightings.append((-len(pixels), seen.frame, pixels))
        units = []
        for _, number, pixels in sorted(sightings, key=lambda sighting: sighting[:2])[:5]:
            image = Image.open(frames[number].image_path).convert("RGB")
            (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0) + 1
            for level in range(3):
                dx, dy = int((x1 - x0) * 0.1) * level, int((y1 - y0) * 0.1) * level
                box = max(0, x0 - dx), max(0, y0 - dy), min(image.width, x1 + dx), min(image.height, y1 + dy)
                with torch.inference_mode():
                    pooled = model.eval().encode_image(preprocess(image.crop(box))[None])
                units.append(F.normalize(pooled, dim=-1)[0].numpy())
        assert count == len(units)
        mean = np.mean(units, axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-3)


def test_ingest_with_crops_is_ingest_and_describe(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    at_once = crops(store)
    assert len(at_once.ordinal) == features(store).object_count == features(store).crop_count
    assert "1 up to date" in typed(store, "describe").stdout
    assert (
        "1 up to date"
        in typed(store, "ingest", "rgbd", scans, "--scene", "room", "--encoder", "tiny", "--crops").stdout
    )
    assert typed(store, "describe", "--again").exit_code == 0
    np.testing.assert_array_equal(crops(store).vectors, at_once.vectors)


def test_crops_asked_for_later_leave_the_features_as_they_are(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room")
    before = features(store)
    result = typed(store, "ingest", "rgbd", scans, "--scene", "room", "--encoder", "tiny", "--crops")
    assert "rgbd" not in result.stdout and "features up to date" in result.stdout, result.output
    assert (features(store).id, features(store).content_digest) == (before.id, before.content_digest)
    assert described(store) == 1


def test_features_made_anew_are_described_anew_by_the_same_crops(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    assert typed(store, "describe", "--padding", "white", "--top", 2).exit_code == 0
    padded = crops(store)
    ingest(store, scans, "--scene", "room", "--weighting", "view", "--again")
    [info] = crop_sets.crop_sets(store).values()
    assert info.feature_set_id == features(store).id
    assert (info.recipe["crops"]["padding"], info.recipe["crops"]["top"]) == ("white", 2)
    assert crops(store).crop_count.max() == padded.crop_count.max() == 6


def test_features_of_an_encoder_without_an_image_tower_say_that_crops_went(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room", "--features", "seen", "--crops")
    asked = ("--scene", "room", "--encoder", "color_words", "--features", "seen", "--again")
    result = typed(store, "ingest", "rgbd", scans, *asked)
    assert "dropped with the previous features: vectors from crops" in result.stdout
    assert described(store) == 0


def test_options_that_are_not_typed_are_those_of_the_crops_there_are(store: Database, scans: Path) -> None:
    ingest(store, scans, "--crops")
    assert "2 described" in typed(store, "describe", "--levels", 1).stdout
    assert "2 up to date" in typed(store, "describe").stdout
    assert "2 up to date" in typed(store, "describe", "--levels", 1).stdout
    assert "2 described" in typed(store, "describe", "--levels", 3).stdout
    assert "2 described" in typed(store, "describe", "--compat", "openmask3d").stdout


def test_python_and_the_command_make_the_same_vectors(store: Database, scans: Path) -> None:
    ingest(store, scans)
    results = ovstore.describe_objects(store, "tiny", options={"top": 2}, scenes="room")
    [scene] = results.done
    assert (scene.scene, scene.up_to_date, results.failed) == ("rgbd/room", False, ())
    by_python = crops(store)
    [told] = document(typed(store, "describe", "room", "--again", "--json"))
    assert (told["crops"], told["described"]) == (scene.crops, scene.described)
    np.testing.assert_array_equal(crops(store).vectors, by_python.vectors)
    assert described(store) == 1


def test_the_number_of_workers_changes_nothing(store: Database, scans: Path) -> None:
    ingest(store, scans, "--crops")
    digests = {info.content_digest for info in crop_sets.crop_sets(store).values()}
    assert typed(store, "describe", "--again", "--workers", 2).exit_code == 0
    assert {info.content_digest for info in crop_sets.crop_sets(store).values()} == digests


def test_a_scene_that_fails_does_not_stop_the_others_and_leaves_nothing(
    store: Database, tmp_path: Path, scans: Path
) -> None:
    shutil.copytree(scans, tmp_path / "scans")
    ingest(store, tmp_path / "scans")
    (tmp_path / "scans" / "hall").rename(tmp_path / "elsewhere")
    result = typed(store, "describe")
    assert result.exit_code == 1
    assert "its images are no longer where they were" in result.stderr
    assert "1 described, 0 up to date, 1 failed." in result.stdout
    assert len(crops(store, "rgbd/hall").ordinal) == 0
    (tmp_path / "elsewhere").rename(tmp_path / "scans" / "hall")
    assert "1 described, 1 up to date, 0 failed." in typed(store, "describe").stdout


@pytest.mark.slow
def test_a_killed_describe_picks_up_where_it_was(tmp_path: Path, scans: Path) -> None:
    with ovstore.open(tmp_path / "store", create=True) as store:
        ingest(store, scans)
    command = [sys.executable, "-m", "ovstore.cli", "--store", str(tmp_path / "store"), "describe"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("rgbd/hall")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1 described, 1 up to date, 0 failed." in again.stdout or "0 described, 2 up to date" in again.stdout
    with ovstore.open(tmp_path / "store") as store:
        assert described(store) == 2


def test_an_error_in_the_middle_keeps_the_crops_there_were(
    store: Database, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    before = crops(store)

    def broken(*_: object) -> None:
        raise BadInput("the network is tired")

    monkeypatch.setattr(crops_describe, "encode_crops", broken)
    assert "the network is tired" in typed(store, "describe", "--again").stderr
    np.testing.assert_array_equal(crops(store).vectors, before.vectors)
    assert typed(store, "doctor", "--contents").exit_code == 0


DAMAGE = {
    "a vector changed": "UPDATE region_crops SET embedding = (SELECT embedding FROM region_crops LIMIT 1)",
    "a vector gone": "DELETE FROM region_crops WHERE region_id = (SELECT max(region_id) FROM region_crops)",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_doctor_finds_damaged_crops_and_its_remedy_mends_them(store: Database, scans: Path, statement: str) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    assert typed(store, "describe", "--top", 1).exit_code == 0
    before = crops(store)
    with store.driver_connection() as connection:
        connection.execute(statement)
    [finding] = json.loads(typed(store, "doctor", "--contents", "--json").stdout)["findings"]
    assert "crops" in finding["problem"]
    words = finding["remedy"].split()
    assert words[:2] == ["ovstore", "--store"] and words[3] == "describe"
    assert typed(store, *words[3:]).exit_code == 0
    np.testing.assert_array_equal(crops(store).vectors, before.vectors)
    assert typed(store, "doctor", "--contents").exit_code == 0


def test_repaired_regions_keep_their_crops(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    before = crops(store)
    with store.driver_connection() as connection:
        connection.execute("UPDATE regions SET radius = 0.77 WHERE level = 'superpoint'")
    assert typed(store, "doctor", "--repair").exit_code == 0
    np.testing.assert_array_equal(crops(store).vectors, before.vectors)


def test_forgetting_crops_leaves_the_features_and_forgetting_features_takes_the_crops(
    store: Database, scans: Path
) -> None:
    ingest(store, scans, "--crops")
    result = typed(store, "forget", "--dataset", "rgbd", "--features", "tiny", "--crops", "--yes")
    assert result.stdout.strip() == "Forgotten: the vectors from crops of 2 feature sets."
    assert described(store) == 0 and features(store).crop_count == 0
    assert typed(store, "describe").exit_code == 0
    assert typed(store, "forget", "room", "--features", "tiny", "--yes").exit_code == 0
    assert described(store) == 1
    assert typed(store, "forget", "--dataset", "rgbd", "--yes").exit_code == 0
    with store.connect() as connection:
        left = connection.exec_driver_sql("SELECT (SELECT count(*) FROM region_crops), (SELECT count(*) FROM recipes)")
        assert tuple(left.one()) == (0, 0)
    assert typed(store, "forget", "--dataset", "rgbd", "--crops").exit_code == 2


def test_sql_reads_vectors_from_crops(store: Database, scans: Path) -> None:
    ingest(store, scans, "--scene", "room", "--crops")
    statement = (
        "SELECT region, 1 - (region_crops.embedding <=> {text:a red chair}) AS score FROM region_overview "
        "JOIN region_crops ON region_id = region ORDER BY score DESC LIMIT 3"
    )
    assert len(document(typed(store, "sql", "--json", statement))) == 3


def test_export_writes_vectors_from_crops_beside_the_others(store: Database, scans: Path, tmp_path: Path) -> None:
    ingest(store, scans, "--scene", "room")
    assert typed(store, "export", "npz", "room", tmp_path / "before.npz").exit_code == 0
    assert typed(store, "describe").exit_code == 0
    assert typed(store, "export", "npz", "room", tmp_path / "after.npz").exit_code == 0
    made = crops(store)
    with np.load(tmp_path / "after.npz") as after, np.load(tmp_path / "before.npz") as before:
        assert set(after) - set(before) == {"crop_object", "crop_count", "crop_vectors"}
        np.testing.assert_array_equal(after["crop_object"], made.ordinal)
        np.testing.assert_array_equal(after["crop_vectors"], made.vectors)


def test_an_encoder_without_an_image_tower_is_refused_before_any_work(store: Database, scans: Path) -> None:
    sentence = "The encoder 'color_words' gives no vector for a whole image"
    asked = ("ingest", "rgbd", scans, "--encoder", "color_words")
    result = typed(store, *asked, "--crops")
    assert result.exit_code == 1 and sentence in result.stderr
    assert catalog.scenes(store) == []
    assert typed(store, *asked).exit_code == 0
    result = typed(store, "describe")
    assert result.exit_code == 1 and sentence in result.stderr


def test_what_is_not_there_is_one_sentence(store: Database, scans: Path) -> None:
    assert "no features yet" in typed(store, "describe").stderr
    ingest(store, scans)
    with pytest.raises(NotFound, match=r"No features named 'clip'\. There are: tiny"):
        describe_objects(store, "clip")
    with pytest.raises(NotFound, match="No scene named 'attic'"):
        describe_objects(store, scenes="attic")
    with pytest.raises(BadInput, match="growth is -1"):
        describe_objects(store, options={"growth": -1})
    with pytest.raises(BadInput, match="no option 'size'"):
        describe_objects(store, options={"size": 1})
