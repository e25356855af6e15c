"""How text that comes from files, names and databases is shown to people."""

import difflib
import re
from collections.abc import Iterable, Sequence

# C0 and C1 controls; the marks, embeddings, overrides and isolates of bidirectional text; the separators of lines and
# paragraphs; surrogates without a partner, which stand for bytes that are no UTF-8. Joiners of emoji and scripts stay.
_UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")


# Where a word begins: a path in quotes, to the closing one; a known folder and what follows without a space; any other.
_ABSOLUTE = (
    r"""(?<![\w:/.~)-])(?:(?P<quote>['"])(?:file:/{{2}})?(?P<quoted>/[^/'"][^'"]*)(?P=quote)"""
    r"""|(?:file:/{{2}})?(?:{known}|/[^\s/'"])[^\s'"]*(?:(?<![.,:;!?)])[ ][^\s'"/]*[^\s'"/.,:;]/[^\s'"]+)*)"""
)


def shown(text: str) -> str:
    """The text on one line, with what would move a cursor, turn the order of letters or cannot be printed escaped."""
    return text if text.isprintable() else _UNSEEN.sub(lambda found: repr(found[0])[1:-1], text)


def shown_in_json(document: str) -> str:
    """A JSON document of the same meaning, in which nothing of that kind stands but line feeds between values."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", document)


_TYPED = 500  # letters; what is longer is no misspelt name


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """ " Did you mean 'scene0000_00'?", or nothing where no known name is near; names that begin alike come first."""
    if len(name) > _TYPED:
        return ""
    longer = [own for own in known if own.startswith(name)]
    near = difflib.get_close_matches(name, longer, n=1) or difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def near_names(name: str, known: Iterable[str], most: int = 5) -> tuple[str, ...]:
    """The known names that may be meant, likeliest first: those that begin with `name`, then those that resemble it.

    So half a name that somebody types leads to whole ones.
    """
    if len(name) > _TYPED:
        return ()
    known = dict.fromkeys(known)
    longer = sorted((own for own in known if own.startswith(name)), key=len) if name else []
    return tuple(dict.fromkeys([*longer[:most], *difflib.get_close_matches(name, known, n=most)]))[:most]


def without_paths(text: str, roots: Iterable[str] = ()) -> str:
    """A sentence for strangers: of each absolute path only the last name is left.

    Nothing says where a path with spaces ends, unless it stands in quotes or begins with one of the `roots`, which are
    known folders such as the store's. Words with a slash in them that follow are taken for its rest.
    """
    known = "|".join(re.escape(root.rstrip("/")) for root in sorted(roots, key=len, reverse=True) if root.strip("/"))
    path = re.compile(_ABSOLUTE.format(known=f"(?:{known})" if known else "(?!)"))
    return path.sub(lambda found: _last_name(found), text)


def _last_name(found: re.Match[str]) -> str:
    quoted = found["quoted"]
    if quoted is not None:
        return found["quote"] + (quoted.rstrip("/").rpartition("/")[2] or "/") + found["quote"]
    whole = found[0]
    ending = whole[len(whole.rstrip(".,:;!?)")) :]
    name = whole.removesuffix(ending).rstrip("/").rpartition("/")[2]
    return (name or "/") + ending


def first_line(error: BaseException) -> str:
    """What an error says, or what it is where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def reason(error: BaseException) -> str:
    """The system's own words for what went wrong, else the first line of what the error says."""
    return getattr(error, "strerror", None) or first_line(error)


def counted(count: int, noun: str, ending: str = "s") -> str:
    """A count with its noun: 1 scene, 2,000 scenes; with "es", 3 passes."""
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def short_list(names: Sequence[str], most: int = 8) -> str:
    """The first few, and how many more: "3, 4, 5 and 12 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
