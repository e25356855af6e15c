"""How well rare things are found among all scenes: by words, and by images where there is a list of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.annotated import check_fields, checked, several
from ..core.errors import BadInput, Misused, NotFound
from ..core.features import Vectors
from ..core.wording import counted
from ..evaluation.labels import label_files
from ..evaluation.labels.label_set import LabelSet
from ..evaluation.retrieval import questions
from ..evaluation.retrieval.collection import collect
from ..evaluation.retrieval.picture_list import read_pictures
from ..evaluation.retrieval.questions import Asked, Texts
from ..evaluation.retrieval.report import RetrievalReport
from ..evaluation.retrieval.run import retrieve
from ..evaluation.retrieval.things import label_points, own_labels
from ..evaluation.scenes import select
from ..ingest.report import Report, quiet
from ..models.everyday import EVERYDAY, NOTHING_IN_PARTICULAR
from ..query.encode import Encoder, encoder_of
from ..query.rivals import rivals_of
from ..query.templates import asked_with, known_texts, with_templates
from ..store.catalog import leases
from ..store.postgres.database import Database


@dataclass(frozen=True, kw_only=True)
class RetrievalRequest:
    """What is asked of which scenes."""

    labels: str | None = None  # a label set's name, or the path of a .json file; None: the scans' own labels
    max_scenes: int | None = None  # what at most so many scenes hold; None: a tenth of them, at least one
    absent: tuple[str, ...] | None = (
        None  # words for what no scene holds; None: classes without a point, or everyday words
    )
    pictures: Path | None = None  # a folder with queries.json
    features: str | None = None  # name or id; fusion or distill; None: what most scenes have
    split: str | None = None
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    templates: str | None = None  # sentences around the words
    table: Path | None = None  # another table of the dataset's label names
    vectors: Vectors = "fused"  # of objects

    def __post_init__(self) -> None:
        check_fields(self)
        if self.table is not None and self.labels is None:
            raise Misused("--table requires --labels.")
        if self.max_scenes is not None and self.max_scenes < 1:
            raise BadInput(f"The most scenes that hold a thing must be at least 1, not {self.max_scenes}.")


@checked
def evaluate_retrieval(
    store: Database,
    labels: str | Path | None = None,
    *,
    max_scenes: int | None = None,
    absent: str | Sequence[str] | None = None,
    pictures: str | Path | None = None,
    features: str | None = None,
    split: str | None = None,
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    templates: str | None = None,
    table: str | Path | None = None,
    vectors: Vectors = "fused",
    progress: Callable[[str, int, int], None] = quiet,
) -> RetrievalReport:
    """Ask for what few scenes hold, and see how often the right scene comes first.

        report = ovstore.evaluate_retrieval(store, max_scenes=5)
        section = report.sections[0]             # of the questions by name
        section.ranks("objects").recall_at_1     # a share from 0 to 1; also of "scene mean", "best point" ...

    Every label that at most `max_scenes` scenes hold is queried by its name, and all scenes are ranked by their mean
    vector, their prototypes, their regions and their points. `absent` are words for what no scene holds, `pictures` a
    folder with queries.json, `vectors` what objects are compared by. Recall, mean reciprocal rank, AUROC and average
    precision are as in docs/retrieval.md; `progress` is called with a stage, steps done and steps in all.

    NotFound where there is nothing to ask for, or no scene or feature set answers to what was named; Misused for
    arguments that do not go together, and for `absent` words that a scene holds.
    """
    request = RetrievalRequest(
        labels=None if labels is None else str(labels),
        max_scenes=max_scenes,
        absent=None if absent is None else several(absent),
        pictures=None if pictures is None else Path(pictures),
        features=features,
        split=split,
        datasets=several(datasets),
        scenes=several(scenes),
        templates=templates,
        table=None if table is None else Path(table),
        vectors=vectors,
    )
    return evaluate_retrieval_by(store, request, progress)


def evaluate_retrieval_by(store: Database, request: RetrievalRequest, report: Report = quiet) -> RetrievalReport:
    """The evaluation that a request describes; what the catalog names stays readable until the end."""
    with leases.reading(store):
        selected = select(store, request.split, request.datasets, request.scenes)
        collection = collect(store, selected, request.features, request.vectors)
        own = request.labels is None
        label_set = (
            own_labels(store, collection.scenes)
            if request.labels is None
            else label_files.load(request.labels, request.table)
        )
        points = label_points(store, collection.scenes, label_set)
        most = request.max_scenes or questions.tenth(len(collection.scenes))
        encoder = encoder_of(collection.sets[0].recipe, collection.space, store=store)
        if request.templates is not None:
            encoder = with_templates(encoder, request.templates)
        asked = _by_words(encoder, label_set, points, most, request.absent, own)
        if request.pictures is not None:
            asked.append(_by_pictures(encoder, request.pictures, label_set, points, most, own))
        every = [question for part in asked for question in part.questions]
        if all(question.label is None for question in every):
            raise NotFound(
                f"Nothing to query: no label of {label_set.name} whose words are known is in at most {most} of "
                f"{counted(len(collection.scenes), 'scene')}. A larger --max-scenes may include more labels."
            )
        total, done = len(collection.scenes) + 2 * len(every), 0

        def step() -> None:
            nonlocal done
            done += 1
            report("steps", done, total)

        answered = retrieve(collection, label_set, points, every, step)
    return RetrievalReport(
        collection.name,
        label_set.name,
        tuple(scene.full_name for scene in collection.scenes),
        most,
        tuple(answered),
        asked_with(encoder),
        (*collection.notes, *_of_vectors(request.vectors), *(note for part in asked for note in part.notes)),
    )


def _of_vectors(vectors: Vectors) -> Iterator[str]:
    if vectors == "crops":
        yield "objects are compared by their vectors from crops of images"
    if vectors == "both":
        yield "objects are compared by the means of their fused vectors and those from crops of images"


def _by_words(
    encoder: Encoder,
    label_set: LabelSet,
    points: NDArray[np.int64],
    most: int,
    absent: Sequence[str] | None,
    own: bool,
) -> list[Asked]:
    """The names of rare labels, and words for what is not there; `own` says that the labels are the scans' own."""
    texts: Texts = partial(known_texts, encoder)

    def weigh(words: str) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        weighed = rivals_of(encoder, words)
        return weighed.background, weighed.rivals

    if absent is not None:
        words = list(absent)
        questions.require_absent(words, label_set, points)
    elif own:
        everyday = [word for word in EVERYDAY if word not in NOTHING_IN_PARTICULAR]
        words = questions.unheld(everyday, label_set, points, texts)
    else:
        words = [label_set.classes[index].texts[0] for index in np.flatnonzero(~points.any(axis=1))]
    return [
        questions.by_name(label_set, points, most, texts, weigh),
        questions.absent(words, texts, weigh),
    ]


def _by_pictures(
    encoder: Encoder, folder: Path, label_set: LabelSet, points: NDArray[np.int64], most: int, own: bool
) -> Asked:
    return questions.by_picture(
        read_pictures(folder),
        label_set,
        points,
        most,
        lambda picture: encoder.picture(picture.path, picture.box_xyxy),
        own,
    )
