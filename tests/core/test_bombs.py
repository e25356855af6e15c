"""Small files that ask for much memory or work are refused within a second and 500 MB, by every reader of such files.

Each reader runs in a child of its own that may take no more memory: without its budget it would end in MemoryError.
"""

import gzip
import io
import json
import multiprocessing
import os
import pickle
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ovstore.core.arrays import map_npy
from ovstore.core.errors import OvstoreError
from ovstore.evaluation.labels import label_files, name_tables
from ovstore.ingest.datasets import nerfstudio
from ovstore.ingest.files import json_text, numbers_text, obj, pose_rows, zip_members
from ovstore.ingest.files.clouds import read_cloud
from ovstore.ingest.files.images import read_depth
from ovstore.ingest.formats.colmap import model
from ovstore.ingest.formats.nuscenes.labels import read_panoptic
from ovstore.ingest.formats.openscene import files as openscene_files
from ovstore.ingest.formats.scannet import sens
from ovstore.models import safe_load
from ovstore.models.precomputed import arrays
from ovstore.models.training import configs

SECONDS, MEGABYTES = 1.0, 500


def pt(path: Path, content: bytes) -> None:
    """A PyTorch archive with that pickle and nothing beside it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", content)
        archive.writestr("a/version", "3\n")
        archive.writestr("a/byteorder", "little")


def bytearray_of(path: Path) -> None:
    pt(path, b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (9 * 10**9).to_bytes(5, "little") + b"\x85R.")


def bytearray_of_older_torch(path: Path) -> None:
    torch.save({}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    number = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05" + (9 * 10**9).to_bytes(5, "little") + b"\x85R."
    path.write_bytes(whole.replace(pickle.dumps({}, 2), number, 1))


def text_doubled(path: Path, name: bytes = b"hex") -> None:
    """x = encode(x, 'hex') thirty-four times: 2 bytes become 34 GB."""
    encode, codec = b"c_codecs\nencode\n", b"X" + len(name).to_bytes(4, "little") + name
    first = encode + b"X\x02\x00\x00\x00aaX\x06\x00\x00\x00latin1\x86R"
    step = b"q\x01" + encode + b"h\x01" + codec + b"\x86R"
    pt(path, b"\x80\x02" + first + step * 34 + b".")


def text_doubled_by_a_long_name(path: Path) -> None:
    """Python passes over signs in the name of a codec."""
    text_doubled(path, b"hex" + b"-" * 200)


def lists_of_lists(path: Path) -> None:
    """1000 times the same list of 1000 times the same list of 1000 arrays."""
    part: list = [np.zeros(1, np.float32)] * 1000
    for _ in range(2):
        part = [part] * 1000
    pt(path, pickle.dumps(part, 2))


def opcodes(path: Path) -> None:
    pt(path, b"\x80\x02(" + b"]" * 20_000_000 + b"l.")


def stretched(path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(3_000_000_000)}, path)


def npy_header(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000_000))
        file.truncate(4_000_000_100)


def npy_claim(path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 8)})
    path.write_bytes(stream.getvalue() + bytes(64))


def inflating_npz(path: Path) -> None:
    """3 MB that inflate to 600 MB; the zeros are compressed block by block."""
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 10, 1 << 10, 150)}
    np.lib.format.write_array_header_1_0(stream, header)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("data.npy", "w", force_zip64=True) as member,
    ):
        member.write(stream.getvalue())
        for _ in range(150):
            member.write(bytes(4 << 20))


def inflating_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(2):
            archive.writestr(f"{number}.jpg", bytes(150 << 20))


def ply(path: Path, header: str, body: bytes) -> None:
    path.write_bytes(f"ply\nformat binary_little_endian 1.0\n{header}end_header\n".encode() + body)


VERTEX = "element vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
FACE = "property list uchar int vertex_indices\n"


def empty_faces(path: Path) -> None:
    ply(path, f"{VERTEX}element face 20000000\n{FACE}", bytes(36) + bytes(20_000_000))


def one_face_then_empty_ones(path: Path) -> None:
    first = b"\x03" + struct.pack("<3i", 0, 1, 2)
    ply(path, f"{VERTEX}element face 20000001\n{FACE}", bytes(36) + first + bytes(20_000_000))


def ply_claim(path: Path) -> None:
    ply(path, VERTEX.replace("3", "900000000000", 1), bytes(36))


def json_lists(path: Path) -> None:
    path.write_bytes(b"[" + b"[]," * 10_000_000 + b"[]]")


def json_numbers(path: Path) -> None:
    path.write_bytes(b"[" + b"0.5," * 30_000_000 + b"1]")


def deep_json(path: Path) -> None:
    path.write_bytes(b"[" * 900_000 + b"]" * 900_000)


def deep_toml(path: Path) -> None:
    path.write_text("a = " + "[" * 40_000 + "]" * 40_000)


def long_names(path: Path) -> None:
    path.write_text(json.dumps({"1": "x" * 200_000_000}))


def many_frames(path: Path) -> None:
    frame = '{"file_path":"images/%d.png","transform_matrix":[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}'
    path.write_text('{"fl_x":5,"frames":[' + ",".join(frame % number for number in range(1_000_000)) + "]}")


def frames_that_are_missing(path: Path) -> None:
    frame = '{"file_path":"images/%d","transform_matrix":[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]}'
    path.write_text('{"fl_x":5,"frames":[' + ",".join(frame % number for number in range(100_000)) + "]}")


def safetensors_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 8 << 30) + b"{" + bytes(100))


def safetensors_claim(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4 << 40]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


def safetensors_f4(path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(2))


def colmap_count(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + bytes(100))


def sens_frames(path: Path) -> None:
    lens = struct.pack("<16f", *np.eye(4).ravel()) * 4
    path.write_bytes(struct.pack("<IQ", 4, 1 << 50) + lens + bytes(200))


def obj_lines(path: Path) -> None:
    path.write_bytes(b"\n" * 60_000_000)


def text_lines(path: Path) -> None:
    path.write_bytes(b"1\n" * 60_000_000)


def exploding_pgm(path: Path) -> None:
    path.write_bytes(b"P5 100000 100000 65535\n" + bytes(100))


def panoptic(path: Path) -> None:
    inflating_npz(path)


def label_set(path: Path) -> None:
    path.write_bytes(b"[" + b"[]," * 20_000_000 + b"[]]")


def wide_table(path: Path) -> None:
    path.write_bytes(b"id\tname\n" + b"\t\n" * 10_000_000)


def zarr_claim(path: Path) -> None:
    path.mkdir()
    about = {
        "zarr_format": 2, "shape": [1 << 30, 1 << 10], "chunks": [1 << 30, 1 << 10], "dtype": "<f4", "order": "C",
        "compressor": {"id": "gzip", "level": 5}, "fill_value": 0, "filters": None,
    }  # fmt: skip
    (path / ".zarray").write_text(json.dumps(about))
    (path / "0.0").write_bytes(gzip.compress(bytes(1 << 20)))


def _nerfstudio(path: Path) -> object:
    return nerfstudio.load_scene(path.parent, path.parent.name, nerfstudio.Options(), path.parent / "unpacked")


def _read_members(path: Path) -> object:
    members = zip_members.ZipMembers(path)
    return [len(members.read(name)) for name in members]


CASES: list[tuple[str, Callable[[Path], None], Callable[[Path], object]]] = [
    ("a.pt", bytearray_of, safe_load.read_state_dict),
    ("a.pt", bytearray_of, arrays.array),
    ("a.pt", bytearray_of_older_torch, safe_load.read_state_dict),
    ("a.pt", text_doubled, safe_load.read_state_dict),
    ("a.pt", text_doubled_by_a_long_name, safe_load.read_state_dict),
    ("a.pt", lists_of_lists, arrays.array),
    ("a.pt", lists_of_lists, safe_load.read_state_dict),
    ("a.pth", lists_of_lists, lambda path: openscene_files.read_points(path, {})),
    ("a.pt", opcodes, safe_load.read_state_dict),
    ("a.pt", stretched, safe_load.read_state_dict),
    ("a.npy", npy_header, map_npy),
    ("a.npy", npy_header, arrays.array),
    ("a.npy", npy_claim, map_npy),
    ("a.npy", npy_claim, arrays.array),
    ("a.npz", inflating_npz, arrays.array),
    ("a.npz", panoptic, lambda path: read_panoptic(path, 100)),
    ("a.zip", inflating_zip, _read_members),
    ("a.ply", empty_faces, read_cloud),
    ("a.ply", one_face_then_empty_ones, read_cloud),
    ("a.ply", ply_claim, read_cloud),
    ("a.json", json_lists, json_text.read_json),
    ("a.json", json_numbers, json_text.read_json),
    ("a.json", deep_json, json_text.read_json),
    ("a.json", long_names, json_text.read_label_names),
    ("a.toml", deep_toml, lambda path: configs.named(str(path))),
    ("transforms.json", many_frames, _nerfstudio),
    ("transforms.json", frames_that_are_missing, _nerfstudio),
    ("a.safetensors", safetensors_header, safe_load.read_state_dict),
    ("a.safetensors", safetensors_claim, safe_load.read_state_dict),
    ("a.safetensors", safetensors_f4, safe_load.read_state_dict),
    ("a.safetensors", safetensors_f4, arrays.array),
    ("points3D.bin", colmap_count, model.read_points),
    ("a.sens", sens_frames, sens.read_recording),
    ("a.obj", obj_lines, obj.read_obj),
    ("a.txt", text_lines, numbers_text.read_rows),
    ("a.txt", text_lines, pose_rows.read_pose_rows),
    ("a.pgm", exploding_pgm, lambda path: read_depth(path, 1000.0)),
    ("a.json", label_set, lambda path: label_files.load(str(path))),
    ("a.tsv", wide_table, lambda path: name_tables.read_table(path, ["id", "name"])),
    ("a.zarr", zarr_claim, arrays.array),
]


@pytest.mark.parametrize(
    ("name", "make", "read"), CASES, ids=[f"{make.__name__} {number}" for number, (_, make, _) in enumerate(CASES)]
)
def test_a_file_that_asks_for_much_is_refused_at_once(
    name: str, make: Callable[[Path], None], read: Callable[[Path], object], tmp_path: Path
) -> None:
    make(tmp_path / name)
    seconds, said = _in_a_child(read, tmp_path / name)
    assert said.startswith("refused: ") and name.partition(".")[0] in said, said
    assert "\n" not in said and len(said) < 1000
    assert seconds < 5 * SECONDS, f"{seconds:.1f} s"  # of a machine that others use too


def _in_a_child(read: Callable[[Path], object], path: Path) -> tuple[float, str]:
    receive, send = multiprocessing.Pipe(duplex=False)

    def work() -> None:
        status = Path("/proc/self/status").read_text().splitlines()
        held = int(next(line for line in status if line.startswith("VmData")).split()[1]) << 10
        resource.setrlimit(resource.RLIMIT_DATA, (held + (MEGABYTES << 20),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        began = time.process_time()
        try:
            read(path)
            said = "read as if nothing were wrong"
        except OvstoreError as error:
            said = f"refused: {error}"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        send.send((time.process_time() - began, said))
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    send.close()
    try:
        seconds, said = receive.recv()
    except EOFError:
        seconds, said = 0.0, "the child died"
    child.join()
    return float(seconds), str(said)
