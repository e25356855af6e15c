"""The words of a label set as vectors of the encoder that feature sets were made with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.features import EmbeddingSpace
from ..core.files import replacing
from ..evaluation.labels.label_set import LabelSet
from ..query.question import target_of
from ..store.postgres.database import Database


@dataclass(frozen=True)
class EncodedLabels:
    """A row for each text of each class."""

    space: EmbeddingSpace
    texts: tuple[str, ...]
    index: NDArray[np.int64]  # (n,) the text's class, counted from 0
    vectors: NDArray[np.float32]  # (n, space.dim) unit rows

    def save(self, path: Path) -> None:
        """As NumPy's .npz with texts, index and vectors, which np.load reads without pickle."""
        with replacing(path) as part, part.open("wb") as file:
            np.savez(file, texts=list(self.texts), index=self.index, vectors=self.vectors)


def encode_labels(store: Database, label_set: LabelSet, features: str | None = None) -> EncodedLabels:
    """All texts in one batch, kept in the store for later queries.

    By the encoder of the feature sets called `features`; None: of those that most scenes have.
    """
    words = [(index, text) for index, each in enumerate(label_set.classes) for text in each.texts]
    texts = tuple(text for _, text in words)
    target = target_of(store, features)
    index = np.array([index for index, _ in words], np.int64)
    return EncodedLabels(target.space, texts, index, target.encoder.texts(texts))
