"""The objects of one scene's feature set described from crops of its images, and published beside their vectors."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...core.digests import recipe_digest
from ...core.errors import BadInput
from ...core.features import RegionView
from ...core.options import chosen
from ...core.scene import Frame
from ...store.catalog import catalog, crop_sets
from ...store.catalog.catalog import FeatureSetInfo, SceneInfo
from ...store.catalog.regions import load_regions
from ...store.postgres.database import Database
from ...store.publish.crop_sets import publish_crops
from ..report import Report, quiet
from .encode import encode_crops
from .encoder import pooled_images, pooling
from .most_visible import most_visible
from .options import CropOptions

VERSION = 1  # raised when the same options start to give other numbers


@dataclass(frozen=True)
class DescribeJob:
    """One scene whose objects are to be described. Pickles: it may run in another process."""

    store: str  # the store's folder
    scene: str  # DATASET/SCENE
    features: str  # the feature set's name
    options: Mapping[str, Any]  # those of CropOptions that were chosen; the others are those of the crops there are
    device: str = "auto"
    again: bool = False  # do the work even where the store is up to date


@dataclass(frozen=True)
class DescribeSummary:
    """What became of one scene."""

    scene: str
    feature_set: int
    up_to_date: bool
    objects: int  # of the feature set
    described: int  # those with a vector from crops
    crops: int
    seconds: float


def describe(store: Database, job: DescribeJob, report: Report = quiet) -> DescribeSummary:
    """Bring the vectors from crops of one feature set up to date."""
    started = time.monotonic()
    scene = catalog.find_scene(store, job.scene)
    found = catalog.find_feature_set(store, scene, job.features)
    held = crop_sets.crop_sets(store).get(found.id)
    options = chosen(CropOptions, {**(held.recipe["crops"] if held else {}), **job.options}, "describe")
    pooling(found.recipe["encoder"]["name"])
    made = recipe(found, options)
    current = held is not None and held.is_of(made) and crop_sets.problem_of(store, held, found.space) is None
    if current and not job.again:
        crops = crop_sets.load_crops(store, found.id, found.space)
    else:
        frames = _frames(store, scene)
        views = _views(store, scene, found, frames, options)
        encoder = pooled_images(found.recipe["encoder"], found.space, job.device)
        crops = encode_crops(views, frames, encoder, found.space, options, report)
        publish_crops(store, found, made, crops)
    return DescribeSummary(
        scene.full_name,
        found.id,
        current and not job.again,
        found.object_count,
        len(crops.ordinal),
        int(crops.crop_count.sum()),
        time.monotonic() - started,
    )


def recipe(found: FeatureSetInfo, options: CropOptions) -> dict[str, Any]:
    """Everything that decides the vectors: the objects, the network, and the crops."""
    return {
        "version": VERSION,
        "features": {"recipe": recipe_digest(found.recipe), "content": found.content_digest},
        "encoder": found.recipe["encoder"],
        "space": asdict(found.space),
        "crops": asdict(options),
    }


def _frames(store: Database, scene: SceneInfo) -> Sequence[Frame]:
    """BadInput where there is no image to cut from."""
    frames = catalog.load_frames(store, scene.id)
    if not frames:
        raise BadInput("it was ingested without frames, so there are no images to cut crops from")
    missing = next((frame.image_path for frame in frames if not frame.image_path.exists()), None)
    if missing is not None:
        raise BadInput(
            f"its images are no longer where they were ({missing}): move them back, or ingest the scene again from "
            "where they are now"
        )
    return frames


def _views(
    store: Database, scene: SceneInfo, found: FeatureSetInfo, frames: Sequence[Frame], options: CropOptions
) -> Mapping[int, Sequence[RegionView]]:
    """The views to cut, by object."""
    if options.views == "most-visible":
        superpoint = catalog.load_points(store, scene.id).superpoint
        objects = catalog.features_file(store, found).regions("object", superpoint)
        return most_visible(objects, catalog.load_correspondences(store, scene.id), frames, options.top)
    regions = load_regions(store, found.id, found.space, "object").regions
    return {region.ordinal: region.views[: options.top] for region in regions}
