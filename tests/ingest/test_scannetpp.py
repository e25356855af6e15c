"""ScanNet++: pictures of both devices, brought back to the mesh's world, and objects that overlap."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_room import recording, tracked
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import scannetpp
from ovstore.ingest.datasets.scannetpp import Options
from ovstore.ingest.files.images import read_image
from ovstore.ingest.formats.colmap.frames import camera_to_world
from ovstore.ingest.formats.colmap.model import read_images
from ovstore.ingest.fusion.visibility import VisibilityOptions, correspond
from ovstore.ingest.generated.formats import scannetpp as form

NAME = "036bce3393"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("scannetpp") / "release" / "data"
    (data / NAME).mkdir(parents=True)
    form.write(data / NAME, recording())
    form.write_set(data.parent, [NAME])
    return data.parent


@pytest.fixture
def release(original: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(original, tmp_path / "release")


def load(root: Path, options: Options | None = None) -> Scene:
    return scannetpp.load_scene(root, NAME, options or Options(), root / "unpacked")


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("camera", ["dslr", "iphone"])
def test_poses_are_those_of_the_recording_and_of_colmap(release: Path, camera: Any) -> None:
    """transforms.json has x and y exchanged and z turned round; COLMAP's model lies in the mesh's world."""
    scene = check_scene(load(release, Options(camera=camera)))
    for frame, truth in zip(scene.frames, tracked().values(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, truth.camera_to_world, atol=1e-12)
    registered = read_images(release / f"data/{NAME}/{camera}/colmap/images.txt")
    assert [Path(name).stem for name in registered.names] == [frame.name for frame in scene.frames]
    np.testing.assert_allclose(
        camera_to_world(registered.poses, 1.0), [frame.camera_to_world for frame in scene.frames], atol=1e-9
    )
    assert scene.split == "train" and scene.up_axis == "z"


@pytest.mark.parametrize("camera", ["dslr", "iphone"])
def test_straightened_pictures_have_the_colours_of_the_points(release: Path, camera: Any) -> None:
    scene = load(release, Options(camera=camera))
    assert scene.points.rgb is not None
    off, wrong = [], []
    for position, frame in enumerate(scene.frames):
        assert frame.image_path.is_relative_to(release / "unpacked")
        seen = correspond(scene.points.xyz, frame, position, None, VisibilityOptions(splat_radius=0.05))
        column, row = np.rint(seen.uv).astype(int).T
        pixels = read_image(frame.image_path)[row, column].astype(float)
        colours = scene.points.rgb[seen.point_index].astype(float)
        off.append(np.abs(pixels - colours).mean(axis=1))
        wrong.append(np.abs(pixels - np.roll(colours, len(colours) // 2, axis=0)).mean(axis=1))
    assert np.median(np.concatenate(off)) < 0.6 * np.median(np.concatenate(wrong))


def test_the_iphone_has_depth_where_it_was_extracted(release: Path) -> None:
    frame = load(release, Options(camera="iphone")).frames[0]
    assert frame.depth_path is not None and frame.depth_scale == 1000
    shutil.rmtree(release / f"data/{NAME}/iphone/depth")
    assert load(release, Options(camera="iphone")).frames[0].depth_path is None
    shutil.rmtree(release / f"data/{NAME}/iphone/rgb")
    with pytest.raises(BadScene, match=r"no images of the iphone: .* extract the video with the toolkit's iphone\.p"):
        load(release, Options(camera="iphone"))


def test_undistorted_pictures_are_taken_where_they_are(release: Path) -> None:
    dslr = release / f"data/{NAME}/dslr"
    shutil.copytree(dslr / "resized_images", dslr / "resized_undistorted_images")
    assert "pictures: dslr/resized_images" in load(release).findings
    shutil.copy(dslr / "nerfstudio/transforms.json", dslr / "nerfstudio/transforms_undistorted.json")
    changes = {"camera_model": "PINHOLE", "fl_x": 150.0, "k1": 0.0, "k2": 0.0, "k3": 0.0, "k4": 0.0}
    edit(dslr / "nerfstudio/transforms_undistorted.json", **changes)
    scene = load(release)
    assert "pictures: dslr/resized_undistorted_images" in scene.findings
    assert scene.frames[0].image_path == dslr / "resized_undistorted_images/DSC00001.JPG"
    assert scene.frames[0].camera.fx == 150


def test_pictures_kept_for_novel_views_can_be_left_out(release: Path) -> None:
    every, train, test = (
        {frame.name for frame in load(release, Options(views=views)).frames} for views in ("all", "train", "test")
    )
    assert train | test == every and not train & test and len(test) == 2
    for name in test:
        (release / f"data/{NAME}/dslr/resized_images/{name}.JPG").unlink()  # as in scenes of the hidden test set
    scene = load(release)
    assert {frame.name for frame in scene.frames} == train
    assert any(
        finding.startswith("2 of 8 frames skipped: no such image in ") and "(DSC0" in finding
        for finding in scene.findings
    )


def test_points_are_labelled_as_the_recording_is(release: Path) -> None:
    made, points = recording(), load(release).points
    np.testing.assert_allclose(points.xyz, made.mesh.xyz, atol=1e-6)
    assert points.labels is not None and points.instances is not None and points.segments is not None
    np.testing.assert_array_equal(points.segments, made.mesh.segment)
    np.testing.assert_array_equal(points.instances, made.mesh.object_id)
    names = [made.scene.objects[number].label for number in made.mesh.object_id]
    assert [points.label_names[label] for label in points.labels.tolist()] == names


def test_a_point_of_several_objects_is_the_smallest_ones(release: Path) -> None:
    scans = release / f"data/{NAME}/scans"
    segments, counts = np.unique(recording().mesh.segment, return_counts=True)
    large, small = int(segments[counts.argmax()]), int(segments[counts.argmin()])
    groups = [
        {"id": 1, "objectId": 1, "label": "cup", "segments": [small]},
        {"id": 2, "objectId": 2, "label": "table", "segments": [small, large]},
        {"id": 3, "objectId": 3, "label": "mug", "segments": [small]},
    ]
    (scans / "segments_anno.json").write_text(json.dumps({"segGroups": groups}))
    points = load(release).points
    assert points.labels is not None and points.segments is not None
    names = {
        segment: points.label_names[int(points.labels[points.segments == segment][0])] for segment in (small, large)
    }
    assert names == {small: "cup", large: "table"}


def test_scenes_are_found_where_the_release_has_them(release: Path, tmp_path: Path) -> None:
    for root in (release, release / "data", release / "data" / NAME):
        assert scannetpp.scene_names(root, Options()) == [NAME]
        assert scannetpp.load_scene(root, NAME, Options(), tmp_path / "unpacked").name == NAME
    listing = str(release / "splits/nvs_sem_train.txt")
    assert scannetpp.scene_names(release, Options(scene_list=listing)) == [NAME]
    with pytest.raises(BadInput, match="none of the 0 scenes of"):
        scannetpp.scene_names(release, Options(scene_list=str(release / "splits/nvs_sem_val.txt")))
    with pytest.raises(BadInput, match=r"no ScanNet\+\+ scene\. Looked for scans/mesh_aligned_0\.05\.ply in it"):
        scannetpp.scene_names(release / "splits", Options())
    for name in ("hall", "../data"):
        with pytest.raises(BadScene, match="no folder of that name"):
            scannetpp.load_scene(release, name, Options(), tmp_path)


@pytest.mark.parametrize("path", ["../../../secret.JPG", "/etc/a.JPG"])
def test_pictures_stay_in_the_scene(release: Path, path: str) -> None:
    transforms = release / f"data/{NAME}/dslr/nerfstudio/transforms.json"
    frames = json.loads(transforms.read_text())["frames"]
    edit(transforms, frames=[frames[0] | {"file_path": path}, *frames[1:]])
    with pytest.raises(BadScene, match="leads out of the scan's folder"):
        load(release)
