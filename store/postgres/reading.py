"""How reading is confined in PostgreSQL: what role it runs as, what it may read and call.

An embedded server has a role, `ovstore_reader`, that may read the store's tables and call harmless functions, and can
do nothing else (migrations/versions/0008_restrict_the_reader.py). On another server the rights of all its users are not
ours to change. There a statement becomes a view first, in a transaction that is undone: the server writes down which
functions and tables it found in it, and only what is on the list lets it run; it runs as `ovstore_reader` where that
role can be taken, else as the user, who is then no superuser. Nothing on the list changes a setting or a role.

What ovstore itself asks of a store that is open read-only runs as `ovstore_viewer` (0017_add_the_viewer.py).
"""

import re
from typing import Any

import psycopg

from ...core.errors import BadInput, DatabaseError
from .schema import metadata
from .server import READER, VIEWER

VIEWS = ("scene_overview", "region_overview")
FUNCTIONS = ("ov_distance", "ov_near", "ov_on")  # migrations/versions/0015_add_region_pairs.py

# What an immutable function computes depends on its arguments alone. Of the others these are needed.
_LISTED = """
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

_SYSTEM = f"""
    (pronamespace = 'pg_catalog'::regnamespace OR EXISTS (
        SELECT FROM pg_depend JOIN pg_extension ON pg_extension.oid = refobjid
        WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e' AND extname = 'vector'))
    AND (
        EXISTS (SELECT FROM pg_type WHERE typtype <> 'p' AND pg_proc.oid IN (typinput, typoutput))
        OR prorettype NOT IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
        AND NOT ('internal'::regtype = ANY(proargtypes) OR 'cstring'::regtype = ANY(proargtypes))
        AND (
            prokind IN ('a', 'w')
            OR proname = ANY(string_to_array('{" ".join(_LISTED.split())}', ' '))
            OR provolatile = 'i' AND proname !~ '^(_?pg_(?!size_)|txid_|postgresql_)'
            OR provolatile = 's' AND EXISTS (SELECT FROM pg_operator WHERE oprcode = pg_proc.oid)
        )
    )
"""
# The store's own functions, made by the owner of its tables beside them.
_OWN = f"""
    proname IN ({", ".join(f"'{name}'" for name in FUNCTIONS)}) AND (pronamespace, proowner) =
    (SELECT relnamespace, relowner FROM pg_class WHERE oid = 'scenes'::regclass)
"""
HARMLESS = f"(({_SYSTEM}) OR ({_OWN}))"
_STANDING = """
    SELECT rolsuper,
        EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s AND pg_has_role(current_user, oid, %(how)s)),
        coalesce((SELECT NOT has_function_privilege(oid, 'set_config(text, text, boolean)', 'EXECUTE')
                  FROM pg_roles WHERE rolname = %(role)s), false)
    FROM pg_roles WHERE rolname = current_user
"""
_CALLED = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_READ = re.compile(r":relid (\d+)")


def confine(driver: psycopg.Connection[Any], statement: str, seconds: float, where: str, embedded: bool) -> None:
    """Leave the connection in a read-only transaction in which `statement` does no harm and ends in time, or raise."""
    timeout = f"SET LOCAL statement_timeout = {round(1000 * seconds)}"
    driver.execute(timeout)
    if embedded:  # it logged in as the reader
        driver.execute("SET TRANSACTION READ ONLY")
        return
    superuser, can_change, closed = _standing(driver)
    if superuser and not can_change:
        raise DatabaseError(
            f"SQL does not run as a superuser of the database {where}: make the role it is to run as there, "
            f"CREATE ROLE {READER}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}"
        )
    if not closed:
        driver.rollback()
        driver.execute("SET TRANSACTION READ WRITE")
        driver.execute(timeout)
        _require_harmless(driver, statement, where)
        driver.rollback()
        driver.execute(timeout)
    driver.execute("SET TRANSACTION READ ONLY")
    if can_change:
        driver.execute(f"SET LOCAL ROLE {READER}")


def become_viewer(driver: psycopg.Connection[Any]) -> bool:
    """On a server that is not the store's own: whether the session is now that of the role that cannot write."""
    _, can_change, _ = _standing(driver, VIEWER)
    if can_change:
        driver.execute(f"SET ROLE {VIEWER}")
    driver.commit()
    return can_change


def discard_session(connection: psycopg.Connection[Any], *_: object) -> None:
    """Before others get the connection: settings, locks, cursors and temporary tables end. A listener of the pool."""
    if connection is None or connection.closed:
        return
    try:
        connection.autocommit = True
        connection.execute("DISCARD ALL")
        connection.autocommit = False
    except psycopg.Error:
        connection.close()


def _standing(driver: psycopg.Connection[Any], role: str = READER) -> tuple[bool, bool, bool]:
    """Whether the user is a superuser, may become `role`, and whether the functions of `role` are a list."""
    how = "SET" if driver.info.server_version >= 160000 else "MEMBER"
    row = driver.execute(_STANDING, {"role": role, "how": how}).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _require_harmless(driver: psycopg.Connection[Any], statement: str, where: str) -> None:
    """Raise unless the statement reads the store's tables and calls listed functions alone. Nothing of it runs."""
    view = f"CREATE TEMPORARY VIEW ovstore_asked AS SELECT 1 AS one FROM (\n{statement}\n) AS asked"
    try:
        driver.execute(view.encode(), binary=True)  # binary: the protocol that takes a single statement
    except psycopg.errors.InsufficientPrivilege as error:
        said = error.diag.message_primary
        raise DatabaseError(f"The SQL cannot be checked before it runs, the database {where} says {said}.") from error
    row = driver.execute("SELECT ev_action::text FROM pg_rewrite WHERE ev_class = 'pg_temp.ovstore_asked'::regclass")
    [tree] = row.fetchone() or [""]
    called = driver.execute(
        f"SELECT oid::regprocedure::text FROM pg_proc WHERE oid = ANY(%s::oid[]) AND NOT {HARMLESS} ORDER BY 1",
        [list(set(_CALLED.findall(tree)))],
    ).fetchone()
    read = driver.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY(%s::oid[]) AND relname <> 'ovstore_asked' AND NOT "
        "(relname = ANY(%s) AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'scenes'::regclass))",
        [list(set(_READ.findall(tree))), [*metadata.tables, *VIEWS]],
    ).fetchone()
    if called:
        raise BadInput(f"The function {called[0]} cannot be used here: docs/sql.md lists those that can.")
    if read:
        raise BadInput(f"The table {read[0]} cannot be read here. To list those that can: ovstore db tables")
