"""How well features label points, held against the scans' own labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ..core.annotated import check_fields, checked, several
from ..core.errors import BadInput, Misused
from ..core.files import make_output_folder
from ..drawing import picture_file
from ..evaluation.labels import label_files
from ..evaluation.labels.label_set import LabelSet
from ..evaluation.labels.legend import legend
from ..evaluation.points import output
from ..evaluation.points.evaluated import EvaluatedFeatures, EvaluatedFiles, evaluated_files
from ..evaluation.points.metrics import Over
from ..evaluation.points.protocol import NAMED, Protocol
from ..evaluation.points.report import PointReport
from ..evaluation.points.run import PointEvaluation, evaluate
from ..evaluation.scenes import select
from ..ingest.report import Report, quiet
from ..store.catalog import leases
from ..store.postgres.database import Database
from .evaluated_features import evaluated_features

Unpredicted = Literal["wrong", "drop", "nearest"]


@dataclass(frozen=True, kw_only=True)
class PointsRequest:
    """What is evaluated, by which rules, and what is kept of it; None: as the features or the protocol say."""

    labels: str  # a label set's name, or the path of a .json file of the same form
    features: str | None = None  # name or id; fusion, distill or ensemble; two split by a comma are an ensemble
    predictions: Path | None = None  # files of another tool in place of features
    split: str | None = None
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    protocol: Literal["scannet", "openscene"] = "scannet"
    unpredicted: Unpredicted | None = None  # points without a vector; nearest: as the nearest point that has one
    mean_over: Over | None = None  # the classes that means are over
    passes: int | None = None  # OpenScene's voting: points placed at random so many times
    seed: int = 1463  # of the passes
    voxel_size: float | None = None  # metres, of the passes
    run: Path | None = None  # the student's weights, or the folder of its training run, for passes
    device: Literal["auto", "cpu", "cuda"] = "auto"  # of the student in passes
    templates: str | None = None  # sentences around the words
    table: Path | None = None  # another table of the dataset's label names
    write_predictions: Path | None = None  # a folder for SCENE.txt in the format of ScanNet's benchmark
    save_npy: Path | None = None  # a folder for each scene's vectors
    save_ply: Path | None = None  # a folder for each scene's clouds

    def __post_init__(self) -> None:
        check_fields(self)
        if self.predictions is not None and (self.features or self.templates or self.save_npy or self.passes):
            raise Misused("--predictions have no vectors: leave --features, --templates, --passes, --save-npy out.")
        if self.passes is not None and (self.protocol != "openscene" or self.save_npy is not None):
            raise Misused("--passes requires --protocol openscene, and produces no vectors for --save-npy.")
        if self.run is not None and self.passes is None:
            raise Misused("--run names the student for --passes: without --passes leave it out.")
        if self.passes is not None and self.passes < 1:
            raise BadInput(f"The number of passes must be at least 1, not {self.passes}.")
        if self.voxel_size is not None and not self.voxel_size > 0:
            raise BadInput(f"The size of a voxel must be above 0 metres, not {self.voxel_size:g}.")
        if not 0 <= self.seed < 2**32:
            raise BadInput(f"The seed must be from 0 to {2**32 - 1}, not {self.seed}.")


@checked
def evaluate_points(
    store: Database,
    labels: str | Path,
    *,
    features: str | None = None,
    predictions: str | Path | None = None,
    split: str | None = None,
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    protocol: Literal["scannet", "openscene"] = "scannet",
    unpredicted: Unpredicted | None = None,
    mean_over: Over | None = None,
    passes: int | None = None,
    seed: int = 1463,
    voxel_size: float | None = None,
    run: str | Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    templates: str | None = None,
    table: str | Path | None = None,
    write_predictions: str | Path | None = None,
    save_npy: str | Path | None = None,
    save_ply: str | Path | None = None,
    progress: Callable[[str, int, int], None] = quiet,
) -> PointReport:
    """Hold features against the labels of points: each point takes the class whose words are closest to its vector.

        report = ovstore.evaluate_points(store, "scannet20", split="val", protocol="openscene")
        report.means["mIoU"], report.counts      # a share from 0 to 1; (C, C + 1) points: truth, prediction or none
        print(report.tables()[1].rows)           # id, class, IoU, accuracy, points

    `labels` is a label set of `ovstore labels list` or a .json file, `features` a name or id, "fusion", "distill",
    "ensemble", or two split by a comma; None: the feature set that most scenes have. `predictions` is a folder of
    files SCENE.txt in place of features. The protocols are ScanNet's (evaluate_semantic_label.py) and OpenScene's
    (run/evaluate.py); `unpredicted` and `mean_over` override them. The folders `write_predictions`, `save_npy` and
    `save_ply` are filled as the scenes are done; `progress` is called with a stage, steps done and steps in all. See
    docs/evaluation.md.

    NotFound where no scene, feature set or label answers to what was named; Misused for arguments that do not go
    together; SpaceMismatch for feature sets of different encoders.
    """
    request = PointsRequest(
        labels=str(labels),
        features=features,
        predictions=_path(predictions),
        split=split,
        datasets=several(datasets),
        scenes=several(scenes),
        protocol=protocol,
        unpredicted=unpredicted,
        mean_over=mean_over,
        passes=passes,
        seed=seed,
        voxel_size=voxel_size,
        run=_path(run),
        device=device,
        templates=templates,
        table=_path(table),
        write_predictions=_path(write_predictions),
        save_npy=_path(save_npy),
        save_ply=_path(save_ply),
    )
    return evaluate_points_by(store, request, progress)


def evaluate_points_by(store: Database, request: PointsRequest, report: Report = quiet) -> PointReport:
    """The evaluation that a request describes; what the catalog names stays readable until the end."""
    label_set = label_files.load(request.labels, request.table)
    protocol = _protocol(request)
    with leases.reading(store):
        evaluated = _evaluated(store, request, label_set, protocol)
        keepers = _keepers(store, evaluated, label_set, request)
        done = 0

        def keep(outcome: PointEvaluation) -> None:
            nonlocal done
            for keeper in keepers:
                keeper(outcome)
            done += 1
            report("scenes", done, len(evaluated.scenes))

        return evaluate(store, evaluated, label_set, protocol, keep)


def _evaluated(
    store: Database, request: PointsRequest, label_set: LabelSet, protocol: Protocol
) -> EvaluatedFeatures | EvaluatedFiles:
    selected = select(store, request.split, request.datasets, request.scenes)
    if request.predictions is not None:
        return evaluated_files(store, selected, request.predictions, label_set)
    found = evaluated_features(store, selected, request.features, label_set, request.templates, protocol.openscene)
    if request.passes is None:
        return found
    from .passes import in_passes  # needs torch

    return in_passes(found, request.passes, request.seed, request.voxel_size, request.run, request.device)


def _protocol(request: PointsRequest) -> Protocol:
    """The named one, with what overrides it."""
    named = NAMED[request.protocol]
    changed = replace(named, unpredicted=request.unpredicted or named.unpredicted, over=request.mean_over or named.over)
    return changed if changed == named else replace(changed, name=f"{request.protocol} (changed)")


def _keepers(
    store: Database, evaluated: EvaluatedFeatures | EvaluatedFiles, label_set: LabelSet, request: PointsRequest
) -> list[Callable[[PointEvaluation], None]]:
    """What is done with each scene; folders are made, and the legend drawn, before the first."""
    predictions, npy, ply = request.write_predictions, request.save_npy, request.save_ply
    for wanted in (predictions, npy, ply):
        if wanted is not None:
            make_output_folder(wanted)
    found: list[Callable[[PointEvaluation], None]] = []
    if predictions is not None:
        found.append(partial(output.keep_prediction, store, predictions, label_set))
    if npy is not None and isinstance(evaluated, EvaluatedFeatures):
        sets = evaluated.chosen.sets
        found.append(lambda outcome: output.keep_vectors(store, npy, sets[outcome.scene.id], outcome))
    if ply is not None:
        picture_file.save(legend(label_set), ply / "legend.png")
        found.append(partial(output.keep_clouds, store, ply, label_set))
    return found


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
