"""A network is loaded once, whoever asks, and says how far it is; one thread at a time is in it."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.core.errors import SpaceMismatch
from ovstore.core.features import EmbeddingSpace
from ovstore.models.encoders import color_words
from ovstore.query.encode import Encoder

SPACE = color_words.space(color_words.Options())


def encoder(patch: int, space: EmbeddingSpace = SPACE) -> Encoder:
    """Another one for each patch size."""
    return Encoder("color_words", json.dumps({"patch": patch}), space)


def test_threads_that_ask_at_once_load_one_tower_and_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, inside, most_inside = [], [], []
    begun, go_on = threading.Event(), threading.Event()
    plain = color_words.load_text_encoder(color_words.Options())

    def load(options: object, device: str) -> Callable[[Sequence[str]], NDArray[np.float32]]:
        loaded.append(options)
        begun.set()
        assert go_on.wait(10)
        return encode

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        inside.append(texts)
        most_inside.append(len(inside))
        time.sleep(0.01)
        inside.pop()
        return plain(texts)

    monkeypatch.setattr(color_words, "load_text_encoder", load)
    asked = encoder(31)
    assert asked.state() == "cold"
    with ThreadPoolExecutor(6) as pool:
        warming = [pool.submit(asked.warm) for _ in range(3)]
        assert begun.wait(10) and asked.state() == "warming"
        words = [pool.submit(asked.texts, [word]) for word in ("red", "green", "blue")]
        go_on.set()
        found = np.concatenate([each.result() for each in words])
        assert [each.result() for each in warming] == [None] * 3
    assert asked.state() == "ready" and asked.state(images=True) == "cold"
    assert len(loaded) == 1 and max(most_inside) == 1
    np.testing.assert_array_equal(found, plain(["red", "green", "blue"]))
    asked.warm(images=True)
    assert asked.state(images=True) == "ready"


def test_weights_that_are_not_those_of_the_features_stay_cold_and_say_why() -> None:
    other = encoder(32, EmbeddingSpace(SPACE.name, SPACE.dim, "of earlier weights"))
    for _ in range(2):
        with pytest.raises(SpaceMismatch, match="other weights"):
            other.warm()
        assert other.state() == "cold"
