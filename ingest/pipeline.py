"""One scene, from files to a published feature set: the stages, in order."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..core import plugins
from ..core.contracts import offers
from ..core.errors import BadScene
from ..core.features import Correspondence, FeatureMap
from ..models.encoders import Encoder, ReadsFrameMaps
from ..models.frame_maps import FrameMaps, Reader
from ..models.precomputed.masks.folder import load_frame_masks
from ..store.catalog import catalog
from ..store.files.stored_points import StoredPoints
from ..store.postgres.database import Database
from ..store.publish import fingerprints, publish
from ..store.publish.fingerprints import Fingerprint
from . import recipe
from .checks import memory
from .checks.checks import check_scene
from .compat.openscene import working_images
from .datasets import Dataset, FusedFeatures, LayoutCheck
from .extraction.extract import Picture, extract, image_encoder, read_maps
from .files.images import read_depth
from .formats.instances import instance_file, instances_digest, read_instances
from .formats.skipped import skipped
from .fusion.fuse import fuse
from .fusion.masks import unmasked
from .fusion.visibility import correspond
from .geometry import Geometry, Unpublished, published
from .imported_features import ImportedFeatures, point_features
from .mask_objects import masked
from .order import morton_order
from .publish_features import publish_with_regions
from .recipe import FeatureRequest, GeometryRequest
from .regions.given import objects_of_superpoints
from .regions.superpoints import superpoints
from .report import Report, quiet
from .scan_files import compare, fingerprint
from .scene_state import SceneState, cut_along_masks, require_own_recipe, scene_paths, scene_state


@dataclass(frozen=True)
class IngestJob:
    """One scene to bring up to date. Pickles: it may run in another process or on another machine."""

    store: str  # the store's folder
    geometry: GeometryRequest
    features: FeatureRequest
    scene: str
    device: str = "auto"
    again: bool = False  # do the work even where the store is up to date
    memory_mb: int = 2048  # feature maps kept in memory; beyond it they wait on disk
    crops: bool = False  # also describe the objects from crops of their images


@dataclass(frozen=True)
class IngestSummary:
    """What became of one scene."""

    scene: str
    feature_set: int
    up_to_date: bool
    frames: int
    points: int
    seen: int
    regions: int
    seconds: float
    findings: tuple[str, ...] = ()
    geometry: str = ""  # where it is not what the options alone would make of the scan
    crops: int = 0  # crops that the objects were described from just now


def ingest_scene(store: Database, job: IngestJob, report: Report = quiet) -> IngestSummary:
    """Bring one scene's feature set up to date; what is there already is kept, unless `job.again`."""
    started = time.monotonic()
    asked, name = job.features, job.scene
    encoder: Encoder = plugins.load("models.encoders", asked.encoder)
    dataset: Dataset = plugins.load("ingest.datasets", job.geometry.format)
    found = scene_state(store, job.geometry, asked.name, name, dataset, job.again)
    request = found.request
    checked = offers(dataset, LayoutCheck)
    if not found.kept and checked is not None:  # before weights are read, or fetched
        checked.check_layout(request.root, name, request.dataset_options)
    space = encoder.space(asked.encoder_options)
    fused = offers(dataset, FusedFeatures)
    files = [] if fused is None else fused.feature_paths(request.root, name, request.dataset_options)
    reader = None if files else offers(encoder, ReadsFrameMaps)
    frame_maps = None if reader is None else reader.load_frame_maps(asked.encoder_options, name)
    maps_digest = None if frame_maps is None else frame_maps.digest
    masks = None if asked.masks is None else load_frame_masks(str(asked.masks.files), name)
    masks_digest = None if masks is None else masks.digest
    instances = None if asked.instances is None else instance_file(asked.instances, name)
    instances_of = None if instances is None else instances_digest(instances)
    cut = recipe.cut(asked.masks, masks_digest)
    if not found.kept:
        found = cut_along_masks(found, cut)
    digests = (files, maps_digest, masks_digest, instances_of)
    features_recipe = recipe.features(asked, found.geometry, space, *digests)
    ready = catalog.ready_feature_set(store, request.dataset, name, asked.name, features_recipe)
    if ready is not None and found.kept and _are_as_they_were(store, ready, frame_maps):
        _remember(store, found)
        return IngestSummary(name, ready, True, 0, 0, 0, 0, time.monotonic() - started, geometry="; ".join(found.said))
    require_own_recipe(store, found, asked, features_recipe)
    if found.kept:
        found = cut_along_masks(found, cut)
        features_recipe = recipe.features(asked, found.geometry, space, *digests)

    imported = fused.load_features(files) if fused is not None and files else None
    if imported is not None:
        imported.require_space(space)
    geometry = _stored_geometry(store, found, imported) or _new_geometry(store, found, name, imported, report)
    findings = [*geometry.findings, *(imported.findings if imported is not None else ())]
    mask_object: NDArray[np.int32] | None = None
    if asked.masks is not None and masks is not None:  # before a network runs
        new = cut is not None and geometry.unpublished is not None
        seen_by_masks = masked(geometry, masks, asked.masks.options, new, report)
        geometry, mask_object = seen_by_masks.geometry, seen_by_masks.mask_object
        findings += seen_by_masks.findings
    if instances is not None:
        mask_object, said = _given_objects(instances, geometry.stored)
        findings += said
    if imported is None:
        seen, maps, skipped = _views(geometry, frame_maps)
        findings += skipped
        features = fuse(
            _maps(geometry, seen, maps, request, job, report),
            seen,
            [frame.camera for frame in geometry.frames],
            len(geometry.points),
            space,
            asked.fuse,
            geometry.points.normals,
            [frame.camera_to_world for frame in geometry.frames],
            memory_mb=job.memory_mb,
        )
    else:
        features = point_features(imported, geometry.stored, geometry.correspondences, space, asked.fuse.unit_length)
    source: Literal["fused", "imported"] = "fused" if imported is None else "imported"
    made = publish_with_regions(
        store,
        geometry,
        asked.name,
        features_recipe,
        source,
        features,
        asked.objects,
        asked.pool,
        report,
        _map_files(store, frame_maps),
        mask_object,
        "given" if instances is not None else "both" if asked.masks is None else asked.masks.merged_by,
    )
    return IngestSummary(
        name,
        made.feature_set,
        False,
        len(geometry.frames),
        len(geometry.points),
        len(features.point_index),
        made.region_count,
        time.monotonic() - started,
        (*findings, *_dropped(found, made.scene_id)),
        "; ".join(found.said),
    )


def _given_objects(path: Path, stored: StoredPoints) -> tuple[NDArray[np.int32], list[str]]:
    """(S,) the objects of superpoints that a file of instances gives, and what became of them."""
    found = read_instances(path, len(stored))
    given = objects_of_superpoints(stored.superpoint, stored.to_stored(found.of_point))
    kept, assigned = int(given.max()) + 1, int((given >= 0).sum())
    if not kept:
        raise BadScene(f"{path}: none of its {found.count:,} instances holds most of a superpoint")
    told = f"instances: {kept:,} of {found.count:,} hold most of a superpoint, {assigned:,} of {len(given):,} together"
    if found.shared:
        told += f"; {found.shared:,} points that several claim went to the surest"
    return given, [told]


def _are_as_they_were(store: Database, feature_set: int, maps: FrameMaps | None) -> bool:
    """Whether a feature set's maps are unchanged, also in what their digest in the recipe does not read."""
    if maps is None:
        return True
    with store.connect() as connection:
        before = fingerprints.find(connection, feature_set_id=feature_set)
    return before is None or compare(before, Path(maps.source), Path(maps.source), maps.files, store.path).equal


def _map_files(store: Database, maps: FrameMaps | None) -> Fingerprint | None:
    if maps is None:
        return None
    used = [path for path in maps.files if path.is_file()]
    return fingerprint(Path(maps.source), Path(maps.source), maps.files, used, store.path)


def _remember(store: Database, found: SceneState) -> None:
    """Where the scene's files are now, and their times."""
    if found.held is None or found.files is None:
        return
    with publish.publishing(store) as at:
        if found.files.place != found.held.source:
            at.moved(found.held.id, found.held.source, found.files)
        else:
            at.remember(found.files, scene_id=found.held.id)


def _dropped(found: SceneState, scene_id: int) -> list[str]:
    """What went with a geometry that --again replaced."""
    if not found.others or found.held is None or scene_id == found.held.id:
        return []
    return [f"dropped with the previous geometry: features {' and '.join(found.others)}"]


def _stored_geometry(store: Database, found: SceneState, imported: ImportedFeatures | None) -> Geometry | None:
    """The published geometry, where it stays and has the frames that fusion needs."""
    if not found.kept or found.held is None:
        return None
    if not found.held.frame_count and imported is None:
        found.require_nobody_else("it was ingested without frames")
        return None
    if imported is not None:
        imported.require_points(found.held.point_count)
    _remember(store, found)
    return published(store, catalog.find_scene(store, found.held.full_name))


def _new_geometry(
    store: Database, found: SceneState, name: str, imported: ImportedFeatures | None, report: Report
) -> Geometry:
    request = found.request
    report("reading", 0, 1)
    dataset: Dataset = plugins.load("ingest.datasets", request.format)
    unpacked = store.unpacked(request.dataset, name)
    scene = dataset.load_scene(request.root, name, request.dataset_options, unpacked)
    scene = check_scene(scene, request.dataset_options, request.visibility.splat_radius)
    if imported is not None:
        imported.require_points(len(scene.points))
    memory.require(len(scene.points), "superpoints")
    report("reading", 1, 1)

    order = morton_order(scene.points.xyz)
    scene = replace(scene, points=scene.points.take(order))
    images = working_images(request.format, request.visibility)
    correspondences = []
    for position, frame in enumerate(scene.frames):
        depth = None if frame.depth_path is None else read_depth(frame.depth_path, frame.depth_scale)
        seen = correspond(scene.points.xyz, images.frame(frame), position, depth, request.visibility)
        correspondences.append(unmasked(images.in_own_pixels(frame, seen), frame))
        report("visibility", position + 1, len(scene.frames))
    report("superpoints", 0, 1)
    superpoint = superpoints(scene.points, request.superpoints)
    report("superpoints", 1, 1)
    used = [path for frame in scene.frames for path in (frame.image_path, frame.depth_path) if path is not None]
    place = Path(scene.source)
    files = fingerprint(request.root, place, scene_paths(dataset, request, name, place), used, store.path)
    new = Unpublished(request.dataset, request.format, scene, found.geometry, files, found.changed)
    stored = StoredPoints(scene.points, superpoint, order)
    return Geometry(None, scene.up_axis, stored, scene.frames, correspondences, scene.findings, new)


def _views(
    geometry: Geometry, frame_maps: FrameMaps | None
) -> tuple[list[Correspondence], dict[str, Reader] | None, list[str]]:
    """What frames see that have a map, the maps' readers where they are on disk, and what became of the others."""
    seen = [one for one in geometry.correspondences if len(one)]
    if frame_maps is None:
        return seen, None, []
    frames = [geometry.frames[one.frame] for one in seen]
    maps = frame_maps.of_frames({frame.name: frame.image_path.stem for frame in frames})
    missing = [frame.name for frame in frames if frame.name not in maps]
    kept = [one for one, frame in zip(seen, frames, strict=True) if frame.name in maps]
    return kept, maps, skipped(missing, len(frames), f"no map in {frame_maps.source}")


def _maps(
    geometry: Geometry,
    seen: list[Correspondence],
    maps: Mapping[str, Reader] | None,
    request: GeometryRequest,
    job: IngestJob,
    report: Report,
) -> Iterator[tuple[int, FeatureMap]]:
    """The maps of all frames that see a point: those on disk, else the network's."""
    images = working_images(request.format, request.visibility)
    pictures = [
        Picture(one.frame, frame := geometry.frames[one.frame], images.frame(frame).camera, images.bilinear)
        for one in seen
    ]
    if maps is not None:
        pairs = read_maps(pictures, maps)
    else:
        pairs = extract(pictures, image_encoder(job.features.encoder, job.features.encoder_options, job.device))
    for done, pair in enumerate(pairs, start=1):
        yield pair
        report("features", done, len(pictures))
