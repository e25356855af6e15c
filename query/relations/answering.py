"""A search with relations: landmarks are found as things are, and the things that stand where they should come back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import Misused, NotFound
from ...core.features import Hit, Landmark, Query
from ...core.wording import counted
from ...store.postgres.database import Database
from ...store.search.relations import places
from ...store.search.relations.places import Place
from ...store.search.relations.shapes import Shape, distance
from ...store.search.search import HERE, find
from .evidence import seen_together
from .expressions import And, Choice, Relation, predicates_of, quoted, split
from .selection import Selected, Target, selected
from .verdicts import Placed, Surroundings, scenes_where

_TARGETS = 100  # things that answer the words, and are judged, in all scenes together
_LANDMARKS = 200  # things that answer the words of one landmark
_GUESSED = 0.5  # of the best probability: what is taken for a landmark where nothing is likely to be one


@dataclass(frozen=True)
class Related:
    """What a search with relations found."""

    hits: tuple[Hit, ...]  # with the landmarks that made the relations true
    notes: tuple[str, ...]
    landmarks_here: bool  # whether there probably is what each landmark is called


def related(
    store: Database,
    query: Query,
    relations: Sequence[Relation],
    background: NDArray[np.float32],
    vector: Callable[[str], NDArray[np.float32]],
) -> Related:
    """The things that answer the query, and for which the relations hold.

    `vector` is that of a landmark's words, which are weighed against `background` whatever the query is.
    """
    relation, choice = split(relations)
    search = _Search(store, query, background if len(background) else None, vector)
    for words in _landmarks(relation, choice):
        search.look_for(words)
    search.look_from({one.seen_by for one in predicates_of(relation) if one.seen_by} if relation else set())
    targets, notes = search.targets(relation, choice)
    step = query.thing_options.rival_weight / query.space.logit_scale if query.space.logit_scale > 0 else 0.0
    found = selected(targets, relation, choice, search.around, search.floor, query.top, step)
    hits = tuple(_hit(store, one) for one in found)
    if not hits:
        said = " and ".join(str(one) for one in relations)
        notes = (*notes, f"Of {counted(len(targets), 'thing')} that may be meant, none is {said}.")
    return Related(hits, (*search.notes, *notes), not search.notes)


def _landmarks(relation: And | None, choice: Choice | None) -> list[str]:
    """The words of all landmarks, each once."""
    said = [words for predicate in predicates_of(relation) for words in predicate.landmarks] if relation else []
    return list(dict.fromkeys([*said, *(choice.landmarks if choice else ())]))


@dataclass
class _Search:
    """What is known of landmarks and scenes, while a search goes on."""

    store: Database
    query: Query
    background: NDArray[np.float32] | None
    vector: Callable[[str], NDArray[np.float32]]
    notes: list[str] = field(default_factory=list)
    _landmarks: dict[str, dict[int, list[Placed]]] = field(default_factory=dict)  # by words, by scene
    _places: dict[int, Place] = field(default_factory=dict)  # by feature set
    _viewers: dict[str, tuple[int, NDArray[np.float64]]] = field(default_factory=dict)  # by frame: its scene, and where
    _around: dict[int, Surroundings] = field(default_factory=dict)

    def look_for(self, words: str) -> None:
        """Find what may be a landmark; where nothing is likely to be one, the nearest are taken, and it is said."""
        asked = replace(
            self.query, vector=self.vector(words), top=_LANDMARKS, where=None, excluded=None, ungrouped=False,
            background=self.background, min_probability=None if self.background is None else HERE,
        )  # fmt: skip
        hits, _ = _find(self.store, asked)
        least = HERE
        if not hits and asked.min_probability is not None:
            hits, _ = _find(self.store, replace(asked, min_probability=None, top=self.query.top))
            least = max((hit.probability or 0.0 for hit in hits), default=0.0) * _GUESSED
            self.notes.append(
                f"Probably no {quoted(words)} here: nothing fits clearly better than everyday things do. "
                "What comes nearest was taken for it."
            )
        found: dict[int, list[Placed]] = {}
        for hit in self._known(hits):
            scene = found.setdefault(self._places[hit.feature_set].scene, [])
            counts = not scene if hit.probability is None else hit.probability >= least
            scene.append(self._placed(hit, counts))
        self._landmarks[words] = found

    def look_from(self, frames: Iterable[str]) -> None:
        """Find where the frames were taken; NotFound, or Misused where several scenes have one of that name."""
        allowed = set(self.query.scenes)
        for named in sorted(frames):
            scene, _, frame = named.rpartition(":")
            found = [
                view
                for view in places.viewpoints(self.store, frame)
                if (not scene or scene in (view.name, f"{view.dataset}/{view.name}"))
                and (not allowed or allowed & {view.name, f"{view.dataset}/{view.name}"})
                and (not self.query.datasets or view.dataset in self.query.datasets)
            ]
            if not found:
                raise NotFound(f"No frame named {named!r} in the scenes that are searched. See: ovstore show SCENE")
            if len(found) > 1:
                raise Misused(
                    f"{counted(len(found), 'scene')} have a frame named {frame!r}: write SCENE:{frame}, or choose a "
                    "scene with --scene."
                )
            self._viewers[named] = (found[0].scene, found[0].position)

    def targets(self, relation: And | None, choice: Choice | None) -> tuple[list[Target], tuple[str, ...]]:
        """What answers the query in the scenes where the relation can hold."""
        known = {
            words: frozenset(scene for scene, some in found.items() if any(one.counts for one in some))
            for words, found in self._landmarks.items()
        }
        needed: list[Relation] = [relation] if relation is not None else []
        possible = [scenes_where(one, known, {frame: of for frame, (of, _) in self._viewers.items()}) for one in needed]
        possible += [known[words] for words in (choice.landmarks if choice else ())]
        limited = [scenes for scenes in possible if scenes is not None]
        asked = replace(self.query, top=max(_TARGETS, self.query.top))
        if limited:
            names = {place.scene: place.name for place in self._places.values()}
            scenes = frozenset.intersection(*limited)
            if not scenes:
                return [], ()
            asked = replace(asked, scenes=tuple(sorted(names[scene] for scene in scenes)))
        hits, notes = _find(self.store, asked)
        likely = [hit for hit in hits if hit.probability is None or hit.probability >= HERE]
        chosen = set(map(id, likely or hits[:1]))
        return [
            Target(self._placed(hit, True), self._places[hit.feature_set].scene, _fit(hit), id(hit) in chosen)
            for hit in self._known(hits)
        ], notes

    def around(self, scene: int) -> Surroundings:
        """What a scene has to relate things to."""
        if scene not in self._around:
            viewers = {frame: position for frame, (of, position) in self._viewers.items() if of == scene}
            landmarks = {words: found.get(scene, []) for words, found in self._landmarks.items()}
            self._around[scene] = Surroundings(landmarks, viewers)
        return self._around[scene]

    def floor(self, scene: int) -> float:
        """The height of a scene's lowest point."""
        return next(place.floor for place in self._places.values() if place.scene == scene)

    def _known(self, hits: Sequence[Hit]) -> list[Hit]:
        """Those whose scene is there, which is looked up."""
        new = {hit.feature_set for hit in hits} - self._places.keys()
        if new:
            self._places |= places.places(self.store, sorted(new))
        return [hit for hit in hits if hit.feature_set in self._places]

    def _placed(self, hit: Hit, counts: bool) -> Placed:
        shape = places.hit_shape(hit, self._places[hit.feature_set])
        own = frozenset(hit.superpoints) if hit.superpoints else frozenset({-1 - hit.region})
        return Placed(hit, own, shape, 1.0 if hit.probability is None else hit.probability, counts)


def _find(store: Database, query: Query) -> tuple[list[Hit], tuple[str, ...]]:
    """Hits and notes."""
    found = find(store, query)
    return list(found.hits), found.notes


def _fit(hit: Hit) -> float:
    return hit.score if hit.fit is None else hit.fit


def _hit(store: Database, one: Selected) -> Hit:
    """The hit with its landmarks, shown by frames that see both where there are any."""
    hit: Hit = one.target.placed.found
    shape: Shape = one.target.placed.shape
    found: list[Landmark] = []
    for reason in one.reasons:
        landmark: Hit = reason.landmark.found
        views, its = seen_together(store, hit, landmark)
        if views and not found:
            hit = replace(hit, evidence=views)
        landmark = replace(landmark, evidence=its or landmark.evidence)
        found.append(Landmark(str(reason.relation), landmark, distance(shape, reason.landmark.shape)))
    return replace(hit, fit=one.fit, landmarks=tuple(found))
