"""All regions of one scene against several questions at once."""

from collections.abc import Sequence
from dataclasses import replace

from ..core.annotated import checked, several
from ..core.errors import BadInput
from ..core.features import Level, Vectors
from ..store.postgres.database import Database
from ..store.search import scene_scores as stored
from ..store.search.scene_scores import SceneScores
from .question import Question, target_of
from .search import query_of, usual_vectors


@checked
def scene_scores(
    store: Database,
    questions: str | Question | Sequence[str | Question],
    scene: str,
    *,
    exclude: str | Sequence[str] = (),
    features: str | None = None,
    level: Level = "object",
    vectors: Vectors | None = None,
) -> SceneScores:
    """What `search` with `ungrouped` says of every region of a scene, to the last bit, without hits and evidence.

        scores = ovstore.scene_scores(store, ["chair", "lamp"], "scene0003_00")
        scores.ordinals       # (R,) the regions, by their number within the scene
        scores.scores         # (2, R) float32, a row per question
        scores.probabilities  # (2, R) float32, or None

    NotFound where there is no such scene or feature set, UnknownWords for words that its encoder cannot read. `exclude`
    and `vectors` are those of `search`; regions that `exclude` leaves out are marked in `left_out`.
    """
    asked = [questions] if isinstance(questions, str | Question) else list(questions)
    if not asked:
        raise BadInput("At least one question is needed to score a scene.")
    target = target_of(store, features)
    queries = [
        query_of(store, Question(one) if isinstance(one, str) else one, target, several(exclude)) for one in asked
    ]
    first = replace(queries[0], scenes=(scene,), level=level)
    usual = vectors or usual_vectors(store, first, target)
    queries = [replace(query, vectors=usual) for query in queries]
    return stored.scene_scores(store, queries, scene, feature_set=target.features, level=level)
