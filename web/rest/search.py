"""GET and POST /search, and GET /suggest: the whole store against a question."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import BadInput
from ...core.features import Answer, Level
from ...core.paging import key_of, token
from ...query.question import Question
from ...query.relations.expressions import Relation
from ...query.relations.grammar import parse
from ...query.search import search as search_store
from .. import paging
from ..answers import SearchAnswer, SuggestAnswer
from ..asked import MOST_CHARACTERS, MOST_EXCLUDED, Features, require_short, target
from ..documents import ASK_AGAIN, answer, etag, unchanged
from ..hits import HitsOut
from ..limits import gone, worked
from ..served import Served, prefix, served
from ..uploads import ASKED_BY_EXAMPLE, question_of

routes = APIRouter(tags=["search"])

MOST_HITS = 1_000
_MOST_NAMES = 100
_SUGGESTED = 12

Names = Annotated[list[str], Query(max_length=_MOST_NAMES)]
ResultLevel = Literal["thing", "object", "superpoint"]


@dataclass(frozen=True)
class Asked:
    """A question to the whole store, and what may answer it."""

    question: Question
    excluded: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    features: str | None = None
    level: ResultLevel = "thing"
    where: str | None = None
    min_probability: float | None = None
    relations: tuple[Relation, ...] = field(default=())

    @property
    def words(self) -> list[str]:
        """All texts that have to be encoded, but for those of relations."""
        return [*([] if self.question.text is None else [self.question.text]), *self.excluded]


@routes.get("/search", response_model=SearchAnswer, summary="Things of all scenes by words")
async def search(
    request: Request,
    q: Annotated[str | None, Query(max_length=MOST_CHARACTERS, description="what is looked for, in words")] = None,
    ask: Annotated[
        str | None, Query(max_length=MOST_CHARACTERS, description="words and relations: lamp below shelf")
    ] = None,
    like: Annotated[str | None, Query(max_length=1_500, description="SCENE:ORDINAL@LEVEL, or an id")] = None,
    excluded: Annotated[list[str], Query(alias="not", max_length=MOST_EXCLUDED)] = [],
    dataset: Names = [],
    scene: Names = [],
    features: Features = None,
    level: ResultLevel = "thing",
    where: Annotated[str | None, Query(max_length=10_000, description="a condition in SQL")] = None,
    min_prob: Annotated[float | None, Query(ge=0, le=1)] = None,
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 10,
    after: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Whole things, best first, with evidence; `level` gives stored regions. Exactly one of q, ask and like."""
    here = served(request)
    for name in ("q", "ask", "like"):
        if len(request.query_params.getlist(name)) > 1:
            raise BadInput(f"{name} is given more than once; a search answers one question.")
    if ask is not None and (q is not None or like is not None):
        raise BadInput("ask says it all in one sentence: leave q and like out.")
    relations: tuple[Relation, ...] = ()
    if ask is not None:
        require_short([ask])
        said = parse(ask)
        q, relations = said.words, said.relations
    require_short([words for words in (q, like, *excluded) if words is not None])
    _require_no_nul([*dataset, *scene, where or ""])
    asked = Asked(
        Question(text=q, like=like),
        tuple(excluded),
        tuple(dataset),
        tuple(scene),
        features,
        level,
        where,
        min_prob,
        relations,
    )
    version = f"search {await to_thread.run_sync(here.store.changes)} {asked} {limit} {after}"
    if unchanged(request, etag(version)):
        return Response(status_code=304, headers={"ETag": etag(version), "Cache-Control": ASK_AGAIN})
    found = await worked(request, here.gates.searches, lambda: found_hits(here, prefix(request), asked, limit, after))
    return answer(request, found, version)


@routes.post(
    "/search", response_model=SearchAnswer, openapi_extra=ASKED_BY_EXAMPLE, summary="Things by a picture or a region"
)
async def search_by_example(
    request: Request,
    dataset: Names = [],
    scene: Names = [],
    features: Features = None,
    level: ResultLevel = "thing",
    where: Annotated[str | None, Query(max_length=10_000)] = None,
    limit: Annotated[int, Query(ge=1, le=paging.MOST)] = 10,
) -> Response:
    """A picture (multipart), `{"like": "SCENE:17@object"}`, or a frame of the store with a box."""
    here = served(request)
    _require_no_nul([*dataset, *scene, where or ""])
    question = await question_of(request)
    asked = Asked(question, (), tuple(dataset), tuple(scene), features, level, where)
    gate = here.gates.searches if question.like is not None else here.gates.encodes
    found = await worked(request, gate, lambda: found_hits(here, prefix(request), asked, limit, None))
    return answer(request, found)


@routes.get("/suggest", response_model=SuggestAnswer, summary="How half a question may go on")
def suggest(
    request: Request,
    q: Annotated[str, Query(max_length=MOST_CHARACTERS)] = "",
    features: Features = None,
) -> Response:
    """Names of everyday things that begin so; for encoders of a closed vocabulary these are all words they know."""
    here = served(request)
    began = q.strip().lower()
    asked = target(here, features, [])
    names = asked.encoder.everyday if here.words.state(asked.features) == "ready" else ()
    words = sorted({name for name in names if name.lower().startswith(began)}) if began else []
    return answer(request, SuggestAnswer(words[:_SUGGESTED]))


def asked_store(here: Served, asked: Asked, top: int) -> Answer:
    """What `ovstore search` answers."""
    target(here, asked.features, asked.words)
    question, level = asked.question, asked.level
    regions: Level | None = None if level == "thing" else level
    return search_store(
        here.store,
        question.text,
        image=question.image,
        frame=question.frame,
        box_xyxy=question.box_xyxy,
        like=question.like,
        exclude=asked.excluded,
        features=asked.features,
        level=regions,
        datasets=asked.datasets,
        scenes=asked.scenes,
        where=asked.where,
        min_probability=asked.min_probability,
        relations=asked.relations,
        top=top,
        cancelled=gone,
    )


def found_hits(here: Served, prefix: str, asked: Asked, limit: int, after: str | None) -> SearchAnswer:
    """What GET /search says: hits behind the key of `after`, which is how many there were, and the last one's name."""
    began = time.monotonic()
    key = None if after is None else key_of(after, "hits", (int, str))
    before = 0 if key is None else int(key[0])
    if not 0 <= before < MOST_HITS or (key is not None and before == 0):
        raise BadInput(f"At most {MOST_HITS:,} hits of an answer are given.")
    top = min(before + limit, MOST_HITS)
    answered = asked_store(here, asked, top)
    hits = list(answered)
    start = 0
    if key is not None:
        names = [hit.full_name for hit in hits]
        start = names.index(str(key[1])) + 1 if key[1] in names else before
    shown = hits[start : start + limit]
    more = len(hits) == top and top < MOST_HITS and bool(shown)
    out = HitsOut(here.store, prefix, _in_url(asked), shown)
    return SearchAnswer(
        question=_without_files(asked.question, answered),
        probably_here=answered.probably_here,
        space=answered.space,
        features=target(here, asked.features, []).features,
        notes=list(answered.notes),
        took_ms=round(1000 * (time.monotonic() - began), 1),
        hits=[out.answer(hit) for hit in shown],
        next=token("hits", (start + len(shown), shown[-1].full_name)) if more else None,
    )


def _in_url(asked: Asked) -> dict[str, str | Sequence[str]]:
    """The question as the URL of a scene has it."""
    question: dict[str, str | Sequence[str]] = {} if asked.question.text is None else {"q": asked.question.text}
    if asked.excluded:
        question["not"] = asked.excluded
    if asked.features is not None:
        question["features"] = asked.features
    return question


def _without_files(question: Question, answered: Answer) -> str:
    return "a picture" if question.image is not None else answered.question


def _require_no_nul(texts: Sequence[str]) -> None:
    if any("\0" in text for text in texts):
        raise BadInput("A parameter contains a NUL character, which no text can.")
