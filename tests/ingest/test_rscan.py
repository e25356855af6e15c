"""3RScan: recordings in archives, meshes with textures, objects with names."""

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import shared_case
from ovstore.core.errors import BadInput, BadScene
from ovstore.core.scene import Scene
from ovstore.ingest.checks.checks import check_scene
from ovstore.ingest.datasets import rscan
from ovstore.ingest.datasets.rscan import Options
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.files.obj import read_obj, sampled
from ovstore.ingest.files.ply import read_ply
from ovstore.ingest.files.zip_members import ZipMembers

pytest.importorskip("embreex", reason="needs the extra 'generate'")
import generated_room
from generated_room import contents, recording, tracked

EVERY = Options(frame_stride=1)
SCAN = "4acaebcc-6c10-2a2a-858b-29c7e4fb410d"


def write(root: Path, name: str = SCAN) -> Path:
    return generated_room.write("rscan", root / name)


def load(root: Path, name: str = SCAN, options: Options = EVERY) -> Scene:
    return rscan.load_scene(root, name, options, root / ".unpacked")


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    assert len(contents(write(tmp_path))) == 7
    scene, made = check_scene(load(tmp_path)), recording()
    assert [frame.name for frame in scene.frames] == [f"{number:06d}" for number in tracked()]
    assert "1 of 9 frames skipped: no valid camera_to_world (frame-000005)" in scene.findings
    for frame, number in zip(scene.frames, tracked(), strict=True):
        np.testing.assert_allclose(frame.camera_to_world, made.frames[number].camera_to_world, atol=1e-6)
        assert frame.image_path.read_bytes() == made.frames[number].jpeg
        assert frame.camera.matrix == pytest.approx(made.color_camera.matrix, rel=1e-5)
        assert frame.depth_camera is not None and frame.depth_path is not None
        assert frame.depth_camera.matrix == pytest.approx(made.depth_camera.matrix, rel=1e-5)
        assert np.abs(read_depth(frame.depth_path, frame.depth_scale) - made.frames[number].depth / 1000).max() < 1e-6


def test_points_have_the_objects_names_and_the_textures_colours(tmp_path: Path) -> None:
    write(tmp_path)
    points, made = load(tmp_path).points, recording()
    np.testing.assert_allclose(points.xyz, made.mesh.xyz, atol=1e-6)
    np.testing.assert_array_equal(points.rgb, made.mesh.rgb)  # not the .ply's, which tell objects apart
    np.testing.assert_array_equal(points.segments, made.mesh.segment)
    np.testing.assert_array_equal(points.instances, made.mesh.object_id + 1)
    assert points.labels is not None
    found = [points.label_names[label] for label in points.labels.tolist()]
    assert found == [made.scene.objects[i].label for i in made.mesh.object_id]


def test_object_0_is_none_and_objects_without_a_name_have_no_label(tmp_path: Path) -> None:
    folder = write(tmp_path)
    ply = folder / "labels.instances.annotated.v2.ply"
    nothing = (np.flatnonzero(recording().mesh.object_id == recording().mesh.object_id[0])).tolist()
    lines = ply.read_text().splitlines()
    first = lines.index("end_header") + 1
    for row in nothing:
        words = lines[first + row].split()
        words[6] = "0"
        lines[first + row] = " ".join(words)
    ply.write_text("\n".join(lines) + "\n")
    (folder / "semseg.v2.json").write_text(json.dumps({"segGroups": [{"id": 3, "label": "plant"}]}))
    points = load(tmp_path).points
    assert points.instances is not None and points.labels is not None
    assert (points.instances[nothing] == -1).all() and (np.delete(points.instances, nothing) > 0).all()
    assert points.label_names == {0: "plant"}
    np.testing.assert_array_equal(points.labels == 0, points.instances == 3)


def moved(folder: Path, degrees: float, shift: tuple[float, float]) -> None:
    """The labelled vertices, as in the world of another scan."""
    ply = folder / "labels.instances.annotated.v2.ply"
    head, body = ply.read_text().split("end_header\n", 1)
    count = int(head.split("element vertex ")[1].split()[0])
    lines, cos, sin = body.splitlines(), np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    for row in range(count):
        x, y, *rest = lines[row].split()
        x, y = cos * float(x) - sin * float(y) + shift[0], sin * float(x) + cos * float(y) + shift[1]
        lines[row] = " ".join([f"{x:.6f}", f"{y:.6f}", *rest])
    ply.write_text(head + "end_header\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize(("degrees", "shift"), [(40, (1.0, -0.5)), (0, (0.3, 0.0)), (0, (0.1, 0.1)), (5, (0.0, 0.0))])
def test_labels_in_another_world_than_the_mesh_are_refused(
    tmp_path: Path, degrees: float, shift: tuple[float, float]
) -> None:
    moved(write(tmp_path), degrees, shift)
    with pytest.raises(BadScene, match=r"annotated\.v2\.ply: \d+% of its vertices .* in another world than the mesh"):
        load(tmp_path)


def test_the_shared_labels_in_another_world_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "source")
    shared_case.make("rscan_labels_in_another_world", tmp_path / "source", tmp_path / "out")
    with pytest.raises(BadScene, match="in another world than the mesh"):
        load(tmp_path / "out")


def test_a_vertex_of_the_mesh_that_is_not_finite_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for name in ("labels.instances.annotated.v2.ply", "semseg.v2.json"):
        (folder / name).unlink()
    lines = (folder / "mesh.refined.v2.obj").read_text().splitlines()
    first = next(row for row, line in enumerate(lines) if line.startswith("v "))
    lines[first] = "v nan nan nan"
    (folder / "mesh.refined.v2.obj").write_text("\n".join(lines) + "\n")
    scene, made = check_scene(load(tmp_path)), recording()
    assert len(scene.points) == len(made.mesh.xyz) - 1 == len(scene.points.segments)
    assert f"1 of {len(made.mesh.xyz):,} points left out: not finite" in scene.findings


def test_labels_a_little_beside_the_mesh_are_taken(tmp_path: Path) -> None:
    folder = write(tmp_path)
    expected = load(tmp_path).points
    moved(folder, 0, (0.004, 0.0))
    assert (load(tmp_path).points.rgb == expected.rgb).all(axis=1).mean() > 0.98


def test_scans_of_the_test_split_have_a_mesh_without_labels(tmp_path: Path) -> None:
    folder = write(tmp_path)
    expected = load(tmp_path).points
    for name in ("labels.instances.annotated.v2.ply", "semseg.v2.json"):
        (folder / name).unlink()
    scene = load(tmp_path)
    np.testing.assert_allclose(scene.points.xyz, expected.xyz, atol=1e-6)
    np.testing.assert_array_equal(scene.points.faces, expected.faces)
    np.testing.assert_array_equal(scene.points.rgb, expected.rgb)
    assert scene.points.labels is None and "no labels: no labels.instances.annotated.v2.ply" in scene.findings


def test_the_unpacked_folder_is_the_same_recording(tmp_path: Path) -> None:
    folder = write(tmp_path)
    packed = load(tmp_path)
    with zipfile.ZipFile(folder / "sequence.zip") as archive:
        archive.extractall(folder / "sequence")
    unpacked = load(tmp_path)
    for one, other in zip(packed.frames, unpacked.frames, strict=True):
        assert one.image_path != other.image_path and other.image_path.is_relative_to(folder)
        assert one.image_path.read_bytes() == other.image_path.read_bytes()
        assert (one.name, one.camera, one.depth_camera) == (other.name, other.camera, other.depth_camera)
        np.testing.assert_array_equal(one.camera_to_world, other.camera_to_world)


def test_only_frames_that_are_used_are_unpacked_and_only_once(tmp_path: Path) -> None:
    write(tmp_path)
    options = Options(frame_stride=3, frame_limit=2)
    frames = load(tmp_path, options=options).frames
    paths = [path for frame in frames for path in (frame.image_path, frame.depth_path)]
    files = sorted(path for path in (tmp_path / ".unpacked").rglob("*") if path.is_file())
    assert files == sorted(paths) and len(files) == 4
    written_at = [path.stat().st_mtime_ns for path in files]
    load(tmp_path, options=options)
    assert [path.stat().st_mtime_ns for path in files] == written_at


def test_scans_know_their_split_and_rescans_that_of_their_reference(tmp_path: Path) -> None:
    write(tmp_path, "reference")
    write(tmp_path, "again")
    listing = [{"reference": "reference", "type": "validation", "scans": [{"reference": "again", "transform": []}]}]
    (tmp_path / "3RScan.json").write_text(json.dumps(listing))
    assert rscan.scene_names(tmp_path, EVERY) == ["again", "reference"]
    assert load(tmp_path, "again").split == load(tmp_path, "reference").split == "val"
    assert load(tmp_path / "again", "again").split == "val"


def test_frames_without_depth_or_pose_are_counted(tmp_path: Path) -> None:
    folder = write(tmp_path)
    with zipfile.ZipFile(folder / "sequence.zip") as archive:
        archive.extractall(folder / "sequence")
    (folder / "sequence/frame-000001.depth.pgm").unlink()
    (folder / "sequence/frame-000002.pose.txt").unlink()
    assert "2 of 9 pictures skipped: no depth or no pose (frame-000001, frame-000002)" in load(tmp_path).findings


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "sequence.zip").rename(tmp_path / "kept")
    with pytest.raises(BadScene, match=r"neither sequence\.zip nor a folder sequence"):
        load(tmp_path)
    (tmp_path / "kept").rename(folder / "sequence.zip")
    for name in ("labels.instances.annotated.v2.ply", "mesh.refined.v2.obj"):
        (folder / name).unlink()
    with pytest.raises(BadScene, match=r"neither labels\.instances\.annotated\.v2\.ply nor mesh\.refined\.v2\.obj"):
        load(tmp_path)
    with pytest.raises(BadScene, match="nowhere: no folder of that name"):
        load(tmp_path, "nowhere")
    with pytest.raises(BadInput, match="no 3RScan scan"):
        rscan.scene_names(tmp_path / ".unpacked", EVERY)


def packed(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def in_directory(archive: bytes, offset: int, value: bytes) -> bytes:
    """The archive with other bytes in the only entry of its central directory."""
    place = archive.index(b"PK\x01\x02") + offset
    return archive[:place] + value + archive[place + len(value) :]


PLAIN = packed(("_info.txt", b"m_depthShift = 1000\n"))
LONG = packed(("_info.txt", np.random.default_rng(0).bytes(5000)))


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (packed(("../../evil", b"")), r"its member '\.\./\.\./evil' leads out of it; nothing was unpacked"),
        (packed(("/etc/evil", b"")), "its member '/etc/evil' leads out of it"),
        (packed(("a/_info.txt", b""), ("b/_info.txt", b"")), "two members named '_info.txt'"),
        (in_directory(PLAIN, 8, struct.pack("<H", 1)), "_info.txt is encrypted; unpack the archive beside it"),
        (in_directory(PLAIN, 24, struct.pack("<I", 4_000_000_000)), "would be 4,000,000,000 bytes; at most 1,048,576"),
        (packed(("_info.txt", bytes(1 << 22))), "would be 4,194,304 bytes; at most 1,048,576 are unpacked"),
        (in_directory(PLAIN, 24, struct.pack("<I", 25)), "_info.txt does not have the 25 bytes"),
        (in_directory(PLAIN, 16, struct.pack("<I", 7)), "Bad CRC-32"),
        (LONG[:26] + b"\xff\x0f" + LONG[28:], "cannot be read as a .zip archive: .{,120}$"),
        (in_directory(PLAIN, 10, struct.pack("<H", 99)), "cannot be read as a .zip archive"),
        (PLAIN[:-10], "cannot be read as a .zip archive: File is not a zip file"),
        (packed(("elsewhere.txt", b"")), "no _info.txt in it"),
    ],
)  # fmt: skip
def test_archives_are_not_believed(tmp_path: Path, archive: bytes, said: str) -> None:
    (write(tmp_path) / "sequence.zip").write_bytes(archive)
    with pytest.raises(BadScene, match=said):
        load(tmp_path)
    assert not (tmp_path / ".unpacked").exists()


def test_archives_may_have_a_folder_and_what_macs_add(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(("sequence/_info.txt", b"x"), ("__MACOSX/sequence/._info.txt", b"y")))
    members = ZipMembers(tmp_path / "a.zip")
    assert list(members) == ["_info.txt"] and members.read("_info.txt") == b"x"


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ("m_colorWidth = 160\n", "m_colorHeight is 'missing'; a positive number is needed"),
        (None, "m_calibrationColorIntrinsic has 3 numbers for 160x120 pixels; 16, of a 4x4 matrix, were expected"),
    ],
)
def test_an_info_that_says_too_little_is_one_sentence(tmp_path: Path, info: str | None, said: str) -> None:
    folder = write(tmp_path)
    with zipfile.ZipFile(folder / "sequence.zip") as archive:
        archive.extractall(folder / "sequence")
    path = folder / "sequence/_info.txt"
    if info is None:
        lines = path.read_text().splitlines()
        info = "\n".join("m_calibrationColorIntrinsic = 1 2 3" if "ColorIntr" in line else line for line in lines)
    path.write_text(info)
    with pytest.raises(BadScene, match=said):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("f 1 2 3\n", "no vertices"),
        ("v 0 0\n", "a vertex without its 3 numbers"),
        ("v 0 0 0\nf 1 1 2\n", "refers to number 2; only 1 to 1 exist"),
        ("v 0 0 0\nf 1 1 1 1\n", "other than three corners"),
        ("v 0 0 0\nf a b c\n", "does not refer to vertices by number"),
    ],
)
def test_an_obj_that_cannot_be_read_is_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.obj").write_text(content)
    with pytest.raises(BadScene, match=said):
        read_obj(tmp_path / "a.obj")


def test_textures_are_counted_from_the_lower_left() -> None:
    texture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    uv = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [1.0, 1.0], [np.nan, np.nan]])
    assert sampled(texture, uv)[:, 0].tolist() == [6, 9, 0, 3, 128]


def test_other_readers_see_the_same_meshes(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="the referee for .obj files")
    folder = write(tmp_path)
    theirs, ours = trimesh.load(folder / "mesh.refined.v2.obj", process=False), read_obj(folder / "mesh.refined.v2.obj")
    np.testing.assert_array_equal(theirs.vertices[theirs.faces], ours.xyz[ours.faces])
    plyfile = pytest.importorskip("plyfile", reason="the referee for .ply files")
    path = folder / "labels.instances.annotated.v2.ply"
    np.testing.assert_array_equal(plyfile.PlyData.read(path)["vertex"]["objectId"], read_ply(path).vertices["objectId"])
