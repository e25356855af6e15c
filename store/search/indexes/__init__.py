"""Ways to find the nearest regions; one file each. All are derived: they can be dropped and rebuilt.

An index file defines

    build(store, space_id: int, level: str) -> int
                                 (re)build over all ready regions of the space and level; returns the number of rows
    search(store, space_id: int, level: str, vector, count: int, region_ids) -> tuple[ids, scores]
                                 vector (dim,) float32; region_ids None or the only (K,) int64 ids that may answer: a
                                 filter never costs a row. ids (n,) int64 and scores (n,) float32, cosine, best first,
                                 ties to the lowest id, n = min(count, rows that may answer). Scores are exact
                                 (taken again from the stored vectors); only membership may be approximate.
    drop(store, space_id: int, level: str) -> None
                                 without error when there is none

and may define

    update(store, space_id: int, level: str) -> None
                                 called after a feature set was published; search is right without it, but slower

What is built is a row of the table `indexes` (index_rows.py). `exact` is the referee every other is held to.
"""
