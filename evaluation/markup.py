"""Tables as Markdown and LaTeX."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[str, ...]
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}


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
    parts = [f"### {title}", *(markdown_table(table.columns, table.rows, table.left) for table in tables)]
    parts.append("\n".join(f"- {markdown_text(sentence)}" for sentence in sentences))
    return "\n\n".join(parts) + "\n"


def latex(title: str, tables: Sequence[Table], sentences: Sequence[str]) -> str:
    """Tabulars that need no package, title and sentences as comments."""
    parts = ["\n".join(f"% {line}" for line in (title, *sentences))]
    for table in tables:
        alignment = "".join("l" if column in table.left else "r" for column in table.columns)
        parts.append(latex_table(table.columns, table.rows, alignment))
    return "\n\n".join(parts) + "\n"


def markdown_table(columns: Sequence[str], rows: Sequence[Row], left: Sequence[str] = ()) -> str:
    """Columns named in `left` align left, all others right."""
    rule = [":--" if column in left else "--:" for column in columns]
    cells = [columns, rule, *([markdown_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def markdown_text(text: str) -> str:
    """The text with what Markdown would read as markup taken literally."""
    return re.sub(r"([\\|*_`<\[])", r"\\\1", text)


def latex_table(columns: Sequence[str], rows: Sequence[Row], alignment: str) -> str:
    """A tabular that needs no package; `alignment` is a letter a column: l or r."""
    body = [" & ".join(map(_latex_text, row)) + r" \\" for row in (columns, *rows)]
    return "\n".join([
        rf"\begin{{tabular}}{{{alignment}}}", r"\hline", body[0], r"\hline", *body[1:], r"\hline", r"\end{tabular}",
    ])  # fmt: skip


def _latex_text(text: str) -> str:
    return re.sub(r"[\\~^–&%$#_{}]", lambda found: _LATEX.get(found[0], "\\" + found[0]), text)
