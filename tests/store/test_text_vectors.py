"""Words that were asked before are answered without the network that reads words."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import noted_encoder
import numpy as np
import other_package
import pytest
import toy_room
from command_line import ovstore
from ovstore.core.errors import UnknownWords
from ovstore.models.encoders import color_words
from ovstore.query.encode import encoder_of
from ovstore.query.question import target_of
from ovstore.store.postgres.database import Database
from ovstore.store.search import text_vectors
from sqlalchemy import text


@pytest.fixture(scope="module")
def asked(shared_store: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store of a room that was asked for red, by an encoder that notes what it reads."""
    folder = tmp_path_factory.mktemp("noted")
    room = toy_room.write(folder / "room")
    other_package.install(folder / "packages", "ovstore.models.encoders", "noted", "noted_encoder")
    helpers = Path(noted_encoder.__file__).parent
    with pytest.MonkeyPatch.context() as environment:
        environment.syspath_prepend(folder / "packages")
        environment.setenv("PYTHONPATH", f"{folder / 'packages'}:{helpers}")
        environment.setenv("NOTED_TEXTS", str(folder / "texts"))
        assert ovstore(shared_store, "ingest", "rgbd", room, "--encoder", "noted").exit_code == 0
        assert ovstore(shared_store, "search", "red").exit_code == 0
        assert noted_encoder.read() == [list(color_words.COLORS)], "everyday colours, and red is one of them"
        yield shared_store


def kept(store: Database, words: str) -> int:
    """How many vectors the store keeps of a text."""
    with store.connect() as connection:
        query = text("SELECT count(*) FROM text_vectors WHERE text = :words")
        return int(connection.execute(query, {"words": words}).scalar_one())


def test_another_process_answers_the_same_and_reads_no_words(asked: Database) -> None:
    first = ovstore(asked, "search", "red", "--json").stdout
    command = [sys.executable, "-m", "ovstore.cli", "--store", asked.path, "search", "red", "--json"]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(first)["hits"] and json.loads(again) == json.loads(first)
    assert noted_encoder.read() == []


def test_what_was_not_asked_before_is_all_that_is_read(asked: Database) -> None:
    target_of(asked).encoder.texts(["red", "blue", "red", "dark blue"])
    assert noted_encoder.read() == [["dark blue"]]


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
    assert kept(asked, "a chair") == 0


def test_other_options_have_texts_of_their_own(asked: Database) -> None:
    known = target_of(asked).encoder
    other = encoder_of({"encoder": {"name": "noted", "options": {"patch": 8}}}, known.space, store=asked)
    known.texts(["white"])
    noted_encoder.read()
    np.testing.assert_array_equal(other.texts(["white"]), known.texts(["white"]))
    assert noted_encoder.read() == [["white"]] and kept(asked, "white") == 2


def test_other_weights_have_texts_of_their_own_and_a_space_that_is_not_stored_has_none(asked: Database) -> None:
    space = target_of(asked).encoder.space
    retrained, vector = replace(space, digest="f" * 64), np.ones((1, 13), np.float32)
    for each in (space, retrained):
        text_vectors.keep(asked, each, "some encoder", {"mauve": vector})
    assert text_vectors.load(asked, space, "some encoder", ["mauve"]).keys() == {"mauve"}
    assert text_vectors.load(asked, retrained, "some encoder", ["mauve"]) == {}


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
        assert encoder.texts(["dark yellow"]).shape == (1, 13)
        assert kept(asked, "dark yellow") == 0
    finally:
        with asked.connect() as connection:
            connection.execute(text("DROP FUNCTION refuse CASCADE"))


def test_the_words_of_a_label_set_become_vectors_in_one_batch(asked: Database, tmp_path: Path) -> None:
    colours = {
        "name": "colours", "title": "Colours", "source": "a test",
        "classes": [{"name": "pink", "id": 1, "rgb": [255, 0, 255], "words": ["light pink", "pale red"]},
                    {"name": "black", "id": 2, "rgb": [0, 0, 0], "words": ["dark black"]}],
    }  # fmt: skip
    (tmp_path / "colours.json").write_text(json.dumps(colours))
    noted_encoder.read()
    result = ovstore(asked, "labels", "encode", tmp_path / "colours.json", "--out", tmp_path / "colours.npz")
    assert result.stdout == "colours: 3 texts as vectors of color_words\n", result.output
    [batch] = noted_encoder.read()
    assert batch == ["light pink", "pale red", "dark black"]
    with np.load(tmp_path / "colours.npz") as written:
        assert written["texts"].tolist() == batch and written["index"].tolist() == [0, 0, 1]
        plain = color_words.load_text_encoder(color_words.Options())
        np.testing.assert_array_equal(written["vectors"], plain(batch))
    assert ovstore(asked, "labels", "encode", tmp_path / "colours.json").exit_code == 0
    assert noted_encoder.read() == []


def test_texts_leave_with_their_space(store: Database, tmp_path: Path) -> None:
    room = toy_room.write(tmp_path / "room")
    assert ovstore(store, "ingest", "rgbd", room, "--encoder", "color_words").exit_code == 0
    assert ovstore(store, "search", "red").exit_code == 0
    with store.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM text_vectors")).scalar_one() == len(color_words.COLORS)
        connection.execute(text("DELETE FROM feature_sets"))
        connection.execute(text("DELETE FROM embedding_spaces"))
        assert connection.execute(text("SELECT count(*) FROM text_vectors")).scalar_one() == 0
