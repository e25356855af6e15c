"""Hits as clients get them: whole things with parts, landmarks and evidence; URLs in place of paths."""

from collections.abc import Iterator, Sequence

from ..core.features import Evidence, Hit
from ..store.catalog import catalog
from ..store.postgres.database import Database
from . import urls
from .answers import HitAnswer, LandmarkAnswer, OrientedBoxAnswer
from .views import SceneFrames, views


class HitsOut:
    """Turns the hits of one answer; the frames of each scene are looked up once."""

    def __init__(
        self, store: Database, prefix: str, question: dict[str, str | Sequence[str]], hits: Sequence[Hit]
    ) -> None:
        self._store, self._prefix, self._question = store, prefix, question
        shown: dict[tuple[str, str], list[Evidence]] = {}
        for hit in _every(hits):
            shown.setdefault((hit.dataset, hit.scene), []).extend(hit.evidence)
        self._frames = {key: self._showing(*key, evidence) for key, evidence in shown.items()}

    def answer(self, hit: Hit) -> HitAnswer:
        """One hit with all that belongs to it."""
        frames = self._frames[hit.dataset, hit.scene]
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

    def _showing(self, dataset: str, name: str, evidence: Sequence[Evidence]) -> SceneFrames | None:
        """None for a scene that was forgotten a moment ago."""
        scene = catalog.held_scene(self._store, dataset, name)
        return None if scene is None else SceneFrames.showing(self._store, scene, evidence)


def _every(hits: Sequence[Hit]) -> Iterator[Hit]:
    """The hits with their parts and landmarks."""
    for hit in hits:
        yield hit
        yield from _every(hit.parts)
        yield from _every([one.hit for one in hit.landmarks])
