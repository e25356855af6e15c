"""Tables as Markdown and LaTeX."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.wording import shown

Row = tuple[str, ...]
_LATEX = {character: "\\" + character for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"\`{}",
    "[": "{[}",  # after the end of a row these would be its options
    "*": "{*}",
    "–": "--",
}
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=')(?=')|(?<=[?!,'])(?=`)")  # what TeX would join to a dash, a quote, a mark
_MARKDOWN = re.compile(r"[\\`*_~\[\]<>&$|]|^[#+=-]")
_MARKDOWN_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")  # starts a list


@dataclass(frozen=True)
class Table:
    """Rows of text under their columns."""

    columns: Row
    rows: Sequence[Row]
    left: tuple[str, ...] = ()  # columns that align left, all others right

    @property
    def right(self) -> Row:
        """The columns that align right."""
        return tuple(column for column in self.columns if column not in self.left)


def markdown(title: str, tables: Sequence[Table], sentences: Sequence[str]) -> str:
    """A whole section."""
    parts = [f"### {markdown_text(title)}"]
    parts += [markdown_table(table.columns, table.rows, table.left) for table in tables]
    parts.append("\n".join(f"- {markdown_text(sentence)}" for sentence in sentences))
    return "\n\n".join(parts) + "\n"


def latex(title: str, tables: Sequence[Table], sentences: Sequence[str]) -> str:
    """Tabulars that need no package, title and sentences as comments."""
    parts = ["\n".join(f"% {shown(line)}" for line in (title, *sentences))]
    for table in tables:
        alignment = "".join("l" if column in table.left else "r" for column in table.columns)
        parts.append(latex_table(table.columns, table.rows, alignment))
    return "\n\n".join(parts) + "\n"


def markdown_table(columns: Sequence[str], rows: Sequence[Row], left: Sequence[str] = ()) -> str:
    """Columns named in `left` align left, all others right."""
    rule = [":--" if column in left else "--:" for column in columns]
    cells = [map(markdown_text, columns), rule, *(map(markdown_text, row) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def markdown_text(text: str) -> str:
    """The text on one line, with what Markdown (also GitHub's) would read as markup taken literally."""
    return _MARKDOWN_NUMBER.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\g<0>", shown(text)))


def latex_table(columns: Sequence[str], rows: Sequence[Row], alignment: str) -> str:
    """A tabular that needs no package; `alignment` is a letter a column: l or r."""
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in (columns, *rows)]
    return "\n".join([
        rf"\begin{{tabular}}{{{alignment}}}", r"\hline", body[0], r"\hline", *body[1:], r"\hline", r"\end{tabular}",
    ])  # fmt: skip


def latex_text(text: str) -> str:
    """The text on one line, with what LaTeX would read as a command taken literally."""
    parts = _LIGATURE.split(shown(text))
    return "{}".join("".join(_LATEX.get(character, character) for character in part) for part in parts)
