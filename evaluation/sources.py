"""Which feature sets are evaluated: by name, by id, or by what made them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import BadInput, NotFound
from ..core.wording import counted
from ..store.catalog import catalog
from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
from ..store.postgres.database import Database

_MADE_BY = {"fusion": ("fused", "imported"), "distill": ("distilled",)}


@dataclass(frozen=True)
class Chosen:
    """The scenes that have what was asked for."""

    sets: dict[int, tuple[FeatureSetInfo, ...]]  # scene id -> one set, or the two of an ensemble
    title: str  # "tiny", "ensemble of lseg and lseg-distilled"
    without: tuple[str, ...]  # names of scenes that have none


def choose(store: Database, scenes: Sequence[SceneInfo], wanted: str | None) -> Chosen:
    """`wanted` is a name or id of feature sets, fusion, distill or ensemble, or two of them split by a comma.

    Without it, the name that most scenes have. NotFound when no scene has them, SpaceMismatch unless all are of one
    embedding space.
    """
    by_scene: dict[int, list[FeatureSetInfo]] = defaultdict(list)
    known = catalog.feature_sets(store)
    for each in known:
        by_scene[each.scene_id].append(each)
    words = _words(store, wanted, {found.name for found in known})
    chosen: dict[int, tuple[FeatureSetInfo, ...]] = {}
    without = []
    for scene in scenes:
        picked = tuple(found for word in words if (found := _pick(word, scene, by_scene[scene.id])) is not None)
        if len(picked) == len(words):
            chosen[scene.id] = picked
        else:
            without.append(scene.full_name)
    if not chosen:
        names = ", ".join(sorted({found.name for scene in scenes for found in by_scene[scene.id]}))
        both = " and ".join(words)
        raise NotFound(
            f"None of {counted(len(scenes), 'scene')} has the features {both}. They have: {names or 'none'}."
        )
    first, *others = (found for sets in chosen.values() for found in sets)
    for other in others:
        first.space.require_same(other.space)
    if all(_is_id(word, known) for word in words):
        without = []  # an id names its scene
    titles = [_title(word, {sets[place].name for sets in chosen.values()}) for place, word in enumerate(words)]
    return Chosen(chosen, titles[0] if len(words) == 1 else f"ensemble of {titles[0]} and {titles[1]}", tuple(without))


def _words(store: Database, wanted: str | None, names: set[str]) -> list[str]:
    if wanted is None:
        return [catalog.feature_kind(store).name]
    if wanted == "ensemble" and wanted not in names:
        return ["fusion", "distill"]
    words = [word.strip() for word in wanted.split(",")]
    if len(words) > 2 or not all(words):
        raise BadInput(
            f"--features is {wanted!r}: one feature set, or the two of an ensemble separated by a comma, was expected."
        )
    return words


def _pick(word: str, scene: SceneInfo, held: Sequence[FeatureSetInfo]) -> FeatureSetInfo | None:
    """The scene's set that a word means: a name before an id before what made it."""
    for found in held:
        if found.name == word:
            return found
    for found in held:
        if str(found.id) == word:
            return found
    made = [found for found in held if found.source in _MADE_BY.get(word, ())]
    if len(made) > 1:
        names = ", ".join(found.name for found in made)
        raise NotFound(f"{scene.full_name} has {len(made)} feature sets by {word}: choose one by name: {names}.")
    return made[0] if made else None


def _is_id(word: str, known: Sequence[FeatureSetInfo]) -> bool:
    return word.isdecimal() and all(found.name != word for found in known)


def _title(word: str, names: set[str]) -> str:
    meant = ", ".join(sorted(names))
    return meant if word == meant else f"{meant} ({word})"
