"""What a database URL says: for libpq, and for people, who never see its passwords."""

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ...core.errors import DatabaseError

_SECRETS = ("password", "sslpassword", "oauth_client_secret")
_FORM = "postgresql://user:password@host:port/database"
_LETTERS = "write %40 for @, %2F for /, %25 for %, %3A for :, %20 for a blank in names and passwords"


def plain_conninfo(url: str) -> str:
    """What libpq understands of a URL as SQLAlchemy writes it; DatabaseError for what it would misunderstand."""
    plain = re.sub(r"^(postgresql|postgres)\+psycopg[a-z0-9_]*://", "postgresql://", url.strip())
    if plain.startswith(("postgresql://", "postgres://")):
        _require_unambiguous(plain.partition("://")[2])
    try:
        given = conninfo_to_dict(plain)
    except psycopg.ProgrammingError as error:
        # libpq quotes what it could not read, which may be the password: nor must a traceback show it.
        said = re.sub(r'"[^"]*"?', "...", str(error).strip().partition("\n")[0])
        raise DatabaseError(f"The database URL cannot be read ({said}): {_FORM} is expected; {_LETTERS}.") from None
    if re.search(r"[^0-9,]", str(given.get("port") or "")):
        raise DatabaseError(f"The database URL has a port that is not a number: {_FORM} is expected; {_LETTERS}.")
    return plain


def described(conninfo: str) -> str:
    """`user@host:port/database`, without the password."""
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        return "the database"
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"{user}{given.get('host') or 'localhost'}{port}/{given.get('dbname') or given.get('user') or ''}"


def redacted(text: str, conninfo: str) -> str:
    """The text without the secrets of the connection it speaks of, wherever they come from."""
    try:
        given = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        given = {}
    for name in _SECRETS:
        if value := given.get(name):
            text = text.replace(str(value), "...")
    return re.sub(r"(\w+://[^\s/@:]*):[^\s/]*@", r"\1:...@", text)


def _require_unambiguous(rest: str) -> None:
    """A letter of the password that the form takes for its own makes host or database of what follows it."""
    sign = rest.find("@")
    before, after = rest[: max(0, sign)], rest[sign + 1 :] if sign >= 0 else ""
    if sign >= 0 and "/" in before and "?" not in before:
        raise DatabaseError(f"The database URL has a / before the @: {_FORM} is expected; {_LETTERS}.")
    if sign >= 0 and "?" not in before and "@" in re.split(r"[/?]", after)[0]:
        raise DatabaseError(f"The database URL has two @ before the host: {_FORM} is expected; {_LETTERS}.")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise DatabaseError(
            f"The database URL has a % without two hexadecimal digits after it: {_FORM} is expected; {_LETTERS}."
        )
