"""Describe objects from crops of images, by the pooled image tower of the encoder that made their features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..core.annotated import check_fields, checked, several
from ..core.errors import NotFound
from ..core.options import converted
from ..ingest.report import Report, quiet
from ..store.catalog import catalog
from ..store.postgres.database import Database
from .scene_jobs import Finished, SceneResults, nobody, require_counts, run_in_store

if TYPE_CHECKING:
    from ..ingest.crops.describe import DescribeJob, DescribeSummary


@dataclass(frozen=True)
class DescribeRequest:
    """Which feature sets, and by which crops."""

    features: str | None = None  # the feature sets' name; None: what most scenes have
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()  # empty: all
    compat: Literal["openmask3d"] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # of CropOptions, chosen explicitly, by name
    device: str = "auto"
    workers: int = 1  # scenes worked on at once
    engine: str | None = None  # None: inline for one worker, processes for more
    again: bool = False  # do the work even where the store is up to date

    def __post_init__(self) -> None:
        check_fields(self)
        require_counts(workers=self.workers)


@checked
def describe_objects(
    store: Database,
    features: str | None = None,
    *,
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    compat: Literal["openmask3d"] | None = None,
    options: dict[str, Any] | None = None,
    device: str = "auto",
    workers: int = 1,
    engine: str | None = None,
    again: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> SceneResults[Any]:
    """Give the objects of feature sets a second vector, from crops of their best images; see docs/ingest.md.

        results = ovstore.describe_objects(store, "openclip", options={"padding": "white"})
        answer = ovstore.search(store, "a red chair", vectors="both")

    `options` are views, top, levels, growth and padding, as of `ovstore describe --help`. Those that are not given are
    those of the crops that the feature set has, where it has any. Scenes that are up to date are skipped; one that
    cannot be described is in `failed` and does not stop the rest. NotFound for a name that is none, BadInput for an
    encoder that gives no vector for a whole image.
    """
    request = DescribeRequest(
        features, several(datasets), several(scenes), compat, options or {}, device, workers, engine, again
    )
    return run(store, request, progress or quiet)


def run(
    store: Database, request: DescribeRequest, report: Report = quiet, finished: Finished["DescribeSummary"] = nobody
) -> "SceneResults[DescribeSummary]":
    """Bring the vectors from crops of every scene up to date; a failure does not stop the rest."""
    from ..ingest.crops import work

    return run_in_store(work, store, jobs(store, request), request.workers, request.engine, report, finished)


def jobs(store: Database, request: DescribeRequest) -> "list[DescribeJob]":
    """One per scene that has such features. BadInput where their encoder cannot describe crops."""
    from ..ingest.crops.describe import DescribeJob
    from ..ingest.crops.encoder import pooling

    options = chosen_options(request)
    features = request.features or catalog.feature_kind(store).name
    scenes = catalog.chosen_scenes(store, request.datasets, request.scenes)
    having = [scene for scene in scenes if request.scenes or features in scene.features]
    if not having:
        known = sorted({name for scene in scenes for name in scene.features})
        raise NotFound(f"No features named {features!r}. There are: {', '.join(known) or 'none yet'}.")
    found = [catalog.find_feature_set(store, scene, features) for scene in having]
    for encoder in sorted({one.recipe["encoder"]["name"] for one in found}):
        pooling(encoder)
    return [
        DescribeJob(str(store.path), scene.full_name, features, options, request.device, request.again)
        for scene in having
    ]


def chosen_options(request: DescribeRequest) -> dict[str, Any]:
    """What was chosen; explicit options override those of `compat`."""
    from ..ingest.crops.options import OPENMASK3D, CropOptions

    typed = converted(CropOptions, request.options, "describe")
    whole = {**(asdict(OPENMASK3D) if request.compat else {}), **typed}
    CropOptions(**whole)  # refuses what no crop can have, before any work is done
    return whole
