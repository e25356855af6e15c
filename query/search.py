"""`ovstore.search`: a question in words, a picture or a region, answered by the store."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core.annotated import checked, several
from ..core.cancelling import step, stoppable
from ..core.errors import NotFound
from ..core.features import Answer, Hit, Level, Query, Vectors
from ..models.pictures import read_image
from ..store.postgres.database import Database
from ..store.search import described
from ..store.search import search as store_search
from ..store.search.hit_contents import StoredContents
from .encode import BoxXyxy
from .question import AskedFeatures, GivenImage, Question, target_of
from .relations.answering import related
from .relations.expressions import Relation
from .rivals import rivals_of


@checked
def search(
    store: Database,
    text: str | None = None,
    *,
    image: GivenImage | None = None,
    frame: tuple[str, str] | None = None,
    box_xyxy: BoxXyxy | None = None,
    like: int | str | None = None,
    exclude: str | Sequence[str] = (),
    features: str | None = None,
    ungrouped: bool = False,
    level: Level | None = None,
    datasets: str | Sequence[str] = (),
    scenes: str | Sequence[str] = (),
    where: str | None = None,
    min_probability: float | None = None,
    top: int = 10,
    exact: bool = False,
    relations: Sequence[Relation] = (),
    vectors: Vectors | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Answer:
    """The things that answer best to words, to a picture (or a box of it), or to another hit; see docs/search.md.

    `image` is a path, or the picture itself: the bytes of a JPEG, PNG or WebP file, an (H, W, 3) array, a Pillow image.
    `frame` names a stored one, ("scene0003_00", "000012").

    A thing is a union of superpoints; `ungrouped`, or a `level`, gives stored regions instead. `like` names a hit or a
    region, "scene0003_00:17@object", or is a region's id. `exclude` are words: a hit that is closer to one of them than
    to the question is left out, and so is one with a probability below `min_probability`. `relations` say where the
    things stand: [Below("dart board")] of `ovstore.query.relations`; see docs/relations.md. `vectors` says what hits
    are compared by: the means of their points' vectors ("fused"), vectors from crops of images of objects ("crops"; see
    `describe_objects`), or the mean of the two ("both"). By default they are fused, and both for an encoder that was
    taught crops once all asked scenes are described. `cancelled` is asked between steps; once it is true, the search
    ends with Cancelled.
    """
    with stoppable(cancelled):
        question = Question(text, image, box_xyxy, like, frame)
        target = target_of(store, features)
        query = replace(
            query_of(store, question, target, exclude),
            top=top,
            ungrouped=ungrouped or level is not None,
            level=level or "object",
            datasets=several(datasets),
            scenes=several(scenes),
            where=where,
            exact=exact,
            min_probability=min_probability,
        )
        step()
        query = replace(query, vectors=vectors or usual_vectors(store, query, target))
        if relations:
            return _related(store, query, relations, question, target)
        found = store_search.find(store, query)
        hits = tuple(map(_with_images, found.hits))
        here = store_search.probably_here(hits) if text is not None else None
        return Answer(hits, here, str(question), target.space.name, query, found.notes)


def query_of(store: Database, question: Question, target: AskedFeatures, exclude: str | Sequence[str] = ()) -> Query:
    """The question as a vector with what its answers are weighed against; `exclude` are words."""
    text, options = question.text, target.encoder.thing_options
    weighed = None if text is None else rivals_of(target.encoder, text)
    return Query(
        vector=question.vector(store, target),
        space=target.space,
        background=None if weighed is None else weighed.background,
        rivals=None if weighed is None else weighed.rivals,
        excluded=target.encoder.texts(several(exclude)) if exclude else None,
        feature_set=target.features,
        thing_options=options if text is not None else options.for_examples(),
    )


def _with_images(hit: Hit) -> Hit:
    """The hit, its parts and landmarks, able to cut out what images show of them."""
    contents = hit.contents
    if isinstance(contents, StoredContents):
        contents = replace(contents, read_image=read_image)
    landmarks = tuple(replace(one, hit=_with_images(one.hit)) for one in hit.landmarks)
    return replace(hit, contents=contents, parts=tuple(map(_with_images, hit.parts)), landmarks=landmarks)


def _related(
    store: Database, query: Query, relations: Sequence[Relation], question: Question, target: AskedFeatures
) -> Answer:
    """The answer to a query with relations; what it says of being here is for its landmarks, too."""

    def ask(words: str) -> Query:
        landmark = query_of(store, Question(words), target)
        return replace(landmark, datasets=query.datasets, scenes=query.scenes, exact=query.exact, vectors=query.vectors)

    found = related(store, query, relations, ask)
    hits = tuple(map(_with_images, found.hits))
    here = None if question.text is None else bool(store_search.probably_here(hits)) and found.landmarks_here
    said = f"{question} {' and '.join(map(str, relations))}"
    return Answer(hits, here, said, target.space.name, query, found.notes)


def usual_vectors(store: Database, query: Query, target: AskedFeatures) -> Vectors:
    """Both where no asked scene lacks crops and the encoder, which is loaded only then, was taught them; else fused."""
    if query.level != "object":
        return "fused"
    try:
        lacking = described.note(store, replace(query, vectors="both"))
    except NotFound:
        return "fused"
    return "both" if lacking is None and target.encoder.taught_crops else "fused"
