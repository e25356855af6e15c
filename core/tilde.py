"""Names in the paths of URLs: letters, digits, - and _ stay, any other byte of their UTF-8 is ~XX.

Percent-encoding does not survive the way: browsers and servers resolve encoded dots and slashes. Tildes mean nothing to
them (after Datasette's tilde encoding).
"""

import re

from .errors import NotFound

_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_ENCODED = re.compile("(?:[A-Za-z0-9_-]|~[0-9A-F]{2})+")


def encode(name: str) -> str:
    """One part of a path that stands for the name; "~" alone is the empty name."""
    return "".join(chr(byte) if byte in _KEPT else f"~{byte:02X}" for byte in name.encode()) or "~"


def decode(part: str) -> str:
    """The name; NotFound for what `encode` makes of no name, so that each name has one URL."""
    if part == "~":
        return ""
    if _ENCODED.fullmatch(part):
        try:
            name = re.sub(b"~(..)", lambda found: bytes([int(found[1], 16)]), part.encode()).decode()
        except UnicodeDecodeError:
            name = ""
        if "\0" not in name and encode(name) == part:
            return name
    raise NotFound(f"{part!r} is not a name as URLs have it: letters, digits, - and _ stay, other bytes are ~XX.")
