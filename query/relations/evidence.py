"""Hits with the landmarks that made their relations true, in the frames that show them together."""

from collections.abc import Sequence
from dataclasses import replace

from ...core.features import Evidence, Hit, Landmark, RegionView
from ...core.sightings import Sightings, seen_together
from ...store.postgres.database import Database
from ...store.search.relations.shapes import distance
from ...store.search.search import load_things
from ...store.search.things.ranking import Ranked
from .found import Found
from .selection import Selected

_VIEWS = 5  # frames of a hit and its landmarks


def with_landmarks(store: Database, found: Sequence[Selected]) -> tuple[Hit, ...]:
    """Hits for what was selected, but for what was replaced a moment ago.

    The evidence is frames that show a hit and all its landmarks. Where there are none, they are frames that show it
    with the first landmark that has some in common with it, and those that show each best where no landmark has.
    """
    shown: dict[Ranked, Sequence[RegionView]] = {}
    groups = [_shown_together(one, shown) for one in found]
    loaded = load_things(store, [each for group in groups for each in group if isinstance(each, Ranked)], shown)
    hits = []
    for one, group in zip(found, groups, strict=True):
        hit, *landmarks = (each if isinstance(each, Hit) else loaded.get(each) for each in group)
        if hit is None:
            continue
        together = []
        for reason, landmark in zip(one.reasons, landmarks, strict=True):
            if landmark is not None:
                if not all(isinstance(each, Ranked) for each in group):
                    hit, landmark = _by_evidence(hit, landmark)
                metres = distance(one.target.placed.shape, reason.landmark.shape)
                together.append(Landmark(str(reason.relation), landmark, metres))
        hits.append(replace(hit, fit=one.fit, landmarks=tuple(together)))
    return tuple(hits)


def _shown_together(one: Selected, shown: dict[Ranked, Sequence[RegionView]]) -> list[Found]:
    """The thing and its landmarks, each its own object, and in `shown` those that are seen together."""
    group: list[Found] = [one.target.placed.found, *(reason.landmark.found for reason in one.reasons)]
    things = [replace(each) for each in group if isinstance(each, Ranked)]
    if len(things) < len(group):
        return group
    unions = [_sightings(each) for each in things]
    choices = [list(range(len(things))), *([0, place] for place in range(1, len(things)))]
    for chosen in choices if len(things) > 1 else ():
        views = seen_together([unions[place] for place in chosen], _VIEWS)
        if views[0]:
            shown.update(zip([things[place] for place in chosen], views, strict=True))
            break
    return list(things)


def _sightings(thing: Ranked) -> Sightings:
    grown = thing.candidate.grown
    assert grown is not None
    return grown.branches.tree.sightings.of_union(grown.leaves)


def _by_evidence(hit: Hit, landmark: Hit) -> tuple[Hit, Hit]:
    """The two in those of their best frames that show both, by the one of which less is seen, if there are any."""
    other: dict[str, Evidence] = {view.frame: view for view in landmark.evidence}
    both = [(view, other[view.frame]) for view in hit.evidence if view.frame in other]
    if not both:
        return hit, landmark
    both.sort(key=lambda pair: -min(view.visible_points for view in pair))
    own, its = zip(*both, strict=True)
    return replace(hit, evidence=own), replace(landmark, evidence=its)
