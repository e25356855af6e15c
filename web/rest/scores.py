"""GET and POST /scenes/{dataset}/{scene}/scores, and /heat: a scene against questions, by region and by point."""

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ...core.features import Level
from ...query import heat as heat_of
from ...query.question import Question
from ...query.scene_scores import scene_scores
from ...store.catalog import displays
from ...store.catalog.catalog import SceneInfo
from ...store.files import display
from ...store.search.scene_scores import SceneScores
from .. import files, urls
from ..answers import ScoreRow, ScoresAnswer
from ..asked import Excluded, Features, Questions, Words, require_short, target
from ..documents import answer
from ..limits import worked
from ..served import Served, served
from ..uploads import ASKED_BY_EXAMPLE, question_of
from .regions import usual_set

routes = APIRouter(tags=["scores"])

_FLOATS = "application/octet-stream"
_SCORES = files.described(_FLOATS)
_HEAT = files.described(_FLOATS)


@routes.get(
    "/scenes/{dataset}/{scene}/scores",
    response_model=ScoresAnswer,
    responses=_SCORES,
    summary="All regions of a scene against words",
)
async def scores(
    request: Request,
    dataset: str,
    scene: str,
    q: Questions,
    excluded: Excluded = [],
    features: Features = None,
    level: Level = "object",
) -> Response:
    """A row per question. With `Accept: application/octet-stream` the scores alone, rows of float32."""
    require_short(q)
    here = served(request)
    questions = [Question(words) for words in q]
    return await _scores(request, here, dataset, scene, questions, excluded, features, level)


@routes.post(
    "/scenes/{dataset}/{scene}/scores",
    response_model=ScoresAnswer,
    openapi_extra=ASKED_BY_EXAMPLE,
    summary="All regions of a scene against a picture or a region",
)
async def scores_by_example(
    request: Request, dataset: str, scene: str, features: Features = None, level: Level = "object"
) -> Response:
    """A picture (multipart), `{"like": "SCENE:17@object"}`, or a frame of the store with a box."""
    here = served(request)
    example = await question_of(request)
    return await _scores(request, here, dataset, scene, [example], [], features, level)


@routes.get(
    "/scenes/{dataset}/{scene}/heat",
    response_class=Response,
    responses=_HEAT,
    summary="All points of a scene against words",
)
async def heat(request: Request, dataset: str, scene: str, q: Words, features: Features = None) -> Response:
    """A byte per point in the order of geometry/points: 0 where no frame saw it, else 1 to 255 from low to high."""
    require_short([q])
    here = served(request)

    def made() -> tuple[SceneInfo, bytes, float, float]:
        found = urls.scene_of(here.store, dataset, scene)
        held = usual_set(here.store, found, features)
        target(here, held.name, [q])
        heat = heat_of.point_scores(here.store, found, Question(q), held.name)
        rows = display.drawn_rows(displays.points(here.store, found).layout)
        share = (heat.score[rows] - heat.low) / max(heat.high - heat.low, 1e-6)
        value = np.rint(1 + 254 * np.nan_to_num(np.clip(share, 0, 1))).astype(np.uint8)
        value[np.isnan(share)] = 0
        return found, value.tobytes(), heat.low, heat.high

    found, body, low, high = await worked(request, here.gates.searches, made)
    response = files.whole(request, f"heat {found.content_digest} {features} {q} {low} {high}", _FLOATS, body)
    response.headers["X-Low"], response.headers["X-High"] = repr(low), repr(high)
    return response


async def _scores(
    request: Request,
    here: Served,
    dataset: str,
    scene: str,
    questions: list[Question],
    excluded: list[str],
    features: str | None,
    level: Level,
) -> Response:
    def made() -> tuple[str, SceneScores, str, str]:
        found = urls.scene_of(here.store, dataset, scene)
        held = usual_set(here.store, found, features)
        words = [one.text for one in questions if one.text is not None]
        asked = target(here, held.name, [*words, *excluded])
        scored = scene_scores(here.store, questions, found.full_name, exclude=excluded, features=held.name, level=level)
        return held.name, scored, asked.space.name, held.content_digest

    name, scored, space, digest = await worked(request, here.gates.searches, made)
    if _FLOATS in request.headers.get("accept", ""):
        body = scored.scores.astype("<f4").tobytes()
        return files.whole(
            request, f"scores {digest} {scored.feature_set} {questions} {excluded} {level}", _FLOATS, body
        )
    rows = [_row(str(one), scored, place) for place, one in enumerate(questions)]
    made_of = ScoresAnswer(name, scored.feature_set, space, scored.level, scored.ordinals.tolist(), rows)
    return answer(request, made_of, f"scores {digest} {scored.feature_set} {questions} {excluded} {level}")


def _row(question: str, scored: SceneScores, place: int) -> ScoreRow:
    scores = scored.scores[place]
    chances = None if scored.probabilities is None else scored.probabilities[place]
    known = None if chances is None or np.isnan(chances).all() else chances.tolist()
    return ScoreRow(
        question=question,
        low=float(np.median(scores)) if len(scores) else None,
        high=float(scores.max()) if len(scores) else None,
        scores=scores.tolist(),
        probabilities=known,
        left_out=scored.ordinals[scored.left_out[place]].tolist(),
    )
