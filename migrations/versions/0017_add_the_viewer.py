"""A role for stores that are opened read-only: ovstore's own statements as somebody who cannot write

`ovstore_reader` is for the SQL of people, and may call little. The viewer runs what ovstore itself asks: it reads every
table, and calls what every user of a fresh PostgreSQL may call. Where no role may be made, a store that is opened
read-only has read-only transactions, and says so.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

# The server of a store has a reader that logs in, made with the server; elsewhere roles are to change to.
EMBEDDED = """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_reader' AND rolcanlogin)
    AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""

# pg_init_privs has what initdb and CREATE EXTENSION gave where that is not the rule for all objects of the kind.
ADD = f"""
DO $body$
DECLARE
    found record;
    embedded boolean := ({EMBEDDED});
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_viewer') THEN
        IF NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            RETURN;
        END IF;
        BEGIN
            CREATE ROLE ovstore_viewer;
            GRANT ovstore_viewer TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server takes the same step
        END;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ovstore_viewer', current_schema());
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO ovstore_viewer', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO ovstore_viewer', current_schema());
    IF NOT embedded THEN
        RETURN;
    END IF;
    IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ovstore_viewer') THEN
        ALTER ROLE ovstore_viewer LOGIN;
    END IF;
    FOR found IN
        SELECT pg_proc.oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace IN ('pg_catalog'::regnamespace, current_schema()::regnamespace)
        AND NOT EXISTS (SELECT FROM pg_init_privs WHERE classoid = 'pg_proc'::regclass AND objoid = pg_proc.oid)
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO ovstore_viewer', found.name);
    END LOOP;
    FOR found IN
        SELECT objoid::regclass AS name, coalesce('(' || quote_ident(attname) || ')', '') AS part
        FROM pg_init_privs CROSS JOIN aclexplode(initprivs)
        LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
        WHERE classoid = 'pg_class'::regclass AND grantee = 0 AND privilege_type = 'SELECT'
    LOOP
        EXECUTE format('GRANT SELECT %s ON %s TO ovstore_viewer', found.part, found.name);
    END LOOP;
END
$body$
"""

# The role stays: other databases of the server may have it.
REMOVE = """
DO $body$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_viewer') THEN
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES FROM ovstore_viewer',
                       current_schema());
        EXECUTE format('REVOKE SELECT ON ALL TABLES IN SCHEMA %I FROM ovstore_viewer', current_schema());
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM ovstore_viewer', current_schema());
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog FROM ovstore_viewer;
            EXECUTE format('REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA %I FROM ovstore_viewer', current_schema());
            REVOKE SELECT ON ALL TABLES IN SCHEMA pg_catalog FROM ovstore_viewer;
        END IF;
    END IF;
END
$body$
"""


def upgrade() -> None:
    op.execute(ADD)


def downgrade() -> None:
    op.execute(REMOVE)
