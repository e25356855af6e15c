"""Words that were asked before are answered without the network that reads words."""

import json
from pathlib import Path

import numpy as np
import pytest
import toy_room
from command_line import ovstore
from ovstore.core.errors import UnknownWords
from ovstore.core.features import EmbeddingSpace
from ovstore.models.encoders import color_words
from ovstore.query.encode import Encoder, _background, _text_tower, encoder_of
from ovstore.query.question import target_of
from ovstore.store.postgres.database import Database
from ovstore.store.search import text_vectors
from sqlalchemy import text


@pytest.fixture(scope="module")
def asked(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A store of a room that was asked for red."""
    room = toy_room.write(tmp_path_factory.mktemp("scans") / "room")
    assert ovstore(shared_store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    assert ovstore(shared_store, "search", "red").exit_code == 0
    return shared_store


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the text tower was loaded")

    _text_tower.cache_clear()
    _background.cache_clear()
    monkeypatch.setattr(color_words, "load_text_encoder", fail)
    monkeypatch.setattr(color_words, "background_texts", fail)


def test_the_second_answer_is_the_first_without_the_network(asked: Database, no_network: None) -> None:
    first = ovstore(asked, "search", "red", "--json").stdout
    assert '"hits"' in first and ovstore(asked, "search", "red", "--json").stdout == first


def test_what_was_not_asked_before_needs_it(asked: Database, no_network: None) -> None:
    with pytest.raises(AssertionError, match="the text tower was loaded"):
        target_of(asked).encoder.texts(["red", "blue"])


def test_known_and_new_texts_come_back_in_the_order_asked(asked: Database) -> None:
    encoder = target_of(asked).encoder
    plain = color_words.load_text_encoder(color_words.Options())
    texts = ["green", "red", "dark blue", "red"]
    np.testing.assert_array_equal(encoder.texts(texts), plain(texts))
    np.testing.assert_array_equal(encoder.background(), plain(color_words.COLORS))
    assert encoder.texts([]).shape == (0, len(color_words.WORDS))


def test_unknown_words_are_not_kept(asked: Database) -> None:
    encoder = target_of(asked).encoder
    with pytest.raises(UnknownWords):
        encoder.texts(["a chair"])
    assert text_vectors.load(asked, encoder.space, encoder._digest, ["a chair"]) == {}


def test_other_options_and_other_weights_have_texts_of_their_own(asked: Database) -> None:
    known = target_of(asked).encoder
    other = encoder_of({"encoder": {"name": "color_words", "options": {"patch": 8}}}, known.space, store=asked)
    assert other._kept(["red"]) == {}
    retrained = Encoder(known.name, known.settings, EmbeddingSpace("color_words", 13, "f" * 64), store=asked)
    retrained._keep({"red": np.ones((1, 13), np.float32)})
    assert retrained._kept(["red"]) == {} and known._kept(["red"]).keys() == {"red"}


@pytest.mark.parametrize("code", ["insufficient_privilege", "read_only_sql_transaction"])
def test_one_who_may_only_read_is_answered_all_the_same(asked: Database, code: str) -> None:
    encoder = target_of(asked).encoder
    with asked.connect() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON text_vectors FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    try:
        assert encoder.texts(["yellow"]).shape == (1, 13)
        assert encoder._kept(["yellow"]) == {}
    finally:
        with asked.connect() as connection:
            connection.execute(text("DROP FUNCTION refuse CASCADE"))


def test_the_words_of_a_label_set_become_vectors_in_one_batch(asked: Database, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    colours = {
        "name": "colours", "title": "Colours", "source": "a test",
        "classes": [{"name": "pink", "id": 1, "rgb": [255, 0, 255], "words": ["pink", "pale red"]},
                    {"name": "black", "id": 2, "rgb": [0, 0, 0]}],
    }  # fmt: skip
    (tmp_path / "colours.json").write_text(json.dumps(colours))
    batches = []
    plain = color_words.load_text_encoder(color_words.Options())
    _text_tower.cache_clear()
    monkeypatch.setattr(
        color_words, "load_text_encoder", lambda *_: lambda texts: batches.append(texts) or plain(texts)
    )
    result = ovstore(asked, "labels", "encode", tmp_path / "colours.json", "--out", tmp_path / "colours.npz")
    assert result.stdout == "colours: 3 texts as vectors of color_words\n", result.output
    assert batches == [["pink", "pale red", "black"]]
    with np.load(tmp_path / "colours.npz") as written:
        assert written["texts"].tolist() == batches[0] and written["index"].tolist() == [0, 0, 1]
        np.testing.assert_array_equal(written["vectors"], plain(batches[0]))
    assert ovstore(asked, "labels", "encode", tmp_path / "colours.json").exit_code == 0
    assert len(batches) == 1  # they are kept


def test_texts_leave_with_their_space(store: Database, tmp_path: Path) -> None:
    room = toy_room.write(tmp_path / "room")
    assert ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    assert ovstore(store, "search", "red").exit_code == 0
    with store.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM text_vectors")).scalar_one() == 2
        connection.execute(text("DELETE FROM feature_sets"))
        connection.execute(text("DELETE FROM embedding_spaces"))
        assert connection.execute(text("SELECT count(*) FROM text_vectors")).scalar_one() == 0
