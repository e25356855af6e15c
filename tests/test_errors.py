"""What a person reads is one line, whatever the files are called."""

from ovstore.store.errors import BadScene


def test_a_message_is_one_printable_line() -> None:
    said = BadScene("Küche 👩\u200d🍳/a\nb\u2028\x1b[2J\udcff.ply: no points")
    assert str(said) == "Küche 👩\u200d🍳/" + r"a\nb\u2028\x1b[2J\udcff.ply: no points"
