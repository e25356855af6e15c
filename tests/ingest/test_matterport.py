"""Matterport3D: the release is read as it was recorded, and OpenScene's regions, cameras and classes come out of it."""

import os
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from command_line import ovstore
from generated_room import recording, tracked
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Camera, Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.compat.openscene import CONSTANTS
from ovstore.ingest.datasets import matterport
from ovstore.ingest.datasets.matterport import Options
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.formats.matterport.cameras import read_conf
from ovstore.ingest.formats.matterport.regions import NEAREST, cameras_inside, cameras_nearest
from ovstore.ingest.formats.matterport.splits import HOUSES
from ovstore.ingest.fusion.visibility import correspond
from ovstore.ingest.generated.formats import matterport as form
from ovstore.store.catalog import catalog
from ovstore.store.postgres.database import Database

HOUSE = "scene0000_00"


@cache
def files() -> dict[str, bytes]:
    """The generated house and what lies beside it, by path."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / HOUSE).mkdir()
        form.write(root / HOUSE, recording())
        form.write_set(root, [HOUSE])
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of one house."""
    root = tmp_path / "data" / "scans"
    for name, content in files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def load(root: Path, region: int = 0, house: str = HOUSE, **options: object) -> Scene:
    return matterport.load_scene(root, f"{house}_region{region}", Options(**options), root / "unpacked")  # type: ignore[arg-type]


def conf(scans: Path) -> Path:
    return scans / HOUSE / "undistorted_camera_parameters" / f"{HOUSE}.conf"


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_poses_and_pictures_are_those_that_were_recorded(scans: Path) -> None:
    frames = {frame.image_path.read_bytes(): frame for frame in load(scans, views="house").frames}
    assert set(frames) == {frame.jpeg for frame in tracked().values()} and len(tracked()) == 8
    for frame in tracked().values():
        np.testing.assert_allclose(frames[frame.jpeg].camera_to_world, frame.camera_to_world, atol=2e-5)


def test_cameras_are_those_that_were_recorded_and_depth_has_the_same(scans: Path) -> None:
    camera = recording().color_camera
    for frame in load(scans).frames:
        assert frame.depth_camera == frame.camera and frame.depth_scale == 4000
        assert (frame.camera.width, frame.camera.height) == (camera.width, camera.height)
        np.testing.assert_allclose(frame.camera.matrix, camera.matrix, rtol=1e-5)


def test_points_lie_where_the_depth_says(scans: Path) -> None:
    for region in (0, 1):
        scene = load(scans, region)
        seen = np.zeros(len(scene.points), bool)
        for position, frame in enumerate(scene.frames):
            assert frame.depth_path is not None
            depth = read_depth(frame.depth_path, frame.depth_scale)
            seen[correspond(scene.points.xyz, frame, position, depth).point_index] = True
        assert seen.mean() > 0.6


def test_both_regions_together_are_the_mesh(scans: Path) -> None:
    scenes = [check_scene(load(scans, region)) for region in (0, 1)]
    mesh = recording().mesh
    assert sum(len(scene.points.faces) for scene in scenes if scene.points.faces is not None) == len(mesh.faces)
    together = np.concatenate([scene.points.xyz for scene in scenes])
    assert set(map(tuple, mesh.xyz[np.unique(mesh.faces)].astype(float))) == set(map(tuple, together))
    assert all(scene.points.normals is not None and scene.points.rgb is not None for scene in scenes)
    assert scenes[0].name == "scene0000_00_region0" and scenes[0].up_axis == "z"


@pytest.mark.parametrize("region", [0, 1])
def test_each_point_has_name_object_and_segment_of_the_mesh(scans: Path, region: int) -> None:
    mesh, objects = recording().mesh, recording().scene.objects
    row = {tuple(xyz): number for number, xyz in enumerate(mesh.xyz.astype(float))}
    points = load(scans, region).points
    assert points.labels is not None and points.instances is not None and points.segments is not None
    rows = np.array([row[tuple(xyz)] for xyz in points.xyz])
    assert (points.instances == mesh.object_id[rows]).all()
    assert [points.label_names[label] for label in points.labels] == [objects[k].label for k in points.instances]
    assert set(points.label_names) == set(points.labels)
    assert (points.segments == mesh.segment[rows]).mean() > 0.8  # where segments meet, a point has the most frequent


def test_a_region_has_the_cameras_strictly_inside_its_box_by_name(scans: Path) -> None:
    """openscene.md 2.4"""
    cameras, scene = read_conf(conf(scans)), load(scans)
    low, high = scene.points.xyz.min(axis=0), scene.points.xyz.max(axis=0)
    inside = [
        name.removesuffix(".jpg")
        for name, pose in zip(cameras.color, cameras.camera_to_world, strict=True)
        if all(low[axis] < pose[axis, 3] < high[axis] for axis in range(3))
    ]
    assert [frame.name for frame in scene.frames] == sorted(inside) and inside


def test_a_region_without_a_camera_has_the_nearest_of_the_house(scans: Path) -> None:
    scene = load(scans, 1)
    assert len(scene.frames) == 8
    assert "no camera inside the region's box: the nearest 8 of the house" in scene.findings


def test_a_camera_on_the_side_of_the_box_is_not_inside() -> None:
    corners = np.array([[0.0, 0, 0], [2, 2, 2]])
    centres = np.array([[1.0, 1, 1], [2, 1, 1], [1, 0, 1], [1.9, 1.9, 0.1], [3, 1, 1]])
    assert cameras_inside(centres, corners) == [0, 3]


def test_the_nearest_are_a_hundred_at_most_and_the_earlier_name_of_two_as_near() -> None:
    centres = np.zeros((2 * NEAREST, 3))
    centres[:, 0] = np.arange(2 * NEAREST) // 2  # two at each distance
    names = [f"{chr(ord('b') - row % 2)}{row:03d}" for row in range(2 * NEAREST)]
    corners = np.array([[-1.0, -1, -1], [1, 1, 1]])
    nearest = cameras_nearest(centres, names, corners)
    assert len(nearest) == 100 and nearest[:4] == [1, 0, 3, 2]
    assert cameras_nearest(centres[:7], names[:7], corners) == [1, 0, 3, 2, 5, 4, 6]


def test_stride_and_limit_choose_among_the_frames_of_the_region(scans: Path) -> None:
    names = [frame.name for frame in load(scans, 1).frames]
    assert [frame.name for frame in load(scans, 1, frame_stride=3).frames] == names[::3]
    assert [frame.name for frame in load(scans, 1, frame_limit=2).frames] == [names[0], names[-1]]


def test_cy_counts_from_the_last_row(tmp_path: Path) -> None:
    """The .conf and matterport_camera_intrinsics of one camera: 509.202 from the bottom is 513.798 from the top."""
    path = tmp_path / "house.conf"
    path.write_text(
        "dataset matterport\nn_images 1\n\nintrinsics_matrix 1076.45 0 631.116  0 1077.19 509.202  0 0 1\n"
        "scan a_d0_0.png a_i0_0.jpg 0.90525 0.275848 0.323155 -2.99825 0.42464 -0.612795 -0.666455 -14.4532"
        " 0.0141878  0.740533 -0.67187 1.33124 0 0 0 1\n"
    )
    cameras = read_conf(path)
    assert cameras.camera(0, 1280, 1024, "bottom").cy == pytest.approx(513.798)
    assert cameras.camera(0, 1280, 1024, "top").cy == 509.202
    assert cameras.color == ("a_i0_0.jpg",) and cameras.depth == ("a_d0_0.png",)
    forward, down = cameras.camera_to_world[0, :3, 2], cameras.camera_to_world[0, :3, 1]
    np.testing.assert_allclose(forward, [-0.323155, 0.666455, 0.67187])  # OpenGL's z points backward
    np.testing.assert_allclose(down, [-0.275848, 0.612795, -0.740533])


def test_compat_has_the_camera_and_the_visibility_of_openscene(scans: Path, store: Database) -> None:
    """Appendix G: K = (1076, 1076.5, 629.3, 509.1) is (538, 538.25, 314.403987, 254.301173) at 640x512."""
    [first, *_] = load(scans, y_origin="top").frames
    full = replace(first, camera=Camera(1280, 1024, 1076, 1076.5, 629.3, 509.1))
    camera = CONSTANTS["matterport"].frame(full).camera
    expected = (538.0, 538.25, 314.403987, 254.301173)
    np.testing.assert_allclose((camera.fx, camera.fy, camera.cx, camera.cy), expected, atol=1e-6)
    arguments = ["--scene", f"{HOUSE}_region0", "--compat", "openscene", "--encoder", "color_words"]
    result = ovstore(store, "ingest", "matterport", scans, *arguments)
    assert result.exit_code == 0, result.output
    [scene] = catalog.scenes(store)
    assert catalog.load_frames(store, scene.id)[0].camera == first.camera
    [found] = catalog.feature_sets(store)
    assert found.recipe["geometry"]["dataset"]["options"]["y_origin"] == "top"
    visibility = found.recipe["geometry"]["visibility"]
    assert (visibility["depth_tolerance"], visibility["border"], visibility["compat"]) == (0.02, 10, True)


def test_labels_of_a_set_are_the_classes_of_the_raw_ones(scans: Path) -> None:
    table = (scans / "metadata/category_mapping.tsv").read_text().splitlines()
    nyu40 = {int(row.split("\t")[0]): row.split("\t")[5] for row in table[1:]}
    names = {"1": "wall", "2": "floor", "22": "ceiling", "39": "other", "5": "chair"}
    raw, grouped = load(scans).points, load(scans, labels="21").points
    assert raw.labels is not None and grouped.labels is not None and len(grouped.label_names) == 21
    for label, of_set in zip(raw.labels.tolist(), grouped.labels.tolist(), strict=True):
        expected = names.get(nyu40[label])
        assert expected is None or grouped.label_names[of_set] == expected
        assert nyu40[label] not in ("38", "40") or of_set == -1


def test_without_a_table_raw_labels_are_numbers_and_sets_ask_for_it(scans: Path, tmp_path: Path) -> None:
    table = scans / "metadata/category_mapping.tsv"
    elsewhere = table.rename(tmp_path / "categories of mine.tsv")
    scene = load(scans)
    assert scene.points.label_names[1] == "category 1"
    assert "no category_mapping.tsv: labels are numbers of categories" in scene.findings
    with pytest.raises(BadScene, match=r"--labels 40 is derived from category_mapping\.tsv.*--mapping"):
        load(scans, labels="40")
    assert load(scans, mapping=str(elsewhere)).points.label_names[1] == "wall"
    elsewhere.rename(scans.parent / "category_mapping.tsv")  # above the houses, found from one of them too
    assert load(scans / HOUSE).points.label_names[1] == "wall"


def test_categories_that_the_table_does_not_have_are_no_label(scans: Path) -> None:
    rewrite(scans / "metadata/category_mapping.tsv", "\n1\twall", "\n9000\twall")
    scene = load(scans)
    assert "no row in category_mapping.tsv for category 1: no label" in scene.findings
    assert 1 not in scene.points.label_names and scene.points.labels is not None and -1 in scene.points.labels


def test_splits_are_those_of_the_lists_else_of_the_benchmark(scans: Path) -> None:
    assert {split: len(houses) for split, houses in HOUSES.items()} == {"train": 61, "val": 11, "test": 18}
    assert load(scans).split == "train"
    (scans / "scenes_train.txt").write_text("another\n")
    (scans / "scenes_test.txt").write_text(f"x {HOUSE}\n")
    assert load(scans).split == "test"
    for split in ("train", "val", "test"):
        (scans / f"scenes_{split}.txt").unlink(missing_ok=True)
    assert load(scans).split is None
    (scans / HOUSE).rename(scans / "2azQ1b91cZZ")
    assert load(scans, house="2azQ1b91cZZ").split == "val"  # its .conf, the only one, still has the other name


def test_houses_are_found_where_people_unpack_them(scans: Path) -> None:
    names = [f"{HOUSE}_region0", f"{HOUSE}_region1"]
    house, expected = scans / HOUSE, load(scans).points.xyz
    for root in (scans, scans.parent, house):
        assert matterport.scene_names(root, Options()) == names
    nested = house / HOUSE
    nested.mkdir()
    for part in ("region_segmentations", "undistorted_color_images", "undistorted_depth_images"):
        (house / part).rename(nested / part)  # the .zip was unpacked in the folder it was downloaded to
    cameras = house / "undistorted_camera_parameters"
    cameras.rename(house / "unpacked")
    (cameras / HOUSE).mkdir(parents=True)
    (house / "unpacked").rename(cameras / HOUSE / cameras.name)  # ... into a folder of its own name
    for root in (scans, house):
        assert matterport.scene_names(root, Options()) == names
        np.testing.assert_array_equal(load(root).points.xyz, expected)


def test_depth_and_pictures_that_are_missing_are_counted(scans: Path) -> None:
    names = [frame.name for frame in load(scans, 0, views="house").frames]
    (scans / HOUSE / "undistorted_depth_images" / f"{names[2].replace('_i', '_d')}.png").unlink()
    (scans / HOUSE / "undistorted_color_images" / f"{names[5]}.jpg").unlink()
    scene = check_scene(load(scans, 0, views="house"))
    assert [frame.depth_path is None for frame in scene.frames] == [k == 2 for k in range(7)]
    assert any(f.startswith("1 of 8 frames skipped: no image in undistorted_color_images (") for f in scene.findings)
    assert "1 of 7 frames have no depth" in scene.findings
    shutil.rmtree(scans / HOUSE / "undistorted_depth_images")
    assert "7 of 7 frames have no depth" in load(scans, 0, views="house").findings


def test_a_pose_that_is_lost_and_a_count_that_is_off_are_said(scans: Path) -> None:
    lines = conf(scans).read_text().splitlines()
    scan = next(number for number, line in enumerate(lines) if line.startswith("scan"))
    words = lines[scan].split()
    lines[scan] = " ".join([*words[:3], *["-inf"] * 16])
    conf(scans).write_text("\n".join(lines).replace("n_images 8", "n_images 90"))
    scene = load(scans, views="house")
    assert len(scene.frames) == 7
    assert any(f.startswith("1 of 8 frames skipped: no valid camera_to_world (") for f in scene.findings)
    assert "the .conf announces 90 images and lists 8" in scene.findings


def test_the_kind_of_room_is_told(scans: Path) -> None:
    path = scans / HOUSE / "house_segmentations" / f"{HOUSE}.house"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("R 1")]
    lines = [line.replace(line.split()[5], "v", 1) if line.startswith("R 0") else line for line in lines]
    path.write_text("\n".join(lines))
    assert "kind of room: tv room" in load(scans).findings
    assert not any("kind of room" in finding for finding in load(scans, 1).findings)
    path.unlink()
    assert not any("kind of room" in finding for finding in load(scans).findings)


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("scan ", "scan a.png b.jpg 1 2 3\nscan ", r"line 7: 'scan a\.png b\.jpg 1 2 3' does not end with 16 numbers"),
        ("scan ", "scan a.png b.jpg" + " x" * 16 + "\nscan ", "does not end with 16 numbers"),
        ("intrinsics_matrix ", "intrinsics_matrix 5 ", "line 6: .* does not end with 9 numbers"),
        ("intrinsics_matrix", "# matrix", "line 7: a scan before any intrinsics_matrix"),
        ("scan ", "scam ", r"no line 'scan DEPTH\.png COLOR\.jpg'"),
        (" 0 0 0 1\n", " 0 0 1 1\n", "last row is not 0 0 0 1"),
        ("intrinsics_matrix ", "intrinsics_matrix nan 0 1 0 1 1 0 0 1\n#", "intrinsics .nan, 1.0, 1.0, 1.0.; finite"),
    ],
)
def test_a_wrong_conf_is_one_sentence(scans: Path, old: str, new: str, said: str) -> None:
    rewrite(conf(scans), old, new)
    with pytest.raises(BadScene, match=said):
        load(scans)


def test_a_region_with_other_numbers_of_faces_is_read_without_them(scans: Path) -> None:
    path = scans / HOUSE / "region_segmentations/region0.ply"
    path.write_bytes(path.read_bytes().replace(b"category_id", b"category_no"))
    scene = load(scans)
    assert scene.points.labels is None and scene.points.instances is not None
    assert "region0.ply has faces without category_id: no labels" in scene.findings


@pytest.mark.parametrize("region", ["", "_region", "_region7", "_region00", "_regionx", "_region٣"])
@pytest.mark.parametrize("house", [HOUSE, "../scans/scene0000_00", "a/b", "'\"", "🏠", "x" * 300, "\0", ""])
def test_a_scene_that_is_not_there_is_one_sentence(scans: Path, house: str, region: str) -> None:
    with pytest.raises(BadScene, match=r"no house of that name|no region7\.ply"):
        matterport.load_scene(scans, house + region, Options(), scans / "unpacked")


def test_what_is_missing_is_named(scans: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no Matterport3D house.*region_segmentations/region0\.ply"):
        matterport.scene_names(tmp_path, Options())
    conf(scans).unlink()
    with pytest.raises(BadScene, match=rf"no {HOUSE}\.conf with the cameras of the house"):
        load(scans)
    shutil.rmtree(conf(scans).parent)
    with pytest.raises(BadScene, match="no folder undistorted_camera_parameters; download and unzip it there"):
        load(scans)
    (scans / HOUSE / "undistorted_camera_parameters.zip").touch()
    with pytest.raises(BadScene, match=r"undistorted_camera_parameters\.zip is not unpacked; unzip it there"):
        load(scans)


def test_links_stay_inside_the_house_unless_allowed(scans: Path, tmp_path: Path) -> None:
    (scans / HOUSE).rename(tmp_path / "house")
    os.symlink(tmp_path / "house", scans / HOUSE)  # a house may lie on another disk
    assert load(scans).frames
    (scans / HOUSE / "undistorted_color_images").rename(tmp_path / "pictures")
    os.symlink(tmp_path / "pictures", tmp_path / "house/undistorted_color_images")
    with pytest.raises(BadScene, match="--follow-links"):
        load(scans)
    assert load(scans, follow_links=True).frames


def test_a_conf_cannot_name_files_elsewhere(scans: Path, tmp_path: Path) -> None:
    """Names are held against what lies in the folder: a path is none of those."""
    name = read_conf(conf(scans)).color[0]
    shutil.copy(scans / HOUSE / "undistorted_color_images" / name, tmp_path / "secret.jpg")
    rewrite(conf(scans), f" {name} ", f" {tmp_path}/secret.jpg ")
    said = f"1 of 8 frames skipped: no image in undistorted_color_images ({tmp_path}/secret.jpg"
    assert any(f.startswith(said[:100]) for f in load(scans, views="house").findings)


def test_plyfile_reads_the_same_mesh(scans: Path) -> None:
    plyfile = pytest.importorskip("plyfile", reason="the referee of .ply files")
    path = scans / HOUSE / "region_segmentations/region1.ply"
    mesh, points = plyfile.PlyData.read(path), load(scans, 1).points
    assert [p.name for p in mesh["face"].properties] == ["vertex_indices", "material_id", "segment_id", "category_id"]
    assert " ".join(p.name for p in mesh["vertex"].properties) == "x y z nx ny nz tx ty red green blue"
    np.testing.assert_array_equal(np.stack([mesh["vertex"][axis] for axis in "xyz"], axis=1), points.xyz)
    np.testing.assert_array_equal(np.stack(mesh["face"]["vertex_indices"]), points.faces)
    assert points.labels is not None and points.faces is not None
    assert (points.labels[points.faces[:, 0]] == mesh["face"]["category_id"]).all()
