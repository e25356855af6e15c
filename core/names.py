"""What scenes and frames may be called: text that the database holds and a terminal shows on one line.

A name that becomes that of a file is held to what file systems take, which count bytes of UTF-8 and not letters.
"""

import unicodedata

from .errors import BadScene

MAX_FILE_NAME = 255  # bytes of UTF-8; ext4, XFS, APFS and NTFS take as many or more
MAX_NAME = 512  # characters; PostgreSQL's indexes hold 2,700 bytes


def require_text(text: str) -> None:
    """Refuse what PostgreSQL cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadScene(f"The name {text!r} is not valid UTF-8, which the database needs: rename it.") from error
    if "\0" in text:
        raise BadScene(f"The name {text!r} contains a NUL character, which the database cannot store.")


def require_name(name: str) -> None:
    """Refuse also line feeds, and what moves a terminal's cursor."""
    require_text(name)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise BadScene(f"The name {name!r} contains control characters or line breaks: rename it.")
    if len(name) > MAX_NAME:
        raise BadScene(
            f"The name {name[:60]!r}... has {len(name):,} characters; at most {MAX_NAME} are allowed: rename it."
        )


def is_file_name(name: str, ending: str = "") -> bool:
    """Whether a file in a folder can be called `name` and `ending`: it is one part of a path, and not too long."""
    whole = name + ending
    return whole not in ("", ".", "..") and not {"/", "\0"} & set(whole) and len(_bytes(whole)) <= MAX_FILE_NAME


def file_name(name: str, ending: str = "") -> str:
    """`name` and `ending`; BadScene where no file can be called so."""
    if is_file_name(name, ending):
        return name + ending
    size = len(_bytes(name + ending))
    if size <= MAX_FILE_NAME:
        raise BadScene(f"{name[:60]!r} is not a file name, so there can be no file {name[:60]}{ending}.")
    raise BadScene(
        f"The name {name[:60]!r}... is too long for a file: with {ending!r} it has {size:,} bytes, at most "
        f"{MAX_FILE_NAME} are allowed."
    )


def shortened(name: str, most: int = 80) -> str:
    """The beginning of a name, `most` bytes of UTF-8 at most; no letter is cut in two."""
    return _bytes(name)[:most].decode("utf-8", "ignore") if len(_bytes(name)) > most else name


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
