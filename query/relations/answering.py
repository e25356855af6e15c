"""A search with relations: landmarks are found as things are, and the things that stand where they should come back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...core.errors import Misused, NotFound
from ...core.features import Hit, Query
from ...core.wording import counted
from ...store.postgres.database import Database
from ...store.search.probability import HERE
from ...store.search.relations import places
from ...store.search.relations.places import Place
from .evidence import with_landmarks
from .expressions import And, Choice, Relation, predicates_of, quoted, split
from .found import Found, feature_set_of, find_all, find_regions, superpoints_of
from .selection import Target, selected
from .verdicts import Placed, Surroundings, scenes_where

_TARGETS = 60  # candidates, at least, that are judged; and as many more as are likely
_NEAREST = 20  # candidates, at least, among which a landmark is sought
_UNWEIGHED = 200  # of these the first of each scene is one where nothing tells which are likely
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
    ask: Callable[[str], Query],
) -> Related:
    """The things that answer the query, and for which the relations hold.

    `ask` makes the words of a landmark a query of the same scenes.
    """
    relation, choice = split(relations)
    search = _Search(store, query, ask)
    for words in _landmarks(relation, choice):
        search.look_for(words)
    search.look_from({one.seen_by for one in predicates_of(relation) if one.seen_by} if relation else set())
    targets, notes = search.targets(relation, choice)
    step = query.thing_options.rival_weight / query.space.logit_scale if query.space.logit_scale > 0 else 0.0
    found = selected(targets, relation, choice, search.around, search.floor, query.top, step)
    hits = with_landmarks(store, found)
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
    ask: Callable[[str], Query]
    notes: list[str] = field(default_factory=list)
    _landmarks: dict[str, dict[int, list[Placed]]] = field(default_factory=dict)  # by words, by scene
    _places: dict[int, Place] = field(default_factory=dict)  # by feature set
    _viewers: dict[str, tuple[int, NDArray[np.float64]]] = field(default_factory=dict)  # by frame: its scene, and where
    _around: dict[int, Surroundings] = field(default_factory=dict)

    def look_for(self, words: str) -> None:
        """Find what may be a landmark; where nothing is likely to be one, the nearest are taken, and it is said."""
        asked = self.ask(words)
        asked = replace(asked, top=_NEAREST if _weighed(asked) else _UNWEIGHED)
        things = self._known(find_all(self.store, asked)[0])
        best = max((one.probability for one in things if one.probability is not None), default=None)
        least = HERE if best is None or best >= HERE else best * _GUESSED
        if best is None or best >= HERE:
            things = [one for one in things if one.probability is None or one.probability >= least]
        else:
            things = things[: self.query.top]
            self.notes.append(
                f"Probably no {quoted(words)} here: nothing fits clearly better than everyday things do. "
                "What comes nearest was taken for it."
            )
        found: dict[int, list[Placed]] = {}
        for one in things:
            scene = found.setdefault(self._places[feature_set_of(one)].scene, [])
            counts = not scene if one.probability is None else one.probability >= least
            scene.append(self._placed(one, counts))
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
        asked = replace(self.query, top=max(_TARGETS, 2 * self.query.top))
        if limited:
            names = {place.scene: place.name for place in self._places.values()}
            scenes = frozenset.intersection(*limited)
            if not scenes:
                return [], ()
            asked = replace(asked, scenes=tuple(sorted(names[scene] for scene in scenes)))
        found, notes = (find_regions if asked.ungrouped else find_all)(self.store, asked)
        least = asked.min_probability or 0.0
        candidates = [one for one in found if one.probability is None or one.probability >= least]
        likely = [one for one in candidates if one.probability is None or one.probability >= HERE]
        chosen = set(map(id, likely or candidates[:1]))
        return [
            Target(self._placed(one, True), self._places[feature_set_of(one)].scene, _fit(one), id(one) in chosen)
            for one in self._known(candidates)
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

    def _known(self, found: Sequence[Found]) -> list[Found]:
        """Those whose scene is there, which is looked up."""
        new = {feature_set_of(one) for one in found} - self._places.keys()
        if new:
            self._places |= places.places(self.store, sorted(new))
        return [one for one in found if feature_set_of(one) in self._places]

    def _placed(self, found: Found, counts: bool) -> Placed:
        weight = 1.0 if found.probability is None else found.probability
        return Placed(
            found, superpoints_of(found), places.shape_of(found, self._places[feature_set_of(found)]), weight, counts
        )


def _weighed(query: Query) -> bool:
    """Whether there is anything to tell what is likely."""
    return query.background is not None or query.rivals is not None


def _fit(found: Found) -> float:
    return found.score if found.fit is None else found.fit
