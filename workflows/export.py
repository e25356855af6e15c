"""A scene as files for other programs: PLY, GLB, NumPy arrays, or OpenScene's processed files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..core.annotated import check_fields, checked
from ..core.errors import BadInput, Misused
from ..core.features import Level
from ..drawing.clouds import heat_colours_on
from ..ingest.formats.openscene.export import export_scene, kind_of_scene
from ..ingest.formats.openscene.layout import Kind
from ..ingest.formats.openscene.scene import is_written
from ..ingest.report import Report, quiet
from ..query.heat import heat_map
from ..query.question import Question
from ..query.scored_points import scored_points
from ..store.catalog import catalog, leases, region_names
from ..store.catalog.catalog import FeatureSetInfo, RegionInfo, SceneInfo
from ..store.maintain.export import export_glb, export_npz, export_ply
from ..store.postgres.database import Database
from .openscene_labels import classes_of

Format = Literal["ply", "glb", "npz", "openscene"]


@dataclass(frozen=True)
class ExportRequest:
    """What is written, and where."""

    scene: str  # its name; with formats ply and glb, also SCENE:REGION for the points of one region
    path: Path  # the file; the folder of OpenScene's files
    format: Format = "ply"
    features: str | None = None  # the feature set; None: the scene's only one
    level: Level | None = None  # ply, glb: colour points by region
    query: str | None = None  # ply: also score the points by these words; glb: colour them by their scores
    kind: Kind | None = None  # openscene: which of its datasets they are written as; None: what the scene came from
    force: bool = False  # replace what is there

    def __post_init__(self) -> None:
        check_fields(self)
        if self.format not in ("ply", "glb") and (self.level or self.query):
            raise Misused(
                "Only PLY and GLB files have colours by level and scores of a query: leave level and query out."
            )
        if self.format == "glb" and self.level and self.query:
            raise Misused("A GLB is coloured by region or by the scores of a query: give level or query.")
        if self.format != "openscene" and self.kind:
            raise Misused("Only OpenScene's files are written as one of its datasets: leave kind out.")


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path  # the file with the points
    points: int
    answering: int | None = None  # points of the scene that answer the query
    frames: int = 0  # whose images were written
    features_path: Path | None = None  # the file with the vectors, where it is another one
    vectors: int = 0  # of that file


@checked
def export(
    store: Database,
    scene: str,
    path: str | Path,
    format: Format = "ply",
    *,
    features: str | None = None,
    level: Level | None = None,
    query: str | None = None,
    kind: Kind | None = None,
    force: bool = False,
    progress: Callable[[str, int, int], None] = quiet,
) -> Exported:
    """Write a scene for other programs, its points in the scan's own order.

        ovstore.export(store, "scene0003_00", "room.ply", level="object")
        ovstore.export(store, "scene0003_00", "soft.glb", format="glb", query="somewhere soft")
        ovstore.export(store, "scene0003_00", "room.npz", format="npz").points    # np.load reads it without pickle
        ovstore.export(store, "scene0003_00", "data/", format="openscene")

    A PLY has labels, instances and regions as properties of its vertices, with `query` also the columns score (nan for
    points that no frame saw) and mask; a GLB takes the colours of its scores. "scene0003_00:17@object" is one
    region. `features` names the feature set; `kind` is the OpenScene dataset to write, and `progress` is called with a
    stage, steps done and steps in all. See docs/walkthrough.md.

    NotFound where there is no such scene, region or feature set; BadInput where the path cannot be written or, without
    `force`, exists; Misused for arguments of another format.
    """
    request = ExportRequest(scene, Path(path), format, features, level, query, kind, force)
    return export_by(store, request, progress)


def export_by(store: Database, request: ExportRequest, report: Report = quiet) -> Exported:
    """The export that a request describes; what the catalog names stays readable until the end."""
    if request.format != "openscene":
        require_writable(request.path, request.force)
    writers: dict[Format, Callable[[Database, ExportRequest], Exported]]
    writers = {"ply": _ply, "glb": _glb, "npz": _npz, "openscene": partial(_openscene, report=report)}
    with leases.reading(store):
        return writers[request.format](store, request)


def _ply(store: Database, request: ExportRequest) -> Exported:
    found, region, wanted, chosen = _named(store, request)
    columns: Mapping[str, Any] = {}
    answering = None
    if request.query is not None:
        scored = scored_points(store, found, request.query, wanted)
        columns = {"score": scored.score, "mask": scored.mask}
        answering = int(scored.mask.sum())
    count = export_ply(store, found, request.path, chosen, request.level, region, columns)
    return Exported(request.path, count, answering)


def _glb(store: Database, request: ExportRequest) -> Exported:
    found, region, wanted, chosen = _named(store, request)
    colours = None
    if request.query is not None:
        heat = heat_map(store, found.full_name, Question(request.query), wanted)
        colours = heat_colours_on(heat.points, heat.value)
    return Exported(request.path, export_glb(store, found, request.path, chosen, request.level, region, colours))


def _named(
    store: Database, request: ExportRequest
) -> tuple[SceneInfo, RegionInfo | None, str | None, FeatureSetInfo | None]:
    """The scene, the region and the name of the feature set that are meant; the feature set where it is needed."""
    found, region = region_names.scene_or_region(store, request.scene, request.features)
    wanted = request.features if region is None else region.features
    needed = request.level == "object" or wanted is not None
    return found, region, wanted, catalog.find_feature_set(store, found, wanted) if needed else None


def _npz(store: Database, request: ExportRequest) -> Exported:
    found = catalog.find_scene(store, request.scene)
    chosen = catalog.find_feature_set(store, found, request.features)
    return Exported(request.path, export_npz(store, found, request.path, chosen))


def _openscene(store: Database, request: ExportRequest, report: Report) -> Exported:
    found = catalog.find_scene(store, request.scene)
    kind = request.kind or kind_of_scene(found)
    if not request.force and is_written(request.path, kind, found.name):
        raise BadInput(f"{request.path} already contains {kind} scene {found.name}: replace it with --force.")
    chosen = catalog.find_feature_set(store, found, request.features) if request.features or found.features else None
    classes = partial(classes_of, kind=kind)
    files = export_scene(store, found, request.path, kind, classes, chosen, report)
    return Exported(
        files.points,
        files.point_count,
        frames=files.frame_count,
        features_path=files.features,
        vectors=files.feature_count,
    )


def require_writable(path: Path, force: bool) -> None:
    """Before any work: the file can be written, and nothing is lost."""
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder {path.parent} to write {path.name} in: create it first.")
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name a file.")
    if path.exists() and not force:
        raise BadInput(f"{path} exists: name another file, or replace it with --force.")
