"""The trees of feature sets as searches need them: read once per process, and kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from ...postgres import thing_trees
from ...postgres.database import Database
from .branches import Branches

_ROOM = 512 << 20  # bytes of the trees that one store keeps in memory; the one that was used least recently goes

_kept: WeakKeyDictionary[Database, OrderedDict[int, Branches]] = WeakKeyDictionary()
_lock = threading.Lock()


def held(store: Database, sets: Sequence[int]) -> frozenset[int]:
    """Those of the feature sets that have a tree."""
    with _lock:
        known = frozenset(_kept.get(store, {})) & frozenset(sets)
    if len(known) == len(sets):
        return known
    with store.autocommit() as connection:
        return thing_trees.held(connection, sets)


def branches(store: Database, feature_set: int) -> Branches | None:
    """The tree of a feature set; None where there is none. An id always means the same feature set."""
    with _lock:
        kept = _kept.setdefault(store, OrderedDict())
        if feature_set in kept:
            kept.move_to_end(feature_set)
            return kept[feature_set]
    with store.autocommit() as connection:
        tree = thing_trees.load(connection, feature_set)
    if tree is None:
        return None
    found = Branches(tree)
    with _lock:
        kept[feature_set] = found
        room = _ROOM - sum(each.nbytes for each in kept.values())
        while room < 0 and len(kept) > 1:
            _, gone = kept.popitem(last=False)
            room += gone.nbytes
    return found


def missing_note(without: int, sets: int) -> str:
    """What an answer says where feature sets have no tree."""
    which = "The feature set" if sets == without == 1 else f"{without} of {sets} feature sets"
    has = "has" if without == 1 else "have"
    return (
        f"{which} {has} no tree of things, as those of earlier versions: hits there are stored objects, not whole "
        "things. ovstore doctor --repair makes the trees; no scan is read."
    )
