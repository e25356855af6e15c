"""Tables as Markdown and LaTeX."""

import re
from collections.abc import Sequence

Row = tuple[str, ...]
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}


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
