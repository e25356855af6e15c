"""The schema of a store's database: where it stands, and the way up and down."""

from typing import TYPE_CHECKING

import click

from ._options.shared import json_option, opened_store
from ._output.printing import print_json, print_table, say

if TYPE_CHECKING:
    from ..store.postgres.database import Database


@click.group()
def command() -> None:
    """Manage the database's schema and access rights.

    A new store gets the current schema. After an update of ovstore, an older store is refused until
    `ovstore db upgrade` has brought it up to date; make a backup first (docs/database.md).

    \b
    Examples:
      ovstore db current
      ovstore db upgrade
    """


@command.command()
@json_option
def current(as_json: bool) -> None:
    """Show the current step of the schema, and missing steps.

    \b
    Example:
      ovstore db current
    """
    from ..store.postgres import migrate

    with _unchecked_store() as store:
        with store.connect() as connection:
            found = migrate.current(connection)
        steps = [(step, what, found is not None and step <= found) for step, what in migrate.history()]
    if as_json:
        print_json({"current": found, "head": migrate.head(), "database": store.where, "kind": store.database_kind})
    else:
        print_table(
            ("step", "applied", "what it adds"), [(step, "yes" if taken else "no", what) for step, what, taken in steps]
        )
        if found != migrate.head():
            say("Bring it up to date with: ovstore db upgrade", err=True)


@command.command()
@click.argument("step", default="head")
def upgrade(step: str) -> None:
    """Bring the schema up to date, or up to STEP.

    The upgrade is one transaction: it happens completely or not at all.

    \b
    Example:
      ovstore db upgrade
    """
    from ..store.postgres import migrate

    with _unchecked_store() as store, store.connect() as connection:
        before = migrate.current(connection)
        migrate.upgrade(connection, migrate.known(step))
        say(_moved(before, migrate.current(connection)))


@command.command()
@click.argument("step")
@click.option(
    "--yes", is_flag=True, help="Confirm: tables and columns that later steps added are dropped, rows included."
)
def downgrade(step: str, yes: bool) -> None:
    """Take the schema back to STEP, for an older ovstore.

    'base' is before the first step. Tables and columns that later steps added are dropped with everything in them.

    \b
    Example:
      ovstore db downgrade 0003 --yes
    """
    from ..store.postgres import migrate

    if not yes:
        raise click.UsageError("downgrade drops tables with their rows; repeat it with --yes to confirm.")
    with _unchecked_store() as store, store.connect() as connection:
        before = migrate.current(connection)
        migrate.downgrade(connection, migrate.known(step))
        say(_moved(before, migrate.current(connection)))


@command.command("access")
@click.option("--private", is_flag=True, help="Only the owner has access, which is how stores are created.")
@click.option("--shared", metavar="GROUP", help="Members of this group on this machine may read and write too.")
@json_option
def access_command(private: bool, shared: str | None, as_json: bool) -> None:
    """Show who may read the store's files, or change it.

    A store that does not exist yet is created. Members of the group are trusted like the owner. They read and write
    while the owner has the store open, and otherwise search a copy of its database (docs/database.md).

    \b
    Example:
      ovstore db access --shared lab
    """
    from pathlib import Path

    from ..store.postgres import access, identity
    from ..store.postgres.database import open as open_store

    if private and shared:
        raise click.UsageError("--private and --shared exclude each other.")
    root = click.get_current_context().find_root().obj
    folder = Path(root).expanduser().absolute()
    if private or shared:
        to = access.shared_with(shared) if shared else access.PRIVATE
        if not identity.is_store(folder):
            open_store(root, create=True).close()
        access.change(folder, to)
    else:
        identity.require_store(folder)
    who = access.described(folder)
    if as_json:
        print_json({"store": str(folder), "readable_by": who})
    else:
        say(f"{folder} can be read by {who}.")


@command.command()
@json_option
def tables(as_json: bool) -> None:
    """List the tables and views that `ovstore sql` can query.

    \b
    Example:
      ovstore db tables
    """
    from sqlalchemy import text

    statement = text(
        "SELECT relname, CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END, obj_description(oid, 'pg_class'), "
        "(SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped) "
        "FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v') "
        "AND relname <> 'alembic_version' ORDER BY relkind DESC, relname"
    )
    with opened_store() as store, store.connect() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
    if as_json:
        print_json([dict(zip(("name", "kind", "holds", "columns"), row, strict=True)) for row in rows])
    else:
        print_table(("name", "kind", "holds", "columns"), rows)


def _unchecked_store() -> "Database":
    """The store as it is: its schema may be any."""
    from ..store.postgres.database import open as open_store

    return open_store(click.get_current_context().find_root().obj, create=False, check=False)


def _moved(before: str | None, after: str | None) -> str:
    names = [step or "base" for step in (before, after)]
    return (
        f"The schema is at {names[1]}, unchanged."
        if before == after
        else f"The schema went from {names[0]} to {names[1]}."
    )
