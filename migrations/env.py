"""How Alembic reaches the database: the connection it is handed, or the store of OVSTORE_HOME when typed by hand."""

from importlib import import_module

from alembic import context
from sqlalchemy import Connection

database = import_module("ovstore.store.postgres.database")
schema = import_module("ovstore.store.postgres.schema")


def is_ours(name: str | None, kind: str, parent_names: object) -> bool:
    """Indexes made per embedding space are data, not schema: autogenerate leaves them alone."""
    return not (kind == "index" and name is not None and name.startswith("regions_hnsw_"))


def run(connection: Connection) -> None:
    """All steps in one transaction: a failing step leaves the schema as it was."""
    context.configure(connection=connection, target_metadata=schema.metadata, include_name=is_ours)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=schema.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    with database.open(check=False, create=True) as store, store.connect() as connection:
        run(connection)
