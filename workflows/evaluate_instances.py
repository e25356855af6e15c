"""How well objects, or masks of another tool, fit the instances of scans."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.annotated import check_fields, checked, several
from ..core.errors import BadInput, Misused
from ..core.features import Level
from ..core.files import make_output_folder
from ..evaluation.instances.evaluated import EvaluatedMasks, EvaluatedRegions, Scan
from ..evaluation.instances.report import InstanceReport
from ..evaluation.instances.run import evaluate
from ..evaluation.labels import label_files
from ..evaluation.points.evaluated import evaluated_files
from ..evaluation.scenes import select
from ..ingest.report import Report, quiet
from ..store.catalog import leases
from ..store.postgres.database import Database
from .evaluated_features import evaluated_features


@dataclass(frozen=True, kw_only=True)
class InstancesRequest:
    """What is evaluated, and what is kept of it."""

    labels: str  # a label set's name, or the path of a .json file of the same form
    features: str | None = None  # name or id; fusion or distill; None: what most scenes have
    level: Level | None = None  # the regions that are held against instances; None: object
    predictions: Path | None = None  # masks of another tool in place of features
    split: str | None = None
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    min_points: int = 100  # instances and masks of fewer are left out
    templates: str | None = None  # sentences around the words
    table: Path | None = None  # another table of the dataset's label names
    write_predictions: Path | None = None  # a folder for SCENE.txt and masks in the format of ScanNet's benchmark

    def __post_init__(self) -> None:
        check_fields(self)
        if self.predictions is not None and (self.features or self.level or self.templates or self.write_predictions):
            raise Misused(
                "Masks of --predictions already have classes: leave --features, --level, --templates and "
                "--write-predictions out."
            )
        if self.min_points < 1:
            raise BadInput(f"The fewest points of an instance must be at least 1, not {self.min_points}.")


@checked
def evaluate_instances(
    store: Database,
    labels: str | Path,
    *,
    features: str | None = None,
    level: Level | None = None,
    predictions: str | Path | None = None,
    split: str | None = None,
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    min_points: int = 100,
    templates: str | None = None,
    table: str | Path | None = None,
    write_predictions: str | Path | None = None,
    progress: Callable[[str, int, int], None] = quiet,
) -> InstanceReport:
    """Average precision of objects, as in ScanNet's 3D semantic instance benchmark (evaluate_semantic_instance.py).

        report = ovstore.evaluate_instances(store, "scannet20", split="val")
        report.means[0].figures                  # AP, AP50, AP25: shares from 0 to 1
        report.precision.ap50                    # (C,) of each class, nan for those without an instance

    Each region is of the class whose words are closest to its vector, as sure as their cosine, and has to overlap an
    instance of that class. `predictions` is a folder of files SCENE.txt with one mask per line in place of features.
    `progress` is called with a stage, steps done and steps in all. See docs/instances.md.

    NotFound where no scene, feature set or instance answers to what was named; Misused for arguments that do not go
    together.
    """
    request = InstancesRequest(
        labels=str(labels),
        features=features,
        level=level,
        predictions=None if predictions is None else Path(predictions),
        split=split,
        datasets=several(datasets),
        scenes=several(scenes),
        min_points=min_points,
        templates=templates,
        table=None if table is None else Path(table),
        write_predictions=None if write_predictions is None else Path(write_predictions),
    )
    return evaluate_instances_by(store, request, progress)


def evaluate_instances_by(store: Database, request: InstancesRequest, report: Report = quiet) -> InstanceReport:
    """The evaluation that a request describes; what the catalog names stays readable until the end."""
    label_set = label_files.load(request.labels, request.table)
    folder = request.write_predictions
    with leases.reading(store):
        selected = select(store, request.split, request.datasets, request.scenes)
        evaluated: EvaluatedRegions | EvaluatedMasks
        if request.predictions is not None:
            evaluated = EvaluatedMasks(evaluated_files(store, selected, request.predictions, label_set))
        else:
            found = evaluated_features(store, selected, request.features, label_set, request.templates)
            evaluated = EvaluatedRegions(found, request.level or "object")
        if folder is not None:
            make_output_folder(folder)
        done = 0

        def keep(scan: Scan) -> None:
            nonlocal done
            if folder is not None and isinstance(evaluated, EvaluatedRegions):
                evaluated.write(folder, scan, label_set)
            done += 1
            report("scenes", done, len(evaluated.source.scenes))

        return evaluate(store, evaluated, label_set, request.min_points, keep)
