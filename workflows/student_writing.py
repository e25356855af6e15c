"""Features of a trained student: which embedding space its vectors belong to, and one job per scene."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import BadInput, BadWeights, Misused
from ..core.features import EmbeddingSpace
from ..ingest.report import Report
from ..store.catalog import catalog
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from .scene_jobs import Finished, SceneResults, run_in_store
from .training_run import training_options

if TYPE_CHECKING:
    from ..ingest.training.student_features import InferenceSummary, StudentInference
    from ..ingest.training.students import Student
    from ..ingest.training.teachers import TrainingSet
    from .distill import DistillRequest

_PUBLISHED_CONFIG = "openscene_scannet"  # how OpenScene's files take points
_OF_TRAINING = ("voxel_size", "inputs", "target", "seed")  # what our own checkpoints say of their training


def inference_with_training_set(
    store: Database, request: "DistillRequest", training_set: "TrainingSet"
) -> "StudentInference":
    """With the student that a training run on that set ended with."""
    from ..ingest.training.student_features import inference_of
    from ..ingest.training.students import student_of_file, students_folder
    from ..models.training.checkpoint import LAST

    student = student_of_file((request.folder or students_folder(store, request.out)) / LAST)
    space, encoding = training_set.space, training_set.encoding
    return inference_of(student, request.out, space, encoding, training_set.features, request.passes)


def inference_with_weights(store: Database, request: "DistillRequest") -> "StudentInference":
    """With `request.weights`, or the student in the folder of a training run."""
    from ..ingest.training.student_features import inference_of
    from ..ingest.training.students import student_of_file, students_folder
    from ..models.training.checkpoint import LAST

    folder = request.folder or students_folder(store, request.out)
    if request.write_only and not (folder / LAST).is_file():
        raise BadInput(f"{folder} contains no student: name another folder with --run, or train one first.")
    student = student_of_file(request.weights or folder / LAST, training_options(request, _PUBLISHED_CONFIG))
    if student.about:
        given = ["config"] if request.config is not None else []
        for name in (*given, *(name for name in _OF_TRAINING if name in request.options)):
            flag = f"--{name.replace('_', '-')}"
            raise Misused(f"{student.path} records how it was trained: leave {flag} out.")
    encoding, space = _encoding(store, student, request)
    return inference_of(student, request.out, space, encoding, student.about.get("features"), request.passes)


def write_features(
    store: Database,
    request: "DistillRequest",
    inference: "StudentInference",
    report: Report,
    finished: Finished["InferenceSummary"],
) -> "SceneResults[InferenceSummary]":
    """One job per chosen scene."""
    from ..ingest.training import student_features

    scenes = catalog.chosen_scenes(store, request.datasets, request.scenes)
    require_free_name(store, scenes, inference.features)
    jobs = [
        student_features.InferenceJob(
            str(store.path), inference, scene.dataset, scene.name, request.device, request.again
        )
        for scene in scenes
    ]
    return run_in_store(student_features, store, jobs, request.write_workers, report=report, finished=finished)


def require_free_name(store: Database, scenes: Sequence[SceneInfo], name: str) -> None:
    """BadInput where feature sets of that name were not distilled."""
    ids = {scene.id for scene in scenes}
    for found in catalog.feature_sets(store):
        if found.name == name and found.scene_id in ids and found.source != "distilled":
            raise BadInput(
                f"{found.dataset}/{found.scene} has {found.source} features named {name!r}, which would be "
                "replaced: choose another --out."
            )


def _encoding(store: Database, student: "Student", request: "DistillRequest") -> tuple[dict[str, Any], EmbeddingSpace]:
    """The encoder whose text tower belongs to a student's vectors, and their embedding space."""
    from ..ingest import recipe

    if request.encoder:
        return recipe.encoding_by_name(request.encoder, request.encoder_options)
    if request.features:
        kind = catalog.feature_kind(store, request.features)
        return recipe.encoding_of(kind.recipe, kind.space), kind.space
    if not student.about:
        raise Misused(
            f"{student.path} does not record which text encoder its vectors belong to: give --features SET of the "
            "store, or --encoder NAME."
        )
    try:
        encoding = {"encoder": dict(student.about["encoder"]), "space": dict(student.about["space"])}
        return encoding, EmbeddingSpace(**encoding["space"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(
            f"{student.path} does not record which text encoder its vectors belong to, or is damaged: {error}."
        ) from error
