"""A scene as plain values and bytes, for pages that bring their own data: a single file, a notebook."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import BadInput
from ..core.features import Answer, Hit, Level, OrientedBox
from ..core.scene import Frame
from ..ingest.report import Report, quiet
from ..models.pictures import read_image
from ..store.catalog import catalog, displays
from ..store.catalog.catalog import FeatureSetInfo, RegionInfo, SceneInfo
from ..store.catalog.displays import DisplayedPoints, DisplayFile
from ..store.catalog.regions import load_regions
from ..store.files import display
from ..store.postgres.database import Database

Plain = dict[str, Any]  # what JSON has, under the names of the page's script

_MOST_PHOTOGRAPHS = 60
_PHOTOGRAPH_WIDTH, _QUALITY = 640, 75
_PREVIEW_LEVELS = 2  # of points, where there is a mesh


def usual_features(store: Database, scene: SceneInfo, name: str | None) -> FeatureSetInfo | None:
    """The feature set of that name, or what is asked without one; None for a scene without features."""
    if not scene.features and name is None:
        return None
    usual = catalog.feature_kind(store).name
    return catalog.find_feature_set(store, scene, name or (usual if usual in scene.features else None))


def geometry(store: Database, scene: SceneInfo, most: int | None = None) -> tuple[Plain, bytes, bytes]:
    """What says how the bytes are read, the bytes of the points, and those of the mesh.

    With `most`, coarser levels alone, and no mesh with more vertices; where there is a mesh, the points are a preview.
    """
    made = displays.points(store, scene)
    faces = displays.face_count(store, scene) if most is None or scene.point_count <= most else 0
    mesh = displays.mesh(store, scene) if faces else None
    levels = _levels(scene, made, most, mesh is not None)
    chunks = [chunk for chunk in made.layout.chunks if chunk.level < levels]
    count = sum(chunk.count for chunk in chunks)
    size = count * display.POINT_BYTES
    manifest = {
        "version": display.VERSION,
        "digest": scene.content_digest,
        "points": count if mesh is None else scene.point_count,
        "up_axis": scene.up_axis,
        "strides": list(made.layout.strides[:levels]),
        "planes": list(display.PLANES),
        "tiles": [asdict(tile) for tile in made.layout.tiles],
        "chunks": [asdict(chunk) for chunk in chunks],
        "bytes": size,
        "mesh": None if mesh is None else {"faces": faces, "bytes": mesh.size},
        "colours": made.layout.colours,
    }
    return manifest, _read(made.file, size), b"" if mesh is None else _read(mesh, mesh.size)


def answer(found: Answer) -> Plain:
    """An answer with its hits; evidence as frames and boxes."""
    return {
        "question": found.question,
        "probably_here": found.probably_here,
        "notes": list(found.notes),
        "hits": [hit(one) for one in found],
    }


def hit(found: Hit) -> Plain:
    """One hit with its parts and landmarks."""
    return {
        "name": found.full_name,
        "dataset": found.dataset,
        "scene": found.scene,
        "region": None,
        "level": found.level,
        "ordinal": found.ordinal,
        "score": found.score,
        "probability": found.probability,
        "point_count": found.point_count,
        "centre": list(found.centre),
        "oriented_box": _box(found.oriented_box),
        "evidence": [{"frame": view.frame, "box_xyxy": list(view.box_xyxy)} for view in found.evidence],
        "superpoints": list(found.superpoints),
        "parts": [hit(part) for part in found.parts],
        "landmarks": [
            {"relation": one.relation, "distance": one.distance, "hit": hit(one.hit)} for one in found.landmarks
        ],
    }


def objects(store: Database, scene: SceneInfo, held: FeatureSetInfo) -> list[Plain]:
    """Those of a feature set with their best frames, most points first."""
    names = [frame.name for frame in catalog.load_frames(store, scene.id)]
    regions = load_regions(store, held.id, held.space, "object").regions
    return [
        {
            "ordinal": one.ordinal,
            "id": None,
            "level": one.level,
            "point_count": one.point_count,
            "seen_count": one.seen_count,
            "centre": one.centre.tolist(),
            "oriented_box": _box(one.oriented_box),
            "label": one.label,
            "views": [{"frame": names[view.frame], "box_xyxy": list(view.box_xyxy)} for view in one.views],
        }
        for one in sorted(regions, key=lambda one: (-one.point_count, one.ordinal))
    ]


def table(store: Database, scene: SceneInfo, held: FeatureSetInfo) -> Plain:
    """The object of each superpoint; -1: no frame saw it. Rows of the file of features are grouped by both."""
    owners = _by_row(store, scene, held, "object")
    parts = _by_row(store, scene, held, "superpoint")
    starts = np.array([one.row_start for one in owners])
    owner = np.full(max((one.ordinal for one in parts), default=-1) + 1, -1)
    for part in parts:
        place = int(np.searchsorted(starts, part.row_start, side="right")) - 1
        if place >= 0:
            owner[part.ordinal] = owners[place].ordinal
    return {"superpoints": owner.tolist(), "objects": []}


def photographs(
    store: Database, scene: SceneInfo, shown_in: Sequence[str], report: Report = quiet
) -> tuple[list[Plain], list[bytes]]:
    """Frames and their images as WebP, in the order of the scan: at most 60, those most often in `shown_in`."""
    uses = Counter(shown_in)
    frames = catalog.load_frames(store, scene.id)
    best = {frame.name for frame in sorted(frames, key=lambda frame: -uses[frame.name])[:_MOST_PHOTOGRAPHS]}
    chosen = [frame for frame in frames if frame.name in best]
    kept, pictures = [], []
    for done, frame in enumerate(chosen):
        report("images", done, len(chosen))
        try:
            picture = webp(read_image(frame.image_path))
        except BadInput:  # gone since it was ingested
            continue
        kept.append(_frame(frame))
        pictures.append(picture)
    return kept, pictures


def webp(pixels: NDArray[np.uint8]) -> bytes:
    """The picture, its longer side 640 pixels at most."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((_PHOTOGRAPH_WIDTH, _PHOTOGRAPH_WIDTH))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()


def _levels(scene: SceneInfo, made: DisplayedPoints, most: int | None, meshed: bool) -> int:
    """How many levels of points go along."""
    counts = np.zeros(len(made.layout.strides), np.int64)
    for chunk in made.layout.chunks:
        counts[chunk.level] += chunk.count
    up_to = np.cumsum(counts)
    levels = min(_PREVIEW_LEVELS, len(up_to)) if meshed else len(up_to)
    if most is None or meshed:
        return levels
    if up_to[0] > most:
        raise BadInput(f"The coarsest level of {scene.full_name} has {up_to[0]:,} points, more than {most:,}.")
    return int((up_to <= most).sum())


def _read(file: DisplayFile, size: int) -> bytes:
    with file.path.open("rb") as opened:
        opened.seek(file.offset)
        return opened.read(size)


def _by_row(store: Database, scene: SceneInfo, held: FeatureSetInfo, level: Level) -> list[RegionInfo]:
    every = catalog.regions(store, scene.id, level)
    return sorted((one for one in every if one.feature_set_id == held.id), key=lambda one: one.row_start)


def _frame(frame: Frame) -> Plain:
    camera = frame.camera
    return {
        "name": frame.name,
        "camera": {name: getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")},
        "camera_to_world": frame.camera_to_world.ravel().tolist(),
    }


def _box(box: OrientedBox) -> Plain:
    return {"centre": box.centre.tolist(), "axes": box.axes.tolist(), "size": box.size.tolist()}
