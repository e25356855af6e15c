"""The Matterport3D release: one scene per house, its room cut into two regions: cameras, images, depth, meshes.

Region 0 is where the cameras stand; region 1 is the end of the room that most look at, beyond them all, so that no
camera is inside it.
Pictures whose pose was lost are left out: the release has none.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ....core.scene import Camera
from ...formats.scannet.nyu40 import NYU40
from ..catalogue import class_names
from ..kinds import KINDS
from ..recording import Recording

NEXT = "ovstore ingest matterport {path}"
_SHELL = {"wall": 1, "floor": 2, "ceiling": 22}
_CATEGORIES = (*_SHELL, *class_names())  # in the order of their index, from 1 on
_COLUMNS = (
    "index", "raw_category", "category", "count", "nyuId", "nyu40id", "eigen13id", "nyuClass", "nyu40class",
    "eigen13class", "ModelNet40", "ModelNet10", "ShapeNetCore55", "synsetoffset", "wnsynsetid", "wnsynsetkey",
    "mpcat40index", "mpcat40",
)  # fmt: skip
_ROOMS = {"Bedroom": "b", "Living": "l", "Kitchen": "k", "Bathroom": "a", "Office": "o"}
_TURNS, _CAMERAS = 6, 3  # pictures of a camera, cameras of a panorama


def write(folder: Path, recording: Recording) -> None:
    """All files of one house."""
    color, depth = folder / "undistorted_color_images", folder / "undistorted_depth_images"
    for part in (color, depth, folder / "undistorted_camera_parameters", folder / "region_segmentations"):
        part.mkdir()
    lines: list[str] = []
    poses: list[NDArray[np.float64]] = []
    for frame in recording.frames:
        if not np.isfinite(frame.camera_to_world).all():
            continue
        panorama, camera, turn = _station(recording.name, len(poses))
        names = f"{panorama}_d{camera}_{turn}.png", f"{panorama}_i{camera}_{turn}.jpg"
        (color / names[1]).write_bytes(frame.jpeg)
        stored = _aligned(frame.depth, recording.depth_camera, recording.color_camera)
        Image.fromarray(stored).save(depth / names[0], compress_level=4)
        if turn == 0:
            lines += ["", _intrinsics(recording.color_camera)]
        upwards = frame.camera_to_world * [1.0, -1.0, -1.0, 1.0]
        lines.append(" ".join(["scan", *names, *_words(upwards.ravel())]))
        poses.append(frame.camera_to_world)
    head = ["dataset matterport", f"n_images {len(poses)}"]
    head += [f"depth_directory {depth.name}", f"color_directory {color.name}"]
    _write_lines(folder / "undistorted_camera_parameters" / f"{recording.name}.conf", [*head, *lines])
    boxes = []
    for number, faces in enumerate(_regions(recording, np.array(poses))):
        content, xyz = _region(recording, faces)
        (folder / "region_segmentations" / f"region{number}.ply").write_bytes(content)
        boxes.append(np.concatenate([xyz.min(axis=0), xyz.max(axis=0)]))
    (folder / "house_segmentations").mkdir()
    _write_lines(folder / "house_segmentations" / f"{recording.name}.house", _house(recording, boxes))


def write_set(root: Path, names: Sequence[str]) -> None:
    """The table of categories, and the lists of houses: every fourth is for validation."""
    (root / "metadata").mkdir(exist_ok=True)
    rows = ["\t".join(_COLUMNS)]
    for index, name in enumerate(_CATEGORIES, start=1):
        nyu40 = _SHELL.get(name) or KINDS[name].nyu40
        known = {"index": str(index), "raw_category": name, "category": name, "count": "1", "nyu40id": str(nyu40)}
        known |= {"nyuClass": name, "nyu40class": NYU40[nyu40]}
        rows.append("\t".join(known.get(column, "") for column in _COLUMNS))
    _write_lines(root / "metadata" / "category_mapping.tsv", rows)
    _write_lines(root / "scenes_train.txt", [name for number, name in enumerate(names) if number % 4 != 3])
    _write_lines(root / "scenes_val.txt", names[3::4])


def _station(house: str, number: int) -> tuple[str, int, int]:
    """The panorama's id, the camera and the turn of a picture."""
    panorama, within = divmod(number, _CAMERAS * _TURNS)
    return hashlib.md5(f"{house} {panorama}".encode()).hexdigest(), *divmod(within, _TURNS)


def _aligned(depth: NDArray[np.uint16], of: Camera, to: Camera) -> NDArray[np.uint16]:
    """Millimetres of one camera as quarters of a millimetre in the pixels of another at the same place."""
    column = np.rint((np.arange(to.width) - to.cx) / to.fx * of.fx + of.cx).astype(int)
    row = np.rint((np.arange(to.height) - to.cy) / to.fy * of.fy + of.cy).astype(int)
    inside = ((row >= 0) & (row < of.height))[:, None] & (column >= 0) & (column < of.width)
    stored = depth[row.clip(0, of.height - 1)[:, None], column.clip(0, of.width - 1)] * np.uint32(4)
    return np.where(inside & (stored < 1 << 16), stored, 0).astype(np.uint16)


def _intrinsics(camera: Camera) -> str:
    """The line of a camera; cy counts from the bottom row."""
    fx, fy, cx, cy = _words([camera.fx, camera.fy, camera.cx, camera.height - 1 - camera.cy])
    return f"intrinsics_matrix {fx} 0 {cx}  0 {fy} {cy}  0 0 1"


def _regions(recording: Recording, poses: NDArray[np.float64]) -> list[NDArray[np.int32]]:
    """The faces (F, 3) of both regions; one alone where nothing lies beyond the cameras."""
    directions = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
    where_to = directions[(poses[:, :3, 2] @ directions.T).sum(axis=0).argmax()]  # most cameras look
    along, faces = recording.mesh.xyz @ where_to, recording.mesh.faces
    cut = (along > max((poses[:, :3, 3] @ where_to).max(), np.quantile(along, 0.75)))[faces].all(axis=1)
    return [faces[~cut], faces[cut]] if cut.any() else [faces]


def _region(recording: Recording, faces: NDArray[np.int32]) -> tuple[bytes, NDArray[np.float32]]:
    """A region's .ply with the properties of the release, and its points."""
    mesh, objects = recording.mesh, recording.scene.objects
    rows, corners = np.unique(faces, return_inverse=True)
    corners = corners.reshape(-1, 3)
    names = ("x", "y", "z", "nx", "ny", "nz", "tx", "ty")
    vertices = np.zeros(len(rows), [*((name, "<f4") for name in names), *((c, "u1") for c in ("red", "green", "blue"))])
    vertices["x"], vertices["y"], vertices["z"] = mesh.xyz[rows].T
    vertices["nx"], vertices["ny"], vertices["nz"] = _normals(mesh.xyz[rows], corners).T
    vertices["red"], vertices["green"], vertices["blue"] = mesh.rgb[rows].T
    ids = ("material_id", "segment_id", "category_id")
    triangles = np.zeros(len(faces), [("count", "u1"), ("corners", "<i4", 3), *((name, "<i4") for name in ids)])
    category = np.array([1 + _CATEGORIES.index(placed.label) for placed in objects])
    of_face = faces[:, 0]  # a face lies in one object and, nearly always, in one segment
    triangles["count"], triangles["corners"] = 3, corners
    triangles["material_id"], triangles["segment_id"] = mesh.segment[of_face], mesh.object_id[of_face]
    triangles["category_id"] = category[mesh.object_id[of_face]]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    head += [f"property float {name}" for name in names] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    head += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
    head += [*(f"property int {name}" for name in ids), "end_header", ""]
    return "\n".join(head).encode("ascii") + vertices.tobytes() + triangles.tobytes(), mesh.xyz[rows]


def _normals(xyz: NDArray[np.float32], faces: NDArray[np.integer]) -> NDArray[np.float32]:
    """(N, 3) the mean direction of the faces around each point, weighted by area."""
    a, b, c = (xyz[faces[:, corner]].astype(np.float64) for corner in range(3))
    summed = np.zeros((len(xyz), 3))
    for corner in range(3):
        np.add.at(summed, faces[:, corner], np.cross(b - a, c - a))
    return (summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _house(recording: Recording, boxes: Sequence[NDArray[np.float32]]) -> list[str]:
    """The .house of one level with its regions, and nothing else counted."""
    room = _ROOMS.get(recording.scene.scene_type.split()[0], "z")
    whole = np.concatenate([np.min(boxes, axis=0)[:3], np.max(boxes, axis=0)[3:]])

    def place(box: NDArray[np.float32]) -> list[str]:
        return _words([*(box[:2] + box[3:5]) / 2, box[2], *box])

    counts = [0, 0, 0, 0, 0, 0, 0, len(boxes), 0, 1]
    lines = ["ASCII 1.1", " ".join(["H", recording.name, "-", *map(str, counts), *"00000", *_words(whole), *"00000"])]
    lines.append(" ".join(["L", "0", str(len(boxes)), "-", *place(whole), *"00000"]))
    for number, box in enumerate(boxes):
        height = _words([box[5] - box[2]])
        lines.append(" ".join(["R", str(number), "0", "0", "0", room, *place(box), *height, *"0000"]))
    return lines


def _words(values: Sequence[float] | NDArray[np.floating]) -> list[str]:
    return [f"{float(value) + 0.0:g}" for value in values]


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii", newline="\n")
