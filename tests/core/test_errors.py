"""What a person reads is one line, whatever the files are called."""

import pickle
import unicodedata

import pytest
from ovstore.core.errors import BadInput, BadScene, NotFound, OvstoreError, UnknownWords, public_sentence
from ovstore.core.wording import near_names, shown
from ovstore.models.encoders import color_words


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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/home/ann/scans/a.ply: no points", "a.ply: no points"),
        ("There is no store in /srv/data/store: create one.", "There is no store in store: create one."),
        ("Read /a/b/c.npy, /d/e.npy and (/f/g).", "Read c.npy, e.npy and (g)."),
        ("The file '/a b/c d/e f.png' is gone.", "The file 'e f.png' is gone."),
        ("/my store/scenes/room 1/points.parquet is missing", "points.parquet is missing"),
        ("The store /my store is open read-only", "The store my store is open read-only"),
        ("/data/My Scans/room/1.jpg: no such file", "1.jpg: no such file"),
        ("ovstore@/dev/shm/run/test is full", "ovstore@test is full"),
        ("see file:///etc/passwd.", "see passwd."),
        ("/tmp/x/: scans/room is gone", "x: scans/room is gone"),
        ("The file '/a/b' and scans/room", "The file 'b' and scans/room"),
        # what is no path stays: names, quotients, commands, URLs
        ("No scene named 'rom'. Did you mean 'scans/room'?", "No scene named 'rom'. Did you mean 'scans/room'?"),
        ("size_x / size_y > 2 and (1)/2", "size_x / size_y > 2 and (1)/2"),
        ("vectors of 'clip/ViT-B-32/openai'", "vectors of 'clip/ViT-B-32/openai'"),
        ("See https://example.org/a/b", "See https://example.org/a/b"),
        ("Küche/👩: 3 m / s", "Küche/👩: 3 m / s"),
    ],
)
def test_strangers_are_told_no_absolute_path(said: str, told: str) -> None:
    assert public_sentence(BadInput(said), "/my store", "/my store/scenes/room 1") == told


def test_of_a_bug_nothing_is_told() -> None:
    assert public_sentence(KeyError("/home/ann/.secret")) == "Something went wrong inside ovstore."


def test_half_a_name_leads_to_whole_ones() -> None:
    known = ["sink", "snoopy", "snow globe", "stool", "sofa"]
    assert near_names("sn", known)[:2] == ("snoopy", "snow globe")
    assert near_names("snopy", known)[0] == "snoopy"
    assert near_names("", known) == () and near_names("xylophone", known) == ()
    assert len(near_names("a", [f"a{number}" for number in range(99)])) == 5


def test_what_was_meant_travels_with_the_error() -> None:
    error = pickle.loads(pickle.dumps(NotFound("No scene named 'rom'.", near=["room"])))
    assert (str(error), error.near) == ("No scene named 'rom'.", ("room",))
    assert OvstoreError("x").near == ()
    with pytest.raises(UnknownWords) as unknown:
        color_words.load_text_encoder(color_words.Options())(["a yel"])
    assert unknown.value.near == ("yellow",)
