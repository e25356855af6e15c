"""What scenes and frames may be called: text that the database holds and a terminal shows on one line."""

import unicodedata

from .errors import BadScene

MAX_NAME = 512  # characters; PostgreSQL's indexes hold 2,700 bytes


def require_text(text: str) -> None:
    """Refuse what PostgreSQL cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadScene(f"The name {text!r} is not valid UTF-8, which the database needs: rename it.") from error
    if "\0" in text:
        raise BadScene(f"The name {text!r} contains a NUL character, which the database cannot hold.")


def require_name(name: str) -> None:
    """Refuse also line feeds, and what moves a terminal's cursor."""
    require_text(name)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise BadScene(f"The name {name!r} has characters that cannot be seen on one line: rename it.")
    if len(name) > MAX_NAME:
        raise BadScene(
            f"The name {name[:60]!r}... has {len(name):,} characters; at most {MAX_NAME} are kept: rename it."
        )
