"""A role for users' SQL: it reads named tables and calls listed functions

PostgreSQL lets everybody call nearly everything: a SELECT can take locks that outlive it, change settings of its
session, read statistics, wait. On an embedded server, which has nothing but ovstore's database, all rights of PUBLIC
to the functions and tables of the system are withdrawn, and the reader gets the harmless ones. Elsewhere the role is
made if that is allowed, and each statement is looked at before it runs.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = (
    "datasets, embedding_spaces, feature_sets, frames, indexes, jobs, recipes, region_views, regions, scene_vectors, "
    "scenes, store_identity, text_vectors, scene_overview, region_overview"
)

# What an immutable function computes depends on its arguments alone. Of the others these are needed.
LISTED = """
    age array_sample array_shuffle array_to_json array_to_string anytextcat textanycat clock_timestamp concat concat_ws
    convert convert_from convert_to current_database current_schema current_user date date_add date_part date_subtract
    date_trunc enum_first enum_last enum_range extract format format_type gen_random_uuid generate_series in_range
    json_build_array json_build_object json_populate_record json_populate_recordset json_to_record json_to_recordset
    json_to_tsvector jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz
    jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
    jsonb_populate_record_valid jsonb_populate_recordset jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length
    make_timestamptz money now numeric overlaps pg_column_size pg_input_is_valid pg_typeof phraseto_tsquery
    plainto_tsquery quote_literal quote_nullable random random_normal row_to_json session_user statement_timestamp time
    timeofday timestamp timestamptz timetz timezone to_char to_date to_json to_jsonb to_number to_regtype to_timestamp
    to_tsquery to_tsvector transaction_timestamp ts_headline uuidv4 uuidv7 version websearch_to_tsquery
"""

HARMLESS = f"""
    (pronamespace = 'pg_catalog'::regnamespace OR EXISTS (
        SELECT FROM pg_depend JOIN pg_extension ON pg_extension.oid = refobjid
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e' AND extname = 'vector'))
    AND (
        EXISTS (SELECT FROM pg_type WHERE typtype <> 'p' AND pg_proc.oid IN (typinput, typoutput))
        OR prorettype NOT IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
        AND NOT ('internal'::regtype = ANY(proargtypes) OR 'cstring'::regtype = ANY(proargtypes))
        AND (
            prokind IN ('a', 'w')
            OR proname = ANY(string_to_array('{" ".join(LISTED.split())}', ' '))
            OR provolatile = 'i' AND proname !~ '^(_?pg_(?!size_)|txid_|postgresql_)'
            OR provolatile = 's' AND EXISTS (SELECT FROM pg_operator WHERE oprcode = pg_proc.oid)
        )
    )
"""

# The server of a store has a reader that logs in, made with the server; elsewhere it is a role to change to.
EMBEDDED = """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_reader' AND rolcanlogin)
    AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""

RESTRICT = f"""
DO $body$
DECLARE
    functions text;
    embedded boolean := ({EMBEDDED});
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_reader') THEN
        IF NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
            RETURN;
        END IF;
        BEGIN
            CREATE ROLE ovstore_reader;
            GRANT ovstore_reader TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server takes the same step
        END;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ovstore_reader', current_schema());
    GRANT SELECT ON {TABLES} TO ovstore_reader;
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO ovstore_reader', current_schema());
    IF NOT embedded THEN
        RETURN;
    END IF;
    IF pg_has_role('ovstore_reader', 'pg_read_all_data', 'MEMBER') THEN
        REVOKE pg_read_all_data FROM ovstore_reader;
    END IF;
    REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog, information_schema FROM PUBLIC;
    EXECUTE format('REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA %I FROM PUBLIC', current_schema());
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
    SELECT string_agg(pg_proc.oid::regprocedure::text, ', ') INTO functions FROM pg_proc WHERE {HARMLESS};
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO ovstore_reader', functions);
    REVOKE ALL ON ALL TABLES IN SCHEMA pg_catalog, information_schema FROM PUBLIC;
    GRANT SELECT ON pg_type, pg_extension TO ovstore_reader;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('ALTER ROLE ovstore_reader IN DATABASE %I SET temp_file_limit = %L', current_database(), '8GB');
END
$body$
"""

# pg_init_privs has what initdb and CREATE EXTENSION gave where that is not the rule for all objects of the kind; what
# information_schema shows to everybody is not in it.
RELEASE = f"""
DO $body$
DECLARE
    found record;
BEGIN
    IF ({EMBEDDED}) THEN
        FOR found IN
            SELECT pg_proc.oid::regprocedure AS name FROM pg_proc
            WHERE pronamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace,
                                   current_schema()::regnamespace)
            AND NOT EXISTS (SELECT FROM pg_init_privs WHERE classoid = 'pg_proc'::regclass AND objoid = pg_proc.oid)
        LOOP
            EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', found.name);
        END LOOP;
        FOR found IN
            SELECT objoid::regclass AS name, privilege_type AS privilege,
                   coalesce('(' || quote_ident(attname) || ')', '') AS part
            FROM pg_init_privs CROSS JOIN aclexplode(initprivs)
            LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
            WHERE classoid = 'pg_class'::regclass AND grantee = 0
            UNION
            SELECT oid::regclass, 'SELECT', '' FROM pg_class
            WHERE relnamespace = 'information_schema'::regnamespace AND relname !~ '^(_pg_|sql_parts|transforms)'
        LOOP
            EXECUTE format('GRANT %s %s ON %s TO PUBLIC', found.privilege, found.part, found.name);
        END LOOP;
        ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON ROUTINES TO PUBLIC;
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
        EXECUTE format('ALTER ROLE ovstore_reader IN DATABASE %I RESET ALL', current_database());
        REVOKE SELECT ON ALL TABLES IN SCHEMA pg_catalog FROM ovstore_reader;
        REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA pg_catalog FROM ovstore_reader;
        EXECUTE format('REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA %I FROM ovstore_reader', current_schema());
        GRANT pg_read_all_data TO ovstore_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ovstore_reader') THEN
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE SELECT ON TABLES FROM ovstore_reader',
                       current_schema());
        EXECUTE format('REVOKE SELECT ON ALL TABLES IN SCHEMA %I FROM ovstore_reader', current_schema());
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM ovstore_reader', current_schema());
    END IF;
END
$body$
"""


def upgrade() -> None:
    op.execute(RESTRICT)


def downgrade() -> None:
    op.execute(RELEASE)
