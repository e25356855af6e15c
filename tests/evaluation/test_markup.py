"""Names and sentences in Markdown and LaTeX: whatever they hold, they stay text on one line."""

import re
import string

import pytest
from ovstore.evaluation import markup
from ovstore.evaluation.markup import Table

BREAKS = ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
HOSTILE = "room\n\\input{/etc/passwd}\n"


@pytest.mark.parametrize("write", [markup.markdown, markup.latex])
@pytest.mark.parametrize("broken", BREAKS, ids=repr)
def test_no_name_adds_a_line(write, broken: str) -> None:  # type: ignore[no-untyped-def]
    def lines(name: str) -> int:
        table = Table(("scene", name), [(name, name), ("b", "2")], left=("scene",))
        return len(write(name, [table], [name, "of all"]).splitlines())

    assert lines(f"a{broken}b") == lines("ab")


def test_a_name_cannot_leave_the_comment_of_a_latex_file() -> None:
    text = markup.latex(HOSTILE, [Table(("scene",), [(HOSTILE,)])], [HOSTILE])
    for line in text.splitlines():
        assert line.startswith("%") or "\\input" not in line


@pytest.mark.parametrize("special", sorted(set(string.punctuation) - set("-'\"")))
def test_every_special_of_latex_stays_text(special: str) -> None:
    written = markup.latex_text(f"a{special}b")
    commands = (
        r"\\(?:textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|`)\{\}|\\[&%$#_{}]|\{[*\[]\}"
    )
    rest = re.sub(commands, "", written)
    assert not set(rest) & set("\\&%$#_{}~^<>|`[*"), written
    assert markup.latex_text("plain text, 3.5 (m)") == "plain text, 3.5 (m)"


def test_latex_joins_no_two_characters_of_a_name() -> None:
    assert markup.latex_text("a--b ''c''") == "a-{}-b '{}'c'{}'"
    assert markup.latex_text('say "x" ?`') == r"say {\char34}x{\char34} ?{}\`{}"


@pytest.mark.parametrize("first", ["[1cm]", "*", "*[1cm]"])
def test_a_cell_is_no_option_of_the_row_before(first: str) -> None:
    rows = markup.latex_table(("a",), [("x",), (first,)], "l").splitlines()
    assert not rows[rows.index(r"x \\") + 1].lstrip().startswith(("[", "*"))


@pytest.mark.parametrize("special", sorted("\\`*_~[]<>&$|"))
def test_every_special_of_markdown_is_escaped(special: str) -> None:
    assert markup.markdown_text(f"a{special}b") == f"a\\{special}b"


@pytest.mark.parametrize(
    ("text", "written"),
    [("# a", r"\# a"), ("- a", r"\- a"), ("+ a", r"\+ a"), ("1. a", r"1\. a"), ("12) a", r"12\) a"), ("0.5", "0.5")],
)
def test_a_sentence_starts_no_heading_or_list(text: str, written: str) -> None:
    assert markup.markdown_text(text) == written


def test_titles_and_columns_are_text_too() -> None:
    text = markup.markdown("a | <b>", [Table(("IoU | <i>",), [("1",)])], [])
    assert text.splitlines()[0] == r"### a \| \<b\>"
    assert r"| IoU \| \<i\> |" in text
