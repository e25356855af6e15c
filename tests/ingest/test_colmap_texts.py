"""Models that other tools wrote: keypoints, tracks or marks that COLMAP's own files have or lack."""

import shutil
from pathlib import Path

import generated_room
import numpy as np
import pytest
from colmap_room import as_text, load
from ovstore.core.errors import BadInput, BadScene
from ovstore.ingest.datasets.colmap import Options
from ovstore.ingest.formats.colmap.model import read_images, read_keypoints
from scipy.spatial.transform import Rotation

SHARED = Path(__file__).parents[3] / "shared" / "data" / "colmap_maupertuis"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_room.write("colmap", tmp_path_factory.mktemp("colmap") / "room")


@pytest.fixture
def room(original: Path, tmp_path: Path) -> Path:
    """A copy as text that a test may change."""
    copy = shutil.copytree(original, tmp_path / "room")
    as_text(copy)
    return copy


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def without_keypoints(folder: Path) -> None:
    path = folder / "images.txt"
    path.write_text("\n".join(lines(path)[0::2]) + "\n")


def without_tracks(folder: Path) -> None:
    path = folder / "points3D.txt"
    path.write_text("".join(" ".join(line.split()[:8]) + "\n" for line in lines(path)))


def test_images_without_lines_of_keypoints_are_all_read(original: Path, room: Path) -> None:
    without_keypoints(room / "sparse/0")
    assert [frame.name for frame in load(room).frames] == [frame.name for frame in load(original).frames]


@pytest.mark.parametrize("kept", [{0}, {1, 3}, {7}])
def test_a_line_of_keypoints_that_some_images_lack_hides_none(original: Path, room: Path, kept: set[int]) -> None:
    path = room / "sparse/0/images.txt"
    pairs = list(zip(lines(path)[0::2], lines(path)[1::2], strict=True))
    path.write_text(
        "".join(f"{image}\n{points}\n" if n in kept else f"{image}\n" for n, (image, points) in enumerate(pairs))
    )
    assert read_images(path).names == read_images(original / "sparse/0/images.bin").names


def test_empty_lines_of_keypoints_are_lines(original: Path, room: Path) -> None:
    path = room / "sparse/0/images.txt"
    path.write_text("".join(f"{image}\n\n" for image in lines(path)[0::2]))
    assert read_images(path).names == read_images(original / "sparse/0/images.bin").names


def test_keypoints_read_the_same_from_both_kinds_of_file(original: Path, room: Path) -> None:
    names = frozenset(read_images(room / "sparse/0/images.txt").names[:3])
    text, binary = (
        read_keypoints(folder, names) for folder in (room / "sparse/0/images.txt", original / "sparse/0/images.bin")
    )
    assert set(text) == set(binary) == names
    for name in names:
        np.testing.assert_array_equal(text[name].uv, binary[name].uv)
        np.testing.assert_array_equal(text[name].point_ids, binary[name].point_ids)


def test_a_byte_order_mark_begins_no_line(original: Path, room: Path) -> None:
    for path in (room / "sparse/0").iterdir():
        path.write_text("\ufeff" + "\n".join(lines(path)) + "\n", encoding="utf-8")
    assert len(load(room).frames) == len(load(original).frames)
    assert len(load(room).points) == len(load(original).points)


def test_points_without_tracks_are_read(original: Path, room: Path) -> None:
    every = len(load(original, min_track=0).points)
    without_tracks(room / "sparse/0")
    for options in ({}, {"min_track": 1}, {"min_track": 0}):
        scene = load(room, **options)
        assert len(scene.points) == every
        assert any("none has a track" in finding for finding in scene.findings)


def test_a_negative_track_is_no_length() -> None:
    assert Options(min_track=0).min_track == 0
    with pytest.raises(BadInput, match="--min-track must be at least 0, not -1"):
        Options(min_track=-1)


def test_a_model_without_points_names_the_option_for_a_cloud(room: Path) -> None:
    (room / "sparse/0/points3D.txt").write_text("# Number of points: 0\n")
    with pytest.raises(BadScene, match=r"points3D\.txt: no points in it; .*--cloud"):
        load(room)


def test_points_fall_where_the_images_show_them(original: Path, room: Path) -> None:
    for folder in (original, room):
        (finding,) = {f for f in load(folder).findings if f.startswith("keypoints lie ")}
        assert float(finding.split()[2]) < 1, finding


def swapped(words: list[str]) -> list[str]:
    """The camera's position and turn in the world, where the way back was meant."""
    w, x, y, z, *move = map(float, words[1:8])
    turn = Rotation.from_quat([x, y, z, w]).inv()
    x, y, z, w = turn.as_quat()
    return [words[0], *map(repr, map(float, [w, x, y, z, *-turn.apply(move)])), *words[8:]]


def looking_back(words: list[str]) -> list[str]:
    """The camera's y and z turned round, as OpenGL has them."""
    w, x, y, z, *move = map(float, words[1:8])
    turn = Rotation.from_quat([1.0, 0, 0, 0]) * Rotation.from_quat([x, y, z, w])
    x, y, z, w = turn.as_quat()
    return [words[0], *map(repr, map(float, [w, x, y, z, move[0], -move[1], -move[2]])), *words[8:]]


@pytest.mark.parametrize(
    "spoil, said",
    [(swapped, "the poses mapped the camera into the world"), (looking_back, "the cameras looked along -z with y up")],
    ids=["inverse", "opengl"],
)
def test_poses_of_another_convention_are_refused(room: Path, spoil: object, said: str) -> None:
    path = room / "sparse/0/images.txt"
    text = lines(path)
    text[0::2] = [" ".join(spoil(line.split())) for line in text[0::2]]  # type: ignore[operator]
    path.write_text("\n".join(text) + "\n")
    with pytest.raises(BadScene, match=f"keypoints lie .* if {said}"):
        load(room)


def test_points_of_another_reconstruction_are_a_finding(room: Path) -> None:
    path = room / "sparse/0/points3D.txt"
    rows = [line.split() for line in lines(path)]
    xyz = [row[1:4] for row in rows]
    path.write_text(
        "".join(" ".join([row[0], *moved, *row[4:]]) + "\n" for row, moved in zip(rows, xyz[7:] + xyz[:7], strict=True))
    )
    assert any(f.endswith("may belong to another reconstruction") for f in load(room).findings)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data beside the checkout")
def test_a_real_model_reprojects_and_is_read_without_keypoints_and_tracks(tmp_path: Path) -> None:
    scene = load(shutil.copytree(SHARED, tmp_path / "whole"))
    assert any(f.startswith("keypoints lie 0.") for f in scene.findings)
    bare = shutil.copytree(SHARED, tmp_path / "bare")
    without_keypoints(bare / "sparse/0")
    without_tracks(bare / "sparse/0")
    scene = load(bare)
    assert (len(scene.frames), len(scene.points)) == (4, 1039)
