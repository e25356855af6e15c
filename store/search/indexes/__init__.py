"""Ways to find the nearest regions; one file each. All are derived: they can be dropped and rebuilt.

An index file defines what `Index` says, and may offer `FollowsPublishing`. What is built is a row of the table
`indexes` (index_rows.py). `exact` is the referee every other is held to.
"""

from typing import TYPE_CHECKING, Protocol

from ....core.contracts import Contract

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...postgres.database import Database


class Index(Protocol):
    """What every index file defines."""

    def build(self, store: "Database", space_id: int, level: str) -> int:
        """(Re)build over all ready regions of the space and level; the number of rows."""

    def search(
        self,
        store: "Database",
        space_id: int,
        level: str,
        vector: "NDArray[np.float32]",
        count: int,
        region_ids: "NDArray[np.int64] | None",
    ) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """ids (n,) and scores (n,), cosine, best first, ties to the lowest id, n = min(count, rows that may answer).

        vector (dim,); region_ids None or the only (K,) ids that may answer: a filter never costs a row. Scores are
        exact (taken again from the stored vectors); only membership may be approximate.
        """

    def drop(self, store: "Database", space_id: int, level: str) -> None:
        """Without error when there is none."""


class FollowsPublishing(Protocol):
    """Offered where an index can be brought up to date; search is right without it, but slower."""

    def update(self, store: "Database", space_id: int, level: str) -> None:
        """Called after a feature set was published."""


CONTRACT = Contract("index", Index, (FollowsPublishing,))
