"""What relations are judged of: things of which nothing was looked up yet, and stored regions."""

from dataclasses import replace

from ...core.features import Hit, Query
from ...store.postgres.database import Database
from ...store.search.search import find, find_things, load_things
from ...store.search.things.ranking import Ranked

Found = Hit | Ranked  # a Ranked is a union of superpoints

_REGIONS = 100  # stored regions that are judged, at least


def find_regions(store: Database, query: Query) -> tuple[list[Found], tuple[str, ...]]:
    """The best stored regions, and notes on them."""
    found = find(store, query if query.top >= _REGIONS else replace(query, top=_REGIONS))
    return list(found.hits), found.notes


def find_all(store: Database, query: Query) -> tuple[list[Found], tuple[str, ...]]:
    """All things that probably are what the query means, and `top` candidates or more; see `find_things`."""
    found = find_things(store, query)
    whole = [one for one in found.things if one.candidate.grown is None]
    loaded = load_things(store, whole) if whole else {}
    return [loaded.get(one, one) for one in found.things if one in loaded or one.candidate.grown], found.notes


def feature_set_of(found: Found) -> int:
    """Its database id."""
    return found.feature_set if isinstance(found, Hit) else found.candidate.feature_set


def superpoints_of(found: Found) -> frozenset[int]:
    """Ordinals of what it consists of; for a stored object a number of its own."""
    if isinstance(found, Hit):
        return frozenset({found.ordinal if found.level == "superpoint" else -1 - found.region})
    grown = found.candidate.grown
    assert grown is not None
    return frozenset(grown.branches.tree.superpoint[grown.leaves].tolist())
