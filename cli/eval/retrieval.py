"""ovstore eval retrieval: how well rare things are found among all scenes."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...core.wording import counted
from .._options.completion import complete
from .._options.eval_options import (
    folder,
    out_option,
    print_tables,
    save_tables,
    scene_options,
    table_option,
    templates_option,
)
from .._options.shared import json_option, opened_store, print_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...evaluation.labels.label_set import LabelSet
    from ...evaluation.retrieval.collection import Collection
    from ...evaluation.retrieval.questions import Asked, Texts
    from ...query.encode import Encoder


@click.command("retrieval")
@click.option(
    "--labels",
    "label_set_name",
    metavar="SET",
    help="Query classes: a name from `ovstore labels list`, or a .json file  [default: the scans' own labels]",
)
@click.option(
    "--max-scenes",
    type=click.IntRange(1),
    metavar="N",
    help="Query labels that at most N scenes hold  [default: a tenth of the scenes, at least one]",
)
@click.option(
    "--absent",
    metavar="NAME,NAME|FILE",
    help="Words for what no scene holds, or a file with one per line  [default: classes of --labels that no scene "
    "holds, or everyday words]",
)
@click.option(
    "--pictures",
    type=folder,
    metavar="DIR",
    help="Also query by image: DIR/queries.json lists the images, see docs/retrieval.md.",
)
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="A feature set by name or id; or fusion, distill  [default: the feature set most scenes have]",
)
@scene_options
@templates_option
@table_option
@click.option("--per-label", is_flag=True, help="Also print one row per query.")
@out_option
@json_option
def command(
    label_set_name: str | None,
    max_scenes: int | None,
    absent: str | None,
    pictures: Path | None,
    features: str | None,
    split: str | None,
    datasets: tuple[str, ...],
    scenes: tuple[str, ...],
    templates: str | None,
    table: Path | None,
    per_label: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Evaluate how well rare things are found among all scenes.

    Every label that few scenes hold is queried by its name, and all scenes are ranked: by their mean vector, their
    prototypes, their regions, their points. The tables show how often the right scene comes first, how well the best
    regions and masks fit the thing, and how well scores separate what is present from what is absent.

    \b
    Examples:
      ovstore eval retrieval
      ovstore eval retrieval --labels scannet200 --split val --max-scenes 5 --per-label
      ovstore eval retrieval --pictures bench/queries --out table.md
    """
    if table is not None and label_set_name is None:
        raise click.UsageError("--table requires --labels.")

    from ...core.errors import NotFound
    from ...evaluation.labels import label_files
    from ...evaluation.retrieval import questions
    from ...evaluation.retrieval import tables as retrieval_tables
    from ...evaluation.retrieval.collection import collect
    from ...evaluation.retrieval.report import RetrievalReport
    from ...evaluation.retrieval.report import as_json as document
    from ...evaluation.retrieval.run import retrieve
    from ...evaluation.retrieval.things import label_points, own_labels
    from ...evaluation.scenes import select
    from ...workflows.class_texts import asked_with
    from .._output.progress import stages

    with opened_store(reading=True) as store:
        collection = collect(store, select(store, split, datasets, scenes), features)
        label_set = (
            own_labels(store, collection.scenes) if label_set_name is None else label_files.load(label_set_name, table)
        )
        points = label_points(store, collection.scenes, label_set)
        most = max_scenes or questions.tenth(len(collection.scenes))
        encoder = _encoder(collection, templates)
        asked = _questions(encoder, label_set, points, most, absent, label_set_name is None)
        if pictures is not None:
            asked.append(_pictures(encoder, pictures, label_set, points, most, label_set_name is None))
        every = [question for part in asked for question in part.questions]
        if all(question.label is None for question in every):
            raise NotFound(
                f"Nothing to query: no label of {label_set.name} whose words are known is in at most {most} of "
                f"{counted(len(collection.scenes), 'scene')}. A larger --max-scenes may include more labels."
            )
        with stages(len(collection.scenes) + 2 * len(every), "steps") as bars:
            answered = retrieve(collection, label_set, points, every, bars.scene_done)
    report = RetrievalReport(
        collection.name,
        label_set.name,
        tuple(scene.full_name for scene in collection.scenes),
        most,
        tuple(answered),
        asked_with(encoder),
        (*collection.notes, *(note for part in asked for note in part.notes)),
    )
    tables = retrieval_tables.tables(report, per_label)
    save_tables(out, report, tables, document)
    if as_json:
        print_json(document(report))
    else:
        print_tables(report, tables)


def _encoder(collection: "Collection", templates: str | None) -> "Encoder":
    """The one that the features were made with."""
    from ...query.class_texts import with_templates
    from ...query.encode import encoder_of

    encoder = encoder_of(collection.sets[0].recipe, collection.space, store=collection.store)
    return encoder if templates is None else with_templates(encoder, templates)


def _questions(
    encoder: "Encoder",
    label_set: "LabelSet",
    points: "NDArray[np.int64]",
    most: int,
    absent: str | None,
    own: bool,
) -> "list[Asked]":
    """The names of rare labels, and words for what is not there; `own` says that the labels are the scans' own."""
    import numpy as np

    from ...evaluation.retrieval import questions
    from ...models.everyday import EVERYDAY, NOTHING_IN_PARTICULAR
    from ...query.class_texts import known_texts

    texts: Texts = partial(known_texts, encoder)
    background = encoder.background()
    if absent is not None:
        words = _words(absent)
        questions.require_absent(words, label_set, points)
    elif own:
        everyday = [word for word in EVERYDAY if word not in NOTHING_IN_PARTICULAR]
        words = questions.unheld(everyday, label_set, points, texts)
    else:
        words = [label_set.classes[index].texts[0] for index in np.flatnonzero(~points.any(axis=1))]
    return [
        questions.by_name(label_set, points, most, texts, background),
        questions.absent(words, texts, background),
    ]


def _words(absent: str) -> list[str]:
    """NAME,NAME or the lines of a file."""
    from ...core.errors import BadInput

    path = Path(absent)
    try:
        entries = path.read_text(encoding="utf-8").splitlines() if path.is_file() else absent.split(",")
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as lines of text: {error}.") from error
    words = [entry.strip() for entry in entries if entry.strip()]
    if not words:
        raise BadInput(f"--absent {absent!r} contains no word.")
    return list(dict.fromkeys(words))


def _pictures(
    encoder: "Encoder",
    folder: Path,
    label_set: "LabelSet",
    points: "NDArray[np.int64]",
    most: int,
    own: bool,
) -> "Asked":
    from ...evaluation.retrieval import questions
    from ...evaluation.retrieval.picture_list import read_pictures

    return questions.by_picture(
        read_pictures(folder),
        label_set,
        points,
        most,
        lambda picture: encoder.picture(picture.path, picture.box_xyxy),
        own,
    )
