"""Hits as clients get them: whole things with parts, landmarks and evidence; URLs in place of paths."""

from collections.abc import Sequence

from ..core.features import Hit
from ..store.catalog import catalog
from ..store.postgres.database import Database
from . import urls
from .answers import HitAnswer, LandmarkAnswer, OrientedBoxAnswer
from .views import SceneFrames, views


class HitsOut:
    """Turns the hits of one answer; the frames of each scene are looked up once."""

    def __init__(self, store: Database, prefix: str, question: dict[str, str | Sequence[str]]) -> None:
        self._store, self._prefix, self._question = store, prefix, question
        self._frames: dict[tuple[str, str], SceneFrames | None] = {}

    def answer(self, hit: Hit) -> HitAnswer:
        """One hit with all that belongs to it."""
        frames = self._of(hit.dataset, hit.scene)
        chosen = {**self._question, "region": hit.name}
        return HitAnswer(
            name=hit.full_name,
            dataset=hit.dataset,
            scene=hit.scene,
            region=hit.region,
            level=hit.level,
            ordinal=hit.ordinal,
            score=hit.score,
            probability=hit.probability,
            fit=hit.fit,
            point_count=hit.point_count,
            centre=list(hit.centre),
            box_min=list(hit.box_min),
            box_max=list(hit.box_max),
            oriented_box=OrientedBoxAnswer(
                hit.oriented_box.centre.tolist(), hit.oriented_box.axes.tolist(), hit.oriented_box.size.tolist()
            ),
            feature_set=hit.feature_set,
            superpoints=list(hit.superpoints),
            evidence=[] if frames is None else views(self._prefix, frames, hit.evidence),
            parts=[self.answer(part) for part in hit.parts],
            landmarks=[LandmarkAnswer(one.relation, one.distance, self.answer(one.hit)) for one in hit.landmarks],
            url=urls.scene_page(self._prefix, hit.dataset, hit.scene, chosen),
            scene_url=urls.scene_page(self._prefix, hit.dataset, hit.scene, self._question),
        )

    def _of(self, dataset: str, name: str) -> SceneFrames | None:
        """None for a scene that was forgotten a moment ago."""
        if (dataset, name) not in self._frames:
            scene = catalog.held_scene(self._store, dataset, name)
            self._frames[dataset, name] = None if scene is None else SceneFrames.of(self._store, scene)
        return self._frames[dataset, name]
