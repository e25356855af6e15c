"""What a person reads is one line, whatever the files are called."""

from ovstore.store.errors import BadScene


def test_a_message_is_one_printable_line() -> None:
    assert str(BadScene("Küche 🪑/a\nb\x1b[2J\udcff.ply: no points")) == (r"Küche 🪑/a\nb\x1b[2J\udcff.ply: no points")
