"""`ovstore.search`: a question in words, a picture or a region, answered by the store."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core.annotated import checked, several
from ..core.errors import NotFound
from ..core.features import Answer, Level, Query, Vectors
from ..store.postgres.database import Database
from ..store.search import described
from ..store.search import search as store_search
from .encode import BoxXyxy
from .question import AskedFeatures, Question, target_of
from .relations.answering import related
from .relations.expressions import Relation


@checked
def search(
    store: Database,
    text: str | None = None,
    *,
    image: str | Path | None = None,
    box_xyxy: BoxXyxy | None = None,
    like: int | str | None = None,
    exclude: str | Sequence[str] = (),
    features: str | None = None,
    level: Level = "object",
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    where: str | None = None,
    top: int = 10,
    exact: bool = False,
    relations: Sequence[Relation] = (),
    vectors: Vectors | None = None,
) -> Answer:
    """The regions that answer best to words, to a picture (or a box of it), or to another region; see docs/search.md.

    `like` names a region, "scene0003_00:17@object", or is its id. `exclude` are words: a region that is closer to one
    of them than to the question is left out. `relations` say where the things stand: [Below("dart board")] of
    `ovstore.query.relations`; see docs/relations.md. `vectors` says what objects are compared by: the means of their
    points' vectors ("fused"), vectors from crops of their images ("crops"; see `describe_objects`), or the mean of the
    two ("both"). By default they are fused, and both for an encoder that was taught crops once all asked scenes are
    described.
    """
    question = Question(text, None if image is None else Path(image), box_xyxy, like)
    target = target_of(store, features)
    query = Query(
        vector=question.vector(store, target),
        space=target.space,
        top=top,
        level=level,
        datasets=several(datasets),
        scenes=several(scenes),
        where=where,
        background=target.encoder.background() if text is not None else None,
        excluded=target.encoder.texts(several(exclude)) if exclude else None,
        feature_set=target.features,
        exact=exact,
    )
    query = replace(query, vectors=vectors or _usual_vectors(store, query, target))
    note = described.note(store, query)
    if relations:
        return _related(store, query, relations, question, target)
    hits = tuple(store_search.search(store, query))
    here = store_search.probably_here(hits) if text is not None else None
    return Answer(hits, here, str(question), target.space.name, query, () if note is None else (note,))


def _related(
    store: Database, query: Query, relations: Sequence[Relation], question: Question, target: AskedFeatures
) -> Answer:
    """The answer to a query with relations; what it says of being here is for its landmarks, too."""
    found = related(
        store, query, relations, target.encoder.background(), lambda words: target.encoder.texts([words])[0]
    )
    here = None if question.text is None else bool(store_search.probably_here(found.hits)) and found.landmarks_here
    said = f"{question} {' and '.join(map(str, relations))}"
    return Answer(found.hits, here, said, target.space.name, query, found.notes)


def _usual_vectors(store: Database, query: Query, target: AskedFeatures) -> Vectors:
    """Both where no asked scene lacks crops and the encoder, which is loaded only then, was taught them; else fused."""
    if query.level != "object":
        return "fused"
    try:
        lacking = described.note(store, replace(query, vectors="both"))
    except NotFound:
        return "fused"
    return "both" if lacking is None and target.encoder.taught_crops else "fused"
