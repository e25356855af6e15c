"""Whether a store has changed since somebody looked: two numbers, read in one row lookup each."""

from dataclasses import dataclass

from sqlalchemy import select

from ..postgres.database import Database
from ..postgres.schema import changes as table


@dataclass(frozen=True)
class Changes:
    """Equal numbers: nothing has changed. They grow when a change is committed, and mean nothing in another store."""

    contents: int  # of scenes and feature sets: published, replaced, described, forgotten
    jobs: int  # of jobs: begun, further, ended; one whose worker was killed ends unnoticed


def changes(store: Database) -> Changes:
    """As of now."""
    with store.autocommit() as connection:
        number = {row.topic: row.number for row in connection.execute(select(table))}
    return Changes(number["contents"], number["jobs"])
