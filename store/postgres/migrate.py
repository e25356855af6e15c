"""The steps in migrations/ applied to a database, and which of them it has taken."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from ...core.errors import NotFound, SchemaVersion

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def head() -> str:
    """The newest step: file `0003_add_x.py` is revision '0003'."""
    return max(
        match[1] for path in (MIGRATIONS / "versions").iterdir() if (match := re.match(r"(\d{4})_.*\.py$", path.name))
    )


def current(connection: Connection) -> str | None:
    """The newest step this database has taken; None when it is empty."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def require_head(connection: Connection, store: Path) -> None:
    """Raise SchemaVersion, with the command to type, unless the schema is today's."""
    found, wanted = current(connection), head()
    if found == wanted:
        return
    if found is not None and found > wanted:
        raise SchemaVersion(
            f"The store {store} was written by a newer ovstore (its schema is at {found}, this one knows {wanted}): "
            "update ovstore."
        )
    raise SchemaVersion(
        f"The schema of the store {store} is at {found or 'its beginning'}, but this ovstore needs {wanted}: "
        f"ovstore --store {store} db upgrade"
    )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Take the steps up to `revision`, in the connection's transaction; one process at a time."""
    from alembic import command

    _one_at_a_time(connection)
    command.upgrade(_config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Go back to `revision` ('base' empties the database), in the connection's transaction."""
    from alembic import command

    _one_at_a_time(connection)
    if revision != "base" and (current(connection) or "") <= revision:
        return
    command.downgrade(_config(connection), revision)


def history() -> list[tuple[str, str]]:
    """(revision, what it does), oldest first."""
    from alembic.script import ScriptDirectory

    steps = ScriptDirectory.from_config(_config(None)).walk_revisions()
    return [(step.revision, (step.doc or "").splitlines()[0]) for step in steps][::-1]


def known(step: str) -> str:
    """`step` itself, when it is 'head', 'base' or one of the steps."""
    steps = [revision for revision, _ in history()]
    if step not in ("head", "base", *steps):
        raise NotFound(f"The schema has no step {step!r}. Known: base, {', '.join(steps)}, head.")
    return step


def _one_at_a_time(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ovstore migration', 0))"))


def _config(connection: Any) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
