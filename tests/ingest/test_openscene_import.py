"""OpenScene's folders as scenes, and its fused features as feature sets."""

import json
import shutil
from pathlib import Path

import generated_room
import numpy as np
import pytest
import shared_case
from command_line import ovstore
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import PointCloud, Scene
from ovstore.evaluation.labels import label_files
from ovstore.ingest.compat.openscene import CONSTANTS, compat_of
from ovstore.ingest.datasets import openscene
from ovstore.ingest.formats.openscene.files import write_features, write_points
from ovstore.store.catalog import catalog
from ovstore.store.maintain import verify
from ovstore.store.postgres.database import Database

NAME = "scene0000_00"


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("openscene", tmp_path_factory.mktemp("openscene") / "room")


@pytest.fixture
def data(processed: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(processed, tmp_path / "data"))


def load(root: Path, name: str = NAME, **options: object) -> Scene:
    return openscene.load_scene(root, name, openscene.Options(**options), Path("/nowhere"))


def names(root: Path, **options: object) -> list[str]:
    return openscene.scene_names(root, openscene.Options(**options))


def vectors_for(covered: np.ndarray, dim: int = 13) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.random((int(covered.sum()), dim)).astype(np.float16) * 2


def fuse(folder: Path, name: str = NAME, count: int | None = None, dim: int = 13) -> tuple[np.ndarray, np.ndarray]:
    """Features for two thirds of the points in two chunks that overlap; what they hold together."""
    count = count or len(generated_room.recording().mesh.xyz)
    folder.mkdir(exist_ok=True)
    covered = np.arange(count) % 3 > 0
    vectors = vectors_for(covered, dim)
    for number, part in enumerate((np.arange(count) < 2 * count // 3, np.arange(count) > count // 3)):
        write_features(folder / f"{name}_{number}.pt", covered & part, vectors[part[covered]])
    return covered, vectors


# The folders


def test_a_scene_has_the_points_frames_and_labels_of_its_recording(processed: Path) -> None:
    recording, scene = generated_room.recording(), load(processed)
    np.testing.assert_array_equal(scene.points.xyz, recording.mesh.xyz.astype(np.float64))
    np.testing.assert_array_equal(scene.points.rgb, recording.mesh.rgb)
    tracked = generated_room.tracked()
    assert [frame.name for frame in scene.frames] == [str(number) for number in tracked]
    for frame, number in zip(scene.frames, tracked, strict=True):
        np.testing.assert_allclose(frame.camera_to_world, recording.frames[number].camera_to_world, atol=1e-6)
        assert frame.depth_scale == 1000
    assert (scene.split, scene.up_axis) == ("val", "z")
    assert scene.points.label_names[0] == "wall"
    assert any(f.startswith("1 of 9 frames skipped: no valid camera_to_world (") for f in scene.findings)


@pytest.mark.parametrize("below", ["", "scannet_3d", "scannet_3d/val", ".."])
def test_the_scenes_are_found_from_wherever_people_point(processed: Path, below: str) -> None:
    root = (processed / below).resolve()
    assert names(root) == [NAME]
    assert len(load(root).frames) == 8


def test_the_short_name_of_the_readme_is_taken_too(data: Path) -> None:
    (data / f"scannet_3d/val/{NAME}_vh_clean_2.pth").rename(data / f"scannet_3d/{NAME}.pth")
    assert names(data) == [NAME]
    assert load(data).split is None


def test_custom_scenes_have_no_split_and_their_depth_is_in_millimetres(data: Path) -> None:
    (data / "scannet_2d").rename(data / "custom_2d")
    (data / "custom_3d").mkdir()
    (data / f"scannet_3d/val/{NAME}_vh_clean_2.pth").rename(data / "custom_3d/room.pth")
    shutil.rmtree(data / "scannet_3d")
    (data / f"custom_2d/{NAME}").rename(data / "custom_2d/room")
    scene = load(data, "room")
    assert scene.frames[0].depth_scale == 1000
    assert "class 0" in scene.points.label_names.values()
    (data / "custom_3d/room.json").write_text('{"0": "Wand"}')
    assert load(data, "room").points.label_names[0] == "Wand"


def matterport(root: Path, folder: str, labels: np.ndarray) -> Scene:
    """A region without pictures whose points have these labels, in a folder of that name."""
    where, xyz = root / folder / "test", np.random.default_rng(0).uniform(0, 3, (len(labels), 3))
    where.mkdir(parents=True)
    write_points(where / "HOUSE_region0.pth", PointCloud(xyz), labels)
    fuse(root / "fused", "HOUSE_region0", len(labels))
    return load(root / folder, "HOUSE_region0", fused=root / "fused")


@pytest.mark.parametrize(
    ("folder", "count", "set_name"),
    [
        ("matterport_3d", 21, "matterport21"), ("matterport_3d_40", 40, "matterport40"),
        ("matterport_3d_80", 80, "matterport80"), ("matterport_3d_160", 160, "matterport160"),
    ],
)  # fmt: skip
def test_the_folder_says_which_of_matterports_sets_its_labels_count(
    tmp_path: Path, folder: str, count: int, set_name: str
) -> None:
    points = matterport(tmp_path, folder, np.arange(count)).points
    classes = label_files.load(set_name).classes
    assert points.label_names == {number: entry.name for number, entry in enumerate(classes)} and len(classes) == count


@pytest.mark.parametrize(("folder", "last"), [("matterport_3d", 39), ("matterport_3d_40", 40), ("matterport_3d_7", 6)])
def test_labels_of_a_set_that_the_folder_does_not_tell_are_called_by_their_number(
    tmp_path: Path, folder: str, last: int
) -> None:
    scene = matterport(tmp_path, folder, np.arange(last + 1))
    assert scene.points.label_names == {label: f"class {label}" for label in range(last + 1)}
    assert any(f"label {last} is none of the" in finding for finding in scene.findings) == (last > 6)


def test_the_shared_labels_of_forty_classes_get_their_names(tmp_path: Path) -> None:
    shared_case.make("openscene_matterport_40_names", Path(), tmp_path)
    points = load(tmp_path / "matterport_3d_40", "HOUSE_region0", fused=tmp_path / "fused").points
    assert [points.label_names[label] for label in (0, 1, 2, 3, 39)] == ["wall", "door", "ceiling", "floor", "faucet"]


def test_regions_of_matterport_take_the_cameras_inside_their_box(data: Path) -> None:
    scene = load(data)
    house, region = data / "matterport_2d/HOUSE", data / "matterport_3d/test"
    shutil.move(data / f"scannet_2d/{NAME}", house)
    region.mkdir(parents=True)
    (house / "intrinsic").mkdir()
    for frame in scene.frames:
        np.savetxt(house / f"intrinsic/{frame.name}.txt", frame.camera.matrix)
    centres = np.array([frame.camera_to_world[:3, 3] for frame in scene.frames])
    corner = np.array([centres[0] - 1e-3, centres[0] + 1e-3])
    for number, xyz in enumerate((np.vstack([corner, scene.points.xyz[:0]]), centres.max(axis=0) + corner + 5)):
        write_points(region / f"HOUSE_region{number}.pth", PointCloud(xyz), np.array([3, 255]))
    root = data / "matterport_3d"
    assert names(root) == ["HOUSE_region0", "HOUSE_region1"]
    inside, outside = load(root, "HOUSE_region0"), load(root, "HOUSE_region1")
    assert [frame.name for frame in inside.frames] == [scene.frames[0].name]
    assert inside.frames[0].depth_scale == 4000
    assert inside.points.label_names == {3: "bed"}
    assert len(outside.frames) == 8
    assert "no camera of the house is inside the region; the 8 nearest were used" in outside.findings
    np.testing.assert_allclose(inside.frames[0].camera.matrix, scene.frames[0].camera.matrix)


def test_nuscenes_has_its_pictures_by_split_and_its_matrices_as_arrays(data: Path) -> None:
    scene = load(data)
    folder = data / "nuscenes_2d/val/1a2b"
    for part in ("color", "pose", "K"):
        (folder / part).mkdir(parents=True)
    for camera, frame in zip(("back", "front_left"), scene.frames, strict=False):
        shutil.copy(frame.image_path, folder / f"color/{camera}.jpg")
        np.save(folder / f"pose/{camera}.npy", frame.camera_to_world)
        np.save(folder / f"K/{camera}.npy", frame.camera.matrix)
    points = data / "nuscenes_3d/val/1a2b.pth"
    points.parent.mkdir(parents=True)
    write_points(points, PointCloud(scene.points.xyz), np.full(len(scene.points), 3.0))
    found = load(data / "nuscenes_3d", "1a2b")
    assert [frame.name for frame in found.frames] == ["back", "front_left"]
    assert found.frames[0].depth_path is None
    assert found.frames[0].camera == scene.frames[0].camera
    assert found.points.rgb is None
    assert found.points.label_names == {3: "car"}


def test_two_datasets_in_one_place_are_asked_about(data: Path) -> None:
    (data / "replica_3d").mkdir()
    with pytest.raises(BadInput, match=r"2 datasets \(replica_3d, scannet_3d\); name one of them"):
        names(data)


def test_a_scene_in_two_splits_is_asked_about(data: Path) -> None:
    shutil.copytree(data / "scannet_3d/val", data / "scannet_3d/train")
    with pytest.raises(BadInput, match=f"both belong to scene {NAME}: name one of their folders"):
        names(data)
    assert names(data / "scannet_3d/train") == [NAME]


def test_what_is_missing_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no processed scene\. Looked for folders such as scannet_3d"):
        names(tmp_path / "data/scannet_2d")
    with pytest.raises(BadScene, match=r"no other\.pth in a folder such as scannet_3d"):
        load(data, "other")
    with pytest.raises(BadInput, match="--fused /nowhere: no such folder"):
        openscene.Options(fused=Path("/nowhere"))
    (tmp_path / "fused").mkdir()
    with pytest.raises(BadInput, match="no features of any of the 1 scenes"):
        names(data, fused=tmp_path / "fused")
    shutil.rmtree(data / "scannet_2d")
    with pytest.raises(BadScene, match=r"no folder with its images beside .*; give its features with --fused"):
        load(data)


# Fused features


def ingest(store: Database, root: Path, fused: Path, *more: object) -> str:
    result = ovstore(store, "ingest", "openscene", root, "--fused", fused, "--encoder", "color_words", *more)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_fused_features_become_a_feature_set_with_evidence(store: Database, data: Path, tmp_path: Path) -> None:
    covered, vectors = fuse(tmp_path / "fused")
    said = ingest(store, data, tmp_path / "fused", "--features", "openseg")
    assert f"{covered.sum():,} of {len(covered):,} points seen" in said
    [found] = catalog.feature_sets(store)
    assert (found.source, found.name, found.space.name) == ("imported", "openseg", "color_words")
    assert sorted(found.recipe["imported"]["files"]) == [f"{NAME}_0.pt", f"{NAME}_1.pt"]
    assert "fuse" not in found.recipe
    features = catalog.load_features(store, found.scene_id, "openseg")
    original_index = catalog.load_points(store, found.scene_id).original_index
    np.testing.assert_array_equal(np.sort(original_index[features.point_index]), np.flatnonzero(covered))
    expected = vectors[np.cumsum(covered)[original_index[features.point_index]] - 1].astype(np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(features.vectors, expected, atol=1e-3)
    assert features.view_count.max() > 1
    [hit] = json.loads(ovstore(store, "search", "red", "--top", 1, "--json").stdout)["hits"]
    assert hit["evidence"]
    assert "1 up to date" in ingest(store, data, tmp_path / "fused", "--features", "openseg")


def test_compat_keeps_the_published_vectors_to_the_bit(store: Database, data: Path, tmp_path: Path) -> None:
    _, vectors = fuse(tmp_path / "fused")
    ingest(store, data, tmp_path / "fused", "--compat", "openscene")
    [found] = catalog.feature_sets(store)
    features = catalog.load_features(store, found.scene_id, found.name)
    original_index = catalog.load_points(store, found.scene_id).original_index
    order = np.argsort(original_index[features.point_index])
    np.testing.assert_array_equal(features.vectors[order], vectors)


def test_other_files_of_features_are_another_feature_set(store: Database, data: Path, tmp_path: Path) -> None:
    fuse(tmp_path / "fused")
    ingest(store, data, tmp_path / "fused")
    (tmp_path / f"fused/{NAME}_1.pt").unlink()
    assert "1 ingested" in ingest(store, data, tmp_path / "fused")
    assert len(catalog.feature_sets(store)) == 1


def test_points_and_features_are_enough(store: Database, data: Path, tmp_path: Path) -> None:
    fuse(tmp_path / "fused")
    pictures = shutil.move(data / "scannet_2d", tmp_path / "kept")
    assert f"{NAME}  0 frames" in ingest(store, data, tmp_path / "fused")
    [scene] = catalog.scenes(store)
    assert (scene.frame_count, scene.seen_point_count) == (0, 0)
    [hit] = json.loads(ovstore(store, "search", "red", "--top", 1, "--json").stdout)["hits"]
    assert hit["evidence"] == []
    features = catalog.load_features(store, scene.id, "color_words")
    assert (features.view_count == 1).all()
    for command in (
        ("search", "red", "--save-picture", tmp_path / "sheet.png"),
        ("show", NAME, "--save-picture", tmp_path / "room.png"),
        ("scenes",),
        ("export", "npz", NAME, tmp_path / "a.npz"),
    ):
        assert ovstore(store, *command).exit_code == 0
    assert verify.check(store, contents=True) == []
    assert "1 up to date" in ingest(store, data, tmp_path / "fused")

    ours = ("ingest", "openscene", data, "--encoder", "color_words", "--features", "ours")
    assert "--again ingests it again and drops the features color_words" in ovstore(store, *ours).stderr
    assert "give its features with --fused" in ovstore(store, *ours, "--again").stderr
    shutil.move(pictures, data / "scannet_2d")  # later the pictures come, and features of our own can be made
    made = ovstore(store, *ours, "--again")
    assert "8 frames" in made.stdout, made.output


@pytest.mark.parametrize(
    ("count", "dim", "says"),
    [
        (None, 7, "the features have 7 numbers, but vectors of color_words have 13: name"),
        (99, 13, "the features are for 99 points, the scan has"),
    ],
)
def test_features_of_something_else_leave_nothing_behind(
    store: Database, data: Path, tmp_path: Path, count: int | None, dim: int, says: str
) -> None:
    fuse(tmp_path / "fused", count=count, dim=dim)
    result = ovstore(store, "ingest", "openscene", data, "--fused", tmp_path / "fused", "--encoder", "color_words")
    assert result.exit_code == 1
    assert says in result.stderr
    assert catalog.scenes(store) == []


def test_scenes_without_features_are_counted(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fuse(tmp_path / "fused")
    shutil.copy(data / f"scannet_3d/val/{NAME}_vh_clean_2.pth", data / "scannet_3d/val/scene0000_01_vh_clean_2.pth")
    assert names(data, fused=tmp_path / "fused") == [NAME]
    assert "1 of 2 scenes left out: no features in" in caplog.text
    with pytest.raises(BadScene, match=r"no features scene0000_01_0\.pt or scene0000_01\.pt"):
        openscene.feature_paths(data, "scene0000_01", openscene.Options(fused=tmp_path / "fused"))


def test_compat_treats_processed_files_as_the_dataset_they_are_of(tmp_path: Path) -> None:
    for kind in ("matterport", "nuscenes"):
        (tmp_path / kind / f"{kind}_3d/val").mkdir(parents=True)
        (tmp_path / kind / f"{kind}_3d/val/a_{kind}.pth").touch()
    for kind in ("matterport", "nuscenes"):
        processed, constants = compat_of("openscene", tmp_path / kind, "lseg"), CONSTANTS[kind]
        assert processed == compat_of(kind, tmp_path, "lseg")
        assert (processed.visibility.depth_tolerance, processed.visibility.border) == (
            constants.depth_tolerance, constants.border
        )  # fmt: skip
    with pytest.raises(BadInput, match="holds files of matterport and nuscenes"):
        compat_of("openscene", tmp_path, "lseg")
