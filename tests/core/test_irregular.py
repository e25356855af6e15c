"""An entry that exists but is no regular file is refused by its name, in every layout: it never counts as absent."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import ovstore
import pytest
from ovstore.core import plugins
from ovstore.core.arrays import map_npy
from ovstore.core.errors import BadInput, OvstoreError
from ovstore.core.listing import entries, matching, walk
from ovstore.core.regular import is_file, is_folder
from ovstore.ingest.files import json_rows, ply, whole, zip_members
from ovstore.ingest.generated.folder import FolderOptions, generate_set
from ovstore.models import pictures, safe_load
from ovstore.models.precomputed import arrays

SMALL = FolderOptions(frames=3, color_size=(48, 36), depth_size=(48, 36), spacing=0.15, clutter=0.2)


def broken_link(path: Path) -> None:
    path.symlink_to("nowhere")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # its path may be no longer than 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


IRREGULAR: list[Callable[[Path], None]] = [broken_link, pipe, unix_socket, device, circle]


@pytest.mark.parametrize("make", IRREGULAR)
def test_listing_a_folder_names_what_is_neither_file_nor_folder(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "0.jpg").touch()
    make(tmp_path / "1.jpg")
    for listing in (entries, lambda folder: matching(folder, "*.jpg"), lambda folder: list(walk(folder))):
        with pytest.raises(BadInput, match=r"1\.jpg"):
            listing(tmp_path)
    for question in (is_file, is_folder):
        with pytest.raises(BadInput, match=r"1\.jpg"):
            question(tmp_path / "1.jpg")


def test_what_is_there_and_what_is_not_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    assert is_file(tmp_path / "file") and is_file(tmp_path / "link") and not is_file(tmp_path / "nothing")
    assert is_folder(tmp_path / "folder") and not is_folder(tmp_path / "file") and not is_file(tmp_path / "file/below")
    with pytest.raises(BadInput, match="folder is a folder; a file was expected"):
        is_file(tmp_path / "folder")


READERS: dict[str, Callable[[Path], object]] = {
    "a.bin": lambda path: whole.read_bytes(path, 100),
    "a.json": lambda path: list(json_rows.read_json_rows(path)),
    "a.ply": ply.read_ply,
    "a.zip": zip_members.ZipMembers,
    "a.npy": map_npy,
    "b.npy": arrays.array,
    "a.npz": arrays.array,
    "a.safetensors": arrays.array,
    "a.pt": arrays.array,
    "a.png": pictures.read_image,
    "b.pt": safe_load.read_state_dict,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("make", IRREGULAR)
def test_no_reader_waits_for_a_pipe_or_reads_a_device(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / name)
    with pytest.raises(OvstoreError, match=name):
        READERS[name](tmp_path / name)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name -> a folder of one generated scan in that format, made once."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "scans"
            generate_set(name, made[name], 1, 4, SMALL)
        return made[name]

    return folder


@pytest.mark.parametrize("make", [broken_link, pipe])
@pytest.mark.parametrize("name", plugins.names("ingest.generated.formats"))
def test_a_broken_entry_of_a_scan_is_named_and_never_replaced(
    name: str, make: Callable[[Path], None], scans: Callable[[str], Path], tmp_path: Path
) -> None:
    """One file of each kind in turn: the whole scan is read, or refused by that name; never the scan without it."""
    pytest.importorskip("embreex", reason="needs the extra 'generate'")
    root = scans(name)
    whole, silent = outcome(name, root, tmp_path / "whole"), []
    for number, path in enumerate(one_of_each_kind(root)):
        kept = path.read_bytes()
        path.unlink()
        without = outcome(name, root, tmp_path / f"without {number}")
        make(path)
        try:
            said = outcome(name, root, tmp_path / f"broken {number}")
        finally:
            path.unlink()
            path.write_bytes(kept)
        if without != whole and path.name not in said:
            silent.append(f"{path.relative_to(root)}: {said[:200]}")
    assert not silent


def one_of_each_kind(root: Path) -> list[Path]:
    """The files of a scan: of many with one ending in one folder, the second."""
    kinds: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        kinds.setdefault((path.parent, path.suffix if len(list(path.parent.iterdir())) > 20 else path.name), []).append(
            path
        )
    return [paths[min(1, len(paths) - 1)] for paths in kinds.values()]


def outcome(name: str, root: Path, unpacked: Path) -> str:
    """The error that the scan meets, or what it holds."""
    dataset = plugins.load("ingest.datasets", name)
    options = dataset.Options()
    try:
        scene = dataset.load_scene(root, dataset.scene_names(root, options)[0], options, unpacked)
    except OvstoreError as error:
        return str(error)
    points, labels = scene.points, scene.points.labels
    named = "" if labels is None else f"{labels.sum()} {points.label_names}"
    frames = " ".join(f"{frame.name} {frame.depth_path is not None}" for frame in scene.frames)
    return (
        f"{len(points)} points {points.xyz.sum()} {named} {points.rgb is None} {frames} {scene.split} {scene.findings}"
    )


def test_a_broken_cloud_is_not_replaced_by_points_from_depth(tmp_path: Path) -> None:
    import toy_room
    from ovstore.ingest.datasets import rgbd

    room = toy_room.write(tmp_path / "room", 3)
    (room / "cloud.ply").unlink(missing_ok=True)
    (room / "cloud.ply").symlink_to("../cloud.ply")
    with pytest.raises(BadInput, match=r"cloud\.ply: a broken link, to \.\./cloud\.ply: restore its target"):
        rgbd.load_scene(room, "room", rgbd.Options(), tmp_path / "unpacked")


def test_no_layout_asks_whether_an_entry_is_there_in_another_way() -> None:
    """`Path.is_file` says no of a broken link; what is excepted looks at listed entries, or at files of our own."""
    excepted = {"rgbd/layout.py", "scannet/unpack.py", "openscene/export.py"}
    ingest = Path(ovstore.__file__).parent / "ingest"
    for part in ("datasets", "formats"):
        for path in (ingest / part).rglob("*.py"):
            if f"{path.parent.name}/{path.name}" not in excepted:
                assert not re.search(r"\.(is_file|is_dir|exists)\(\)", path.read_text()), path
