"""Ingest: scans become points, frames, features and regions that can be searched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core import plugins, settings
from ..core.annotated import check_fields, checked
from ..core.errors import BadInput, Misused
from ..core.names import require_name
from ..core.options import chosen
from ..core.regular import is_folder
from ..ingest.report import Report, quiet
from ..store.postgres.database import Database
from .scene_jobs import Finished, SceneResults, nobody, require_counts, run_in_store, run_jobs

if TYPE_CHECKING:
    from ..ingest.checks.rehearsal import Rehearsal
    from ..ingest.pipeline import IngestSummary
    from ..ingest.recipe import FeatureRequest, GeometryRequest, MaskRequest


@dataclass(frozen=True)
class IngestRequest:
    """Scans in a format, and how they become features. None is the default of the format, encoder or stored scene."""

    format: str  # the dataset plug-in
    path: Path  # the scans
    encoder: str  # the encoder plug-in
    dataset: str | None = None  # its name in the store; None: the format
    scenes: tuple[str, ...] = ()  # empty: all
    features: str | None = None  # the feature sets' name; None: the encoder
    dataset_options: Mapping[str, Any] = field(default_factory=dict)  # chosen explicitly, by name
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    compat: Literal["openscene", "maskclustering"] | None = None
    depth_tolerance: float | None = None  # share of the depth reading
    splat_radius: float | None = None  # metres
    weighting: Literal["mean", "view"] | None = None
    memory_mb: int = 2048  # feature maps kept in memory for a scene; beyond it they wait on disk
    device: str = "auto"
    workers: int = 1  # scenes worked on at once
    engine: str | None = None  # None: inline for one worker, processes for more
    again: bool = False  # do the work even where the store is up to date
    crops: bool = False  # also describe the objects from crops of their images
    object_masks: Path | None = None  # a folder of 2D masks of things; objects are also made from them
    objects: Literal["features", "masks", "both"] | None = None  # what objects are made from; None: both, given masks
    instances: Path | None = None  # objects that other tools found: a folder with a file per scene, or that of one

    def __post_init__(self) -> None:
        check_fields(self)
        require_counts(workers=self.workers, memory_mb=self.memory_mb)
        for name in (self.dataset, self.features):
            require_name(name or "")


@dataclass(frozen=True)
class IngestPlan:
    """What will be done, as far as can be said before a scan is read."""

    request: IngestRequest
    geometry: "GeometryRequest"
    features: "FeatureRequest"
    scenes: tuple[str, ...]


@checked
def ingest_scans(
    store: Database,
    format: str,
    path: str | Path,
    *,
    encoder: str | None = None,
    name: str | None = None,
    scenes: Sequence[str] | None = None,
    features: str | None = None,
    options: dict[str, Any] | None = None,
    encoder_options: dict[str, Any] | None = None,
    compat: Literal["openscene", "maskclustering"] | None = None,
    depth_tolerance: float | None = None,
    splat_radius: float | None = None,
    weighting: Literal["mean", "view"] | None = None,
    memory_mb: int = 2048,
    device: str = "auto",
    workers: int = 1,
    engine: str | None = None,
    again: bool = False,
    crops: bool = False,
    object_masks: str | Path | None = None,
    objects: Literal["features", "masks", "both"] | None = None,
    instances: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> SceneResults[Any]:
    """Ingest the scans below `path`, as `ovstore ingest FORMAT PATH` does; the same options give the same digests.

        store = ovstore.open("my-store", create=True)
        results = ovstore.ingest_scans(store, "rgbd", "my-room", encoder="tiny", options={"depth_scale": 1000})
        for scene in results.done:
            print(scene.scene, scene.points, scene.seen, scene.regions)
        for scene in results.failed:
            print(scene.scene, scene.reason)

    `encoder` is by default the one that the settings name, `name` (of the dataset) the format, `features` (the name of
    the feature sets) the encoder, and `scenes` all that are there. `options` are those of the format and
    `encoder_options` those of the encoder, by name: see `ovstore ingest FORMAT --encoder NAME --help`. `progress` is
    called with a stage, its steps done and all of its steps; the stage "scenes" counts finished scenes. With `crops`,
    `describe_objects` follows for each scene. `object_masks` is a folder of 2D masks of things, from which objects are
    made, in place of or beside merging by features, as `objects` says (docs/regions.md). `instances` are objects that
    other tools found, in a folder with one file per scene or in the file of the only scene (docs/datasets.md).

    Up-to-date scenes are skipped. A scene that cannot be ingested is in `failed` and does not stop the rest; a path,
    plug-in or option that does not exist raises an OvstoreError before any work is done.
    """
    request = IngestRequest(
        format,
        Path(path),
        encoder or settings.encoder(store.path).value,
        name,
        tuple(scenes or ()),
        features,
        options or {},
        encoder_options or {},
        compat,
        depth_tolerance,
        splat_radius,
        weighting,
        memory_mb,
        device,
        workers,
        engine,
        again,
        crops,
        None if object_masks is None else Path(object_masks),
        objects,
        None if instances is None else Path(instances),
    )
    return run(store, plan(request), progress or quiet)


def plan(request: IngestRequest) -> IngestPlan:
    """The scenes and options of a request. Misused for options that exclude each other; no store is needed."""
    if not request.path.exists():
        raise BadInput(f"{request.path} does not exist; a folder of scans or one scan was expected.")
    geometry, features = requests(request)
    dataset = plugins.load("ingest.datasets", request.format)
    names = request.scenes or tuple(dataset.scene_names(geometry.root, geometry.dataset_options))
    if request.instances is not None and len(names) > 1 and not is_folder(request.instances):
        raise BadInput(
            f"{request.instances} holds the instances of one scene, but there are {len(names)}: name a folder with one "
            "file per scene, or choose the scene with --scene."
        )
    return IngestPlan(request, geometry, features, names)


def run(
    store: Database, plan: IngestPlan, report: Report = quiet, finished: Finished["IngestSummary"] = nobody
) -> "SceneResults[IngestSummary]":
    """Bring every scene's feature set up to date. What is up to date is skipped; a failure does not stop the rest."""
    from ..ingest import work
    from ..ingest.pipeline import IngestJob

    asked = plan.request
    jobs = [
        IngestJob(
            str(store.path),
            plan.geometry,
            plan.features,
            scene,
            asked.device,
            asked.again,
            asked.memory_mb,
            asked.crops,
        )
        for scene in plan.scenes
    ]
    return run_in_store(work, store, jobs, asked.workers, asked.engine, report, finished)


def rehearse(
    plan: IngestPlan, report: Report = quiet, finished: Finished["Rehearsal"] = nobody
) -> "SceneResults[Rehearsal]":
    """Read and check the scans, and estimate what taking them in would cost; nothing is written."""
    from ..ingest.checks import rehearsal

    def task(scene: str) -> "Rehearsal":
        return rehearsal.rehearse(plan.geometry, plan.features, scene, plan.request.device)

    return run_jobs(task, plan.scenes, report=report, finished=finished, scene_of=str)


def requests(request: IngestRequest) -> "tuple[GeometryRequest, FeatureRequest]":
    """The options of each stage; explicit options override those of `compat`."""
    from ..ingest import recipe
    from ..ingest.compat.openscene import compat_of
    from ..ingest.crops.encoder import pooling
    from ..ingest.fusion.fuse import FusionOptions
    from ..ingest.fusion.visibility import VisibilityOptions

    encoder = plugins.load("models.encoders", request.encoder, noun="encoder")
    if request.crops:
        pooling(request.encoder)
    dataset = plugins.load("ingest.datasets", request.format, noun="format")
    compat = compat_of(request.format, request.path, request.encoder) if request.compat == "openscene" else None
    seen = compat.visibility if compat else VisibilityOptions()
    fused = compat.fusion if compat else FusionOptions()
    historical = compat.dataset_options if compat else {}
    published = compat.encoder_options if compat else {}
    explicit: dict[str, Any] = {
        name: float(value)
        for name in ("depth_tolerance", "splat_radius")
        if (value := getattr(request, name)) is not None
    }
    seen = replace(seen, **explicit)
    if request.weighting is not None:
        if compat:
            raise Misused("--weighting contradicts --compat openscene; give one of them.")
        fused = replace(fused, weighting=request.weighting)
    geometry = recipe.GeometryRequest(
        dataset=request.dataset or request.format,
        format=request.format,
        root=request.path.resolve(),
        dataset_options=chosen(dataset.Options, {**historical, **request.dataset_options}, request.format),
        visibility=seen,
        typed=frozenset((*request.dataset_options, *explicit, *historical, *(("compat",) if compat else ()))),
    )
    features = recipe.FeatureRequest(
        name=request.features or request.encoder,
        encoder=request.encoder,
        encoder_options=chosen(encoder.Options, {**published, **request.encoder_options}, request.encoder),
        fuse=fused,
        masks=_masks(request),
        instances=None if request.instances is None else request.instances.resolve(),
    )
    return geometry, features


def _masks(request: IngestRequest) -> "MaskRequest | None":
    from ..ingest.recipe import MaskRequest
    from ..ingest.regions.masks.options import MASKCLUSTERING, MaskOptions

    if request.instances is not None and (request.object_masks is not None or request.objects is not None):
        other = "--masks" if request.object_masks is not None else f"--objects {request.objects}"
        raise Misused(f"--instances and {other} both say what is one object; give one of them.")
    if request.object_masks is None:
        asked = "--compat maskclustering" if request.compat == "maskclustering" else f"--objects {request.objects}"
        if request.compat == "maskclustering" or request.objects in ("masks", "both"):
            raise Misused(f"{asked} needs 2D masks of things: give their folder with --masks FOLDER.")
        return None
    if not request.object_masks.is_dir():
        raise BadInput(f"{request.object_masks} is no folder; a folder of 2D masks, one file per frame, was expected.")
    historical = request.compat == "maskclustering"
    options = MASKCLUSTERING if historical else MaskOptions()
    return MaskRequest(request.object_masks.resolve(), request.objects or ("masks" if historical else "both"), options)
