"""What a person reads is one line, whatever the files are called."""

import unicodedata

import pytest
from ovstore.core.errors import BadScene
from ovstore.core.wording import shown


def test_a_message_is_one_printable_line() -> None:
    said = BadScene("Küche 👩\u200d🍳/a\nb\u2028\x1b[2J\udcff.ply: no points")
    assert str(said) == "Küche 👩\u200d🍳/" + r"a\nb\u2028\x1b[2J\udcff.ply: no points"


def test_nothing_shown_moves_the_cursor_or_turns_the_order_of_letters() -> None:
    everything = "".join(map(chr, range(0x110000)))
    left = shown(everything)
    assert not [c for c in left if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    turning = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    assert not [c for c in left if unicodedata.bidirectional(c) in turning]
    assert not {"\u061c", "\u200e", "\u200f"} & set(left)


@pytest.mark.parametrize(
    ("text", "on_the_terminal"),
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b]0;title\x07\x9b2J", r"\x1b]0;title\x07\x9b2J"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("\udce9\u2028\u2067", r"\udce9\u2028\u2067"),
    ],
)
def test_what_is_escaped_says_which_character_it_was(text: str, on_the_terminal: str) -> None:
    assert shown(text) == on_the_terminal


@pytest.mark.parametrize("text", ["", "a red chair", "Küche 厨房 🪑", "👩\u200d🍳", "שולחן", "a\u00a0b", "\\n"])
def test_text_of_any_script_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text
