"""The README and the pages of docs/: their code blocks and the command lines in them. Shared by tests."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ovstore

ROOT = Path(ovstore.__file__).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_ASSIGNED = re.compile(r"\w+=\S*$")
_ENDS = {"|", "||", "&&", ";", ">", ">>", "<", "&"}


@dataclass(frozen=True)
class Command:
    """`ovstore` and its words, as some page has them."""

    page: str
    line: int
    words: tuple[str, ...]
    whole: bool  # a line of a code block, not words in running text, which may stand for a whole command

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


def python_blocks(page: Path) -> list[tuple[int, str]]:
    """(line, source) of each block fenced as python."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, m.start()) + 2, m[2]) for m in _FENCED.finditer(text) if m[1] == "python"]


def commands(page: Path) -> Iterator[Command]:
    """Every `ovstore ...` of the page, in blocks and in running text."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))
    prose = _FENCED.sub(lambda m: "\n" * m[0].count("\n"), text)
    blocks = [(text.count("\n", 0, m.start()) + 2, m[2]) for m in _FENCED.finditer(text) if m[1] != "python"]
    blocks += [(prose.count("\n", 0, m.start()) + 1, m[0]) for m in re.finditer(r"(?:^ {4,}\S.*\n)+", prose, re.M)]
    for start, block in blocks:
        joined = re.sub(r"\\\n", lambda _: " ", block)
        for offset, line in enumerate(joined.splitlines()):
            for words in _ovstore(line.strip().removeprefix("$ "), comments=True):
                yield Command(name, start + offset, words, True)
    prose = re.sub(r"(?:^ {4,}\S.*\n)+", lambda m: "\n" * m[0].count("\n"), prose, flags=re.M)
    for m in _SPAN.finditer(prose):
        for words in _ovstore(" ".join(m[1].split()), comments=False):
            yield Command(name, prose.count("\n", 0, m.start()) + 1, words, False)


def _ovstore(line: str, comments: bool) -> Iterator[tuple[str, ...]]:
    """The calls of ovstore in a line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split, lexer.commenters = True, "#" if comments else ""
    try:
        tokens = list(lexer)
    except ValueError:  # prose with an apostrophe
        return
    at = 0
    while at < len(tokens):
        while at < len(tokens) and _ASSIGNED.match(tokens[at]):
            at += 1
        end = next((i for i in range(at, len(tokens)) if tokens[i] in _ENDS), len(tokens))
        if tokens[at:end] and tokens[at] == "ovstore" and (end - at > 1):
            yield tuple(tokens[at:end])
        at = end + 1
