"""The ScanNet++ release: laser-scan mesh with objects, fisheye images of a DSLR, extracted frames of an iPhone."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ....store.files.ply_writer import write_ply
from ...cameras.lenses import Lens
from ...files.poses import from_opengl_axes
from ..lens_pictures import through
from ..recording import Recording
from ..sensor import encode_jpeg
from .colmap import sparse_model, write_text

NEXT = "ovstore ingest scannetpp {path}"
_FISHEYE = (0.02, -0.01, 0.004, -0.001)  # k1 to k4
_OPENCV = (0.04, -0.01, 0.0004, -0.0003)  # k1, k2, p1, p2
_CLOSER = 1.25  # times the recording's focal length: what the lenses show, the recording has
_TEST_EVERY = 4  # of the pictures is kept for novel views


def write(folder: Path, recording: Recording) -> None:
    """All files of one scene; frames without tracking are in the iPhone's video only."""
    _write_scan(folder / "scans", recording)
    camera = recording.color_camera
    for device, model, params in (("dslr", "OPENCV_FISHEYE", _FISHEYE), ("iphone", "OPENCV", _OPENCV)):
        focal = camera.fx * _CLOSER, camera.fy * _CLOSER
        lens = Lens(model, camera.width, camera.height, *focal, camera.cx, camera.cy, params)
        _write_device(folder / device, recording, lens)
    _write_depth(folder / "iphone" / "depth", recording, lens)


def write_set(root: Path, names: Sequence[str]) -> None:
    """splits/nvs_sem_train.txt and nvs_sem_val.txt: every fourth scene is for validation."""
    (root / "splits").mkdir(exist_ok=True)
    for split, chosen in (("train", [n for k, n in enumerate(names) if k % 4 != 3]), ("val", names[3::4])):
        text = "".join(f"{name}\n" for name in chosen)
        (root / "splits" / f"nvs_sem_{split}.txt").write_text(text, encoding="ascii", newline="\n")


def _write_scan(folder: Path, recording: Recording) -> None:
    folder.mkdir()
    mesh, groups = recording.mesh, []
    for placed in recording.scene.objects:
        members = np.unique(mesh.segment[mesh.object_id == placed.object_id]).tolist()
        if members:
            number = placed.object_id
            groups.append({"id": number, "objectId": number, "segments": members, "label": placed.label})
    write_ply(folder / "mesh_aligned_0.05.ply", mesh.xyz, mesh.rgb, faces=mesh.faces)
    _write_json(folder / "segments.json", {"sceneId": recording.name, "segIndices": mesh.segment.tolist()})
    _write_json(folder / "segments_anno.json", {"sceneId": recording.name, "segGroups": groups})


def _write_device(folder: Path, recording: Recording, lens: Lens) -> None:
    """Pictures, COLMAP's model as text, and what the toolkit's common/utils/nerfstudio.py makes of it."""
    dslr = folder.name == "dslr"

    def name_of(number: int) -> str:
        return f"DSC{number + 1:05d}.JPG" if dslr else f"frame_{number:06d}.jpg"

    pictures = folder / ("resized_images" if dslr else "rgb")
    pictures.mkdir(parents=True)
    frames = []
    for number, frame in enumerate(recording.frames):
        name = name_of(number)
        tracked = bool(np.isfinite(frame.camera_to_world).all())
        if tracked or not dslr:
            rgb = np.asarray(Image.open(io.BytesIO(frame.jpeg)))
            (pictures / name).write_bytes(encode_jpeg(through(lens, rgb, recording.color_camera), 95))
        if tracked:
            matrix = from_opengl_axes(frame.camera_to_world[None])[0][[1, 0, 2, 3]]
            matrix[2] *= -1
            frames.append({"file_path": name, "transform_matrix": matrix.tolist()})
    test = frames[_TEST_EVERY - 1 :: _TEST_EVERY]
    train = [frame for frame in frames if frame not in test]
    body: dict[str, Any] = {"fl_x": lens.fx, "fl_y": lens.fy, "cx": lens.cx + 0.5, "cy": lens.cy + 0.5}
    keys = ("k1", "k2", "k3", "k4") if dslr else ("k1", "k2", "p1", "p2")
    body |= {"w": lens.width, "h": lens.height, **dict(zip(keys, lens.params, strict=True))}
    body |= {"camera_model": lens.model, "frames": train, "test_frames": test}
    (folder / "nerfstudio").mkdir()
    _write_json(folder / "nerfstudio" / "transforms.json", body)
    if dslr:
        lists = {"train": [frame["file_path"] for frame in train], "test": [frame["file_path"] for frame in test]}
        _write_json(folder / "train_test_lists.json", {**lists, "has_masks": False})
    (folder / "colmap").mkdir()
    model = sparse_model(recording, lens)
    images = tuple(replace(image, name=name_of(image.number - 1)) for image in model.images)
    write_text(folder / "colmap", replace(model, images=images))


def _write_depth(folder: Path, recording: Recording, lens: Lens) -> None:
    folder.mkdir()
    for number, frame in enumerate(recording.frames):
        readings = through(lens, frame.depth, recording.depth_camera)
        Image.fromarray(readings).save(folder / f"frame_{number:06d}.png", compress_level=4)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=4), encoding="ascii", newline="\n")
