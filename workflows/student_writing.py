"""The second half of ovstore distill: a student that is trained speaks for every point."""

from typing import TYPE_CHECKING, Any

import click

from ..cli._options.shared import opened_store, say
from ..cli._options.training import options_from, typed_flags
from ..cli._output.scene_jobs import outcomes, print_outcomes
from ..core import plugins

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.features import EmbeddingSpace
    from ..ingest.training.student_features import InferenceSummary, StudentInference
    from ..ingest.training.students import Student
    from ..ingest.training.teachers import TrainingSet
    from ..store.catalog.catalog import SceneInfo
    from ..store.postgres.database import Database

_PUBLISHED_CONFIG = "openscene_scannet"  # how OpenScene's files take points


def write_with_training_set(folder: "Path", held: "TrainingSet", params: dict[str, Any]) -> int:
    """With the student that a training in `folder` ended with; the exit code."""
    from ..ingest.training.student_features import inference_of
    from ..ingest.training.students import student_of_file
    from ..models.training.checkpoint import LAST

    student = student_of_file(folder / LAST)
    inference = inference_of(student, params["out"], held.space, held.encoding, held.features, params["passes"])
    with opened_store() as store:
        return _write(store, inference, params)


def write_with_weights(params: dict[str, Any]) -> int:
    """With a student that is there already; the exit code."""
    from ..core.errors import BadInput
    from ..ingest.training.student_features import inference_of
    from ..ingest.training.students import student_of_file, students_folder
    from ..models.training.checkpoint import LAST

    with opened_store() as store:
        folder = params["run_folder"] or students_folder(store, params["out"])
        if params["write_only"] and not (folder / LAST).is_file():
            raise BadInput(f"{folder} contains no student: name another folder with --run, or train one first.")
        flags = typed_flags()
        options = options_from(params if "config" in flags else {**params, "config": _PUBLISHED_CONFIG})
        student = student_of_file(params["weights"] or folder / LAST, options)
        if student.about:
            for name in ("config", "voxel_size", "inputs", "target", "seed"):
                if name in flags:
                    raise click.UsageError(f"{student.path} records how it was trained: leave {flags[name]} out.")
        space, encoding = _words_of(store, student, params)
        inference = inference_of(
            student, params["out"], space, encoding, student.about.get("features"), params["passes"]
        )
        return _write(store, inference, params)


def _words_of(store: "Database", student: "Student", params: dict[str, Any]) -> "tuple[EmbeddingSpace, dict[str, Any]]":
    """The embedding space of a student's vectors, and the encoder that answers for words there."""
    from dataclasses import asdict

    from ..cli._options.from_dataclass import from_params
    from ..core.errors import BadWeights
    from ..core.features import EmbeddingSpace
    from ..ingest import recipe
    from ..store.catalog import catalog

    if params["encoder"]:
        plugin = plugins.load("models.encoders", params["encoder"], noun="encoder")
        own = {name[8:]: value for name, value in params.items() if name.startswith("encoder_")}
        options = from_params(plugin.Options, own)
        space = plugin.space(options)
        return space, recipe.encoding(params["encoder"], options, space)
    if params["features"]:
        kind = catalog.feature_kind(store, params["features"])
        return kind.space, {"encoder": kind.recipe["encoder"], "space": asdict(kind.space)}
    if not student.about:
        raise click.UsageError(
            f"{student.path} does not record which text encoder its vectors belong to: give --features SET of the "
            "store, or --encoder NAME."
        )
    try:
        encoding = {"encoder": dict(student.about["encoder"]), "space": dict(student.about["space"])}
        return EmbeddingSpace(**encoding["space"]), encoding
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(
            f"{student.path} does not record which text encoder its vectors belong to, or is damaged: {error}."
        ) from error


def require_free_name(store: "Database", scenes: "list[SceneInfo]", name: str) -> None:
    """BadInput where feature sets of that name were not distilled."""
    from ..core.errors import BadInput
    from ..store.catalog import catalog

    ids = {scene.id for scene in scenes}
    for found in catalog.feature_sets(store):
        if found.name == name and found.scene_id in ids and found.source != "distilled":
            raise BadInput(
                f"{found.dataset}/{found.scene} has {found.source} features named {name!r}, which would be "
                "replaced: choose another --out."
            )


def _write(store: "Database", inference: "StudentInference", params: dict[str, Any]) -> int:
    """A job a scene, and what to do next; the exit code."""
    from ..ingest.training import student_features
    from ..store.catalog import catalog

    scenes = catalog.chosen_scenes(store, params["datasets"], params["scenes"])
    require_free_name(store, scenes, inference.features)
    again = params["again"]
    jobs = [
        student_features.InferenceJob(str(store.path), inference, scene.dataset, scene.name, params["device"], again)
        for scene in scenes
    ]
    try:
        found = outcomes(student_features, store, jobs, params["write_workers"])
        code = print_outcomes(found, "written", _lines, params["as_json"])
    except KeyboardInterrupt:
        say("What was written is kept; the same command without --again writes the rest.", err=True)
        raise
    if not params["as_json"]:
        both = (
            f"{taught_by},{inference.features}" if (taught_by := inference.student["taught_by"]) else inference.features
        )
        say(f'Next: ovstore search "a red chair" --features {inference.features}')
        say(f"      ovstore eval --features {both} --labels {params['label_set_name'] or 'SET'}")
    return code


def _lines(summary: "InferenceSummary") -> list[str]:
    points = f"{summary.points:,} points, {summary.unseen:,} of them seen by no frame"
    return [f"{summary.scene}  {points}  {summary.regions:,} regions  {summary.seconds:.1f} s"]
