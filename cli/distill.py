"""ovstore distill: a 3D network learns what fusion found, and speaks for every point."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..store import plugins
from ._encoder_options import value_of
from ._shared import counted, opened_store, print_json, why_failed
from ._training import (
    DEFAULT_CONFIG,
    TrainingCommand,
    command_line,
    is_first,
    live,
    options_from,
    training_options,
    typed,
)  # fmt: skip

if TYPE_CHECKING:
    from ..ingest.distill import Course
    from ..ingest.distillation.teachers import Lesson
    from ..ingest.distillation.watching import Judge
    from ..ingest.distillation.writing import Summary, Voice
    from ..ingest.engines import Outcome
    from ..ingest.students import Student
    from ..store.catalog import SceneInfo
    from ..store.database import Store
    from ..store.features import EmbeddingSpace

_PUBLISHED_CONFIG = "openscene_scannet"  # how OpenScene's files take points
_HELP = """Teach a 3D network what was fused from pictures; then let it speak for every point.

    The scenes of the train split teach, those of the val split judge, and all get features: the student's, with objects
    and regions of their own, as the feature set --out. It sees points, so that those get features that no camera saw.
    What is up to date is left alone; a training that was stopped goes on with --resume.

    \b
    Examples:
      ovstore distill --features openclip --out distilled
      ovstore distill --features openclip --out distilled --config small --student tiny --hold-out 2
      ovstore distill --features openclip --out distilled --resume
      ovstore distill --weights scannet_lseg.pth.tar --features lseg --out published
      torchrun --nproc_per_node 4 -m ovstore.cli distill --features openclip --out distilled
    """


class _Distill(TrainingCommand):
    """Also the options of --encoder, each with the prefix --encoder-, where it is typed."""

    def sections(self, args: list[str]) -> list[tuple[str, list[click.Option]]]:
        from ._options import options_of

        sections = super().sections(args)
        name = value_of("--encoder", args)
        if name is None:
            return sections
        options = options_of(plugins.load("models.encoders", name, noun="encoder").Options)
        for option in options:
            option.name = f"encoder_{option.name}"
            option.opts = [f"--encoder-{flag[2:]}" for flag in option.opts]
            option.secondary_opts = [f"--no-encoder-{flag[5:]}" for flag in option.secondary_opts]
        return [*sections, (f"Options of --encoder {name}", options)]


def _params() -> list[click.Parameter]:
    return [
        click.Option(["--features"], metavar="SET", help="The feature sets that teach, by name."),
        click.Option(["--out"], metavar="NAME", required=True, help="A name for the feature sets that are written."),
        *training_options(),
        click.Option(["--split"], metavar="NAME", help="Scenes of this split teach  [default: train; all, where no"
                     " scene has a split]"),
        click.Option(["--val-split"], metavar="NAME", default="val", show_default=True,
                     help="The student is tried on scenes of this split."),
        click.Option(["--hold-out"], type=click.IntRange(0), default=0, metavar="N",
                     help="The last N scenes do not teach; the student is tried on them."),
        click.Option(["--dataset", "datasets"], multiple=True, help="Only this dataset; may be given again."),
        click.Option(["--scene", "scenes"], multiple=True, help="Only this scene; may be given again."),
        click.Option(["--labels", "label_set_name"], metavar="SET",
                     help="Also tell the mean IoU on validation scenes that have labels: see `ovstore labels list`."),
        click.Option(["--run", "run_folder"], type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                     help="Where the training is kept  [default: students/NAME in the store]"),
        click.Option(["--weights"], type=click.Path(path_type=Path), metavar="FILE.pth.tar",
                     help="Train nothing: a student that was trained here, or one that OpenScene published."),
        click.Option(["--encoder"], metavar="NAME", help="Who answers for the words of --weights, where the store has"
                     " no such features: " + ", ".join(plugins.names("models.encoders"))
                     + ". Its options get the prefix --encoder-: see --encoder NAME --help."),
        click.Option(["--train-only"], is_flag=True, help="Write no features."),
        click.Option(["--write-only"], is_flag=True, help="Train nothing: the student in the run's folder writes."),
        click.Option(["--passes"], type=click.IntRange(1), default=1, show_default=True,
                     help="Average so many passes over a scene that is placed at random; 1: once, as it stands."),
        click.Option(["--write-workers"], type=click.IntRange(1), default=1, show_default=True,
                     help="Scenes written at once, each in a process of its own."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
    ]  # fmt: skip


def _distill(**params: Any) -> None:
    _check(params)
    if not is_first():
        logging.disable(logging.WARNING)
    if params["weights"] or params["write_only"]:
        if is_first():
            raise SystemExit(_write_with_weights(params))
        return
    from ..models.training.parallel import ranks

    with ranks(params["device"]) as group:
        planned = group.of_first(_course(params) if group.first else None)
        assert planned is not None
        course, needed = planned
        if needed:
            _train(course, params)
    if is_first() and not params["train_only"]:
        raise SystemExit(_write_with_course(course, params))


def _check(params: dict[str, Any]) -> None:
    """UsageError for options that make no sense together."""
    without_training = "--weights" if params["weights"] else "--write-only" if params["write_only"] else None
    if params["weights"] and params["write_only"]:
        raise click.UsageError("--write-only takes the weights of the run's folder: leave it or --weights out.")
    if without_training:
        for name in ("resume", "train_only", "hold_out", "split", "label_set_name"):
            if params[name]:
                flag = {"label_set_name": "labels"}.get(name, name).replace("_", "-")
                raise click.UsageError(f"With {without_training} nothing is trained: leave --{flag} out.")
    elif params["features"] is None:
        raise click.UsageError("Say which feature sets teach: --features NAME (see `ovstore features`).")
    elif params["encoder"]:
        raise click.UsageError("The features that teach say whose words they know: --encoder is for --weights.")
    if params["features"] == params["out"]:
        raise click.UsageError("--out would replace the features that teach: take another name.")
    if params["resume"] and params["again"]:
        raise click.UsageError("--resume goes on, --again begins anew: give one of them.")


def _course(params: dict[str, Any]) -> "tuple[Course, bool]":
    """What is to be learnt, and whether there is anything left of it; says who teaches."""
    from ..ingest.distill import Course, forget_training
    from ..ingest.distillation.teachers import lesson, require_colors, select
    from ..ingest.students import students_folder
    from ._options import from_params

    options = options_from(params)
    if options.loss == "cross_entropy":
        raise click.UsageError("Vectors are taught by cosine or l1; cross_entropy is for `ovstore train supervised`.")
    with opened_store() as store:
        scenes = select(store, params["datasets"], params["scenes"])
        _require_free_name(store, scenes, params["out"])
        held = lesson(store, scenes, params["features"], params["split"], params["val_split"], params["hold_out"])
        if options.inputs == "color":
            require_colors(held)
        folder = params["run_folder"] or students_folder(store, params["out"])
    student = plugins.load("models.students", params["student"], noun="student")
    course = Course(held, params["student"], from_params(student.Options, params), options, folder)
    if params["again"]:
        forget_training(folder)
    needed = _is_needed(course, params["resume"])
    click.echo(_introduction(course, len(scenes)), err=params["as_json"])
    return course, needed


def _is_needed(course: "Course", resume: bool) -> bool:
    """Whether there is something to train; BadInput for a training in the folder that nobody asked to go on with."""
    from ..store.errors import BadInput

    ways = "--again begins anew in its place, --run DIR in another folder"
    try:
        standing = course.standing()
    except BadInput as error:
        raise BadInput(f"{error} Go on with what it was begun with; {ways}; --write-only writes with it.") from error
    if standing == "none" and resume:
        raise BadInput(f"{course.folder} holds no training to go on with: leave --resume out.")
    if standing == "unfinished" and not resume:
        raise BadInput(f"{course.folder} holds a training that was stopped: --resume goes on with it; {ways}.")
    return standing != "finished"


def _introduction(course: "Course", selected: int) -> str:
    held = course.lesson
    teach = f"{counted(len(held.taught), 'scene')} teach{'es' if len(held.taught) == 1 else ''} {course.student}"
    if held.validation:
        names = [teacher.scene.name for teacher in held.validation]
        judge = f"tried on {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    else:
        judge = "tried on none (--hold-out N keeps the last N scenes for that)"
    return f"{teach} {held.features!r} ({held.space.name}, {held.space.dim} numbers a point), {judge}: {course.folder}"


def _train(course: "Course", params: dict[str, Any]) -> None:
    """To the end; a signal saves, and says how to go on."""
    from ..ingest.distill import last_figures, teach
    from ..store.errors import Interrupted

    judges = _judges(course.lesson, course.folder, params["label_set_name"]) if is_first() else []
    try:
        with live() as report:
            trained = teach(
                course,
                device=params["device"],
                workers=params["workers"],
                resume=params["resume"],
                judges=judges,
                validate_every=params["validate_every"],
                report=report,
                tell=lambda epoch, figures: click.echo(f"epoch {epoch}: {_figures(figures)}", err=True),
            )
    except Interrupted as stopped:
        if is_first():
            click.echo(f"{stopped}\n  {command_line(click.get_current_context(), '--resume')}", err=True)
        raise SystemExit(130) from stopped
    if is_first():
        said = f"trained {trained.steps:,} steps  {_figures(last_figures(course.folder))}  {trained.weights}"
        click.echo(said, err=params["as_json"])


def _figures(figures: "dict[str, float] | Any") -> str:
    return "  ".join(
        f"{name} {value * 100:.1f}" if name.startswith("m") else f"{name} {value:.4f}"
        for name, value in figures.items()
    )  # fmt: skip


def _judges(held: "Lesson", folder: Path, label_set_name: str | None) -> "list[Judge]":
    """Who looks at validation scenes: always one who draws, and one who knows labels where a set is named."""
    if not held.validation:
        return []
    from ._watching import Labelling, Samples

    judges: list[Judge] = [Samples(folder / "samples")]
    if label_set_name is not None:
        from ..evaluation import label_files
        from ..query.encode import encoder_of
        from ._class_texts import class_texts

        label_set = label_files.load(label_set_name)
        with opened_store() as store:
            asked = class_texts(encoder_of(held.encoding, held.space, store=store), label_set, False, None)
        for note in asked.notes:
            click.echo(note, err=True)
        judges.append(Labelling(label_set, asked.texts))
    return judges


def _write_with_course(course: "Course", params: dict[str, Any]) -> int:
    from ..ingest.distillation.writing import voice_of
    from ..ingest.students import student_of_file
    from ..models.training.checkpoint import LAST

    student = student_of_file(course.folder / LAST)
    held = course.lesson
    voice = voice_of(student, params["out"], held.space, held.encoding, held.features, params["passes"])
    with opened_store() as store:
        return _write(store, voice, params)


def _write_with_weights(params: dict[str, Any]) -> int:
    """With a student that is there already."""
    from dataclasses import replace

    from ..ingest.distillation.writing import voice_of
    from ..ingest.students import student_of_file, students_folder
    from ..models.training.checkpoint import LAST
    from ..store.errors import BadInput

    with opened_store() as store:
        folder = params["run_folder"] or students_folder(store, params["out"])
        if params["write_only"] and not (folder / LAST).is_file():
            raise BadInput(f"{folder} holds no student: --run names another folder, or train one first.")
        is_default = params["config"] == DEFAULT_CONFIG
        config = {**params, "config": _PUBLISHED_CONFIG if is_default else params["config"]}
        student = student_of_file(params["weights"] or folder / LAST, options_from(config))
        if student.about and (given := typed(params)):
            flag = next(iter(given)).replace("_", "-")
            raise click.UsageError(f"{student.path} says itself how it was trained: leave --{flag} out.")
        space, encoding = _words_of(store, student, params)
        voice = voice_of(student, params["out"], space, encoding, student.about.get("features"), params["passes"])
        return _write(store, replace(voice), params)


def _words_of(store: "Store", student: "Student", params: dict[str, Any]) -> "tuple[EmbeddingSpace, dict[str, Any]]":
    """The embedding space of a student's vectors, and the encoder that answers for words there."""
    from dataclasses import asdict

    from ..ingest import recipe
    from ..store import catalog
    from ..store.errors import BadWeights, NotFound
    from ..store.features import EmbeddingSpace
    from ._options import from_params

    if params["encoder"]:
        plugin = plugins.load("models.encoders", params["encoder"], noun="encoder")
        own = {name[8:]: value for name, value in params.items() if name.startswith("encoder_")}
        options = from_params(plugin.Options, own)
        space = plugin.space(options)
        return space, recipe.encoding(params["encoder"], options, space)
    if params["features"]:
        kinds = catalog.feature_kinds(store)
        named = [kind for kind in kinds if kind.name == params["features"]]
        if not named:
            known = ", ".join(sorted({kind.name for kind in kinds})) or "none"
            raise NotFound(f"No features named {params['features']!r}. There are: {known}.")
        return named[0].space, {"encoder": named[0].recipe["encoder"], "space": asdict(named[0].space)}
    if not student.about:
        raise click.UsageError(
            f"{student.path} does not say whose words its vectors know: --features SET that the store has, or "
            "--encoder NAME."
        )
    try:
        encoding = {"encoder": dict(student.about["encoder"]), "space": dict(student.about["space"])}
        return EmbeddingSpace(**encoding["space"]), encoding
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(f"{student.path} does not say whose words it knows, or is damaged: {error}.") from error


def _require_free_name(store: "Store", scenes: "list[SceneInfo]", name: str) -> None:
    """BadInput where feature sets of that name were not distilled."""
    from ..store import catalog
    from ..store.errors import BadInput

    ids = {scene.id for scene in scenes}
    for found in catalog.feature_sets(store):
        if found.name == name and found.scene_id in ids and found.source != "distilled":
            raise BadInput(
                f"{found.dataset}/{found.scene} has {found.source} features named {name!r}, which would be replaced: "
                "take another --out."
            )


def _write(store: "Store", voice: "Voice", params: dict[str, Any]) -> int:
    """A job a scene; the exit code says whether some failed."""
    from ..ingest.distillation.teachers import select
    from ..ingest.distillation.writing import Job

    scenes = select(store, params["datasets"], params["scenes"])
    _require_free_name(store, scenes, voice.features)
    again = params["again"]
    jobs = [Job(str(store.path), voice, scene.dataset, scene.name, params["device"], again) for scene in scenes]
    return _print(_outcomes(store, jobs, params["write_workers"]), voice.features, params["as_json"])


def _outcomes(store: "Store", jobs: list[Any], workers: int) -> "Iterator[Outcome]":
    from ..ingest.distillation import writing
    from ._progress import stages

    run = plugins.load("ingest.engines", "inline" if workers == 1 else "processes").run
    with stages(len(jobs)) as bar:
        task = (lambda job: writing.run_in(store, job, bar.report)) if workers == 1 else writing.run
        for outcome in run(task, jobs, workers):
            bar.scene_done()
            yield outcome


def _print(outcomes: "Iterator[Outcome]", features: str, as_json: bool) -> int:
    """A line a scene on stdout, and what to do next."""
    from dataclasses import asdict

    from ..store.errors import one_line

    documents: list[dict[str, Any]] = []
    for outcome in outcomes:
        scene = one_line(outcome.item.scene)
        if outcome.error is not None:
            documents.append({"scene": scene, "failed": why_failed(outcome.error, scene)})
            line = f"{scene}  failed: {documents[-1]['failed']}"
        else:
            documents.append(asdict(outcome.result))
            line = _line(outcome.result)
        if not as_json:
            click.echo(line)
    failed = sum("failed" in document for document in documents)
    if as_json:
        print_json(documents)
        return 1 if failed else 0
    unchanged = sum(document.get("up_to_date", False) for document in documents)
    done = f"{len(documents) - failed - unchanged} written, {unchanged} up to date, {failed} failed."
    click.echo(done + (" See: ovstore jobs --failed" if failed else ""))
    if failed < len(documents):
        click.echo(f'Next: ovstore search "a red chair" --features {features}')
        click.echo("      ovstore eval --labels scannet20 --features ensemble")
    return 1 if failed else 0


def _line(summary: "Summary") -> str:
    if summary.up_to_date:
        return f"{summary.scene}  up to date (feature set {summary.feature_set})"
    points = f"{summary.points:,} points, {summary.unseen:,} of them seen by no frame"
    return f"{summary.scene}  {points}  {summary.regions:,} regions  {summary.seconds:.1f} s"


command = _Distill("distill", params=_params(), callback=_distill, help=_HELP)
