"""Texts that were asked before, with their vectors: a question asked again needs no network.

A row belongs to an embedding space and to the encoder's options (its prompts are among them). Rows of the empty text
are left of an earlier version, which kept all everyday texts of an encoder under it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from ...core.features import EmbeddingSpace
from ..postgres.database import Database

_LOAD = text("""
    SELECT kept.text, kept.vectors FROM text_vectors kept JOIN embedding_spaces space ON space.id = embedding_space_id
    WHERE space.name = :name AND space.dim = :dim AND space.digest = :digest
      AND kept.encoder = :encoder AND kept.text = ANY(:texts)
""")
_KEEP = text("""
    INSERT INTO text_vectors (embedding_space_id, encoder, text, vectors)
    SELECT id, :encoder, :text, :vectors FROM embedding_spaces WHERE name = :name AND dim = :dim AND digest = :digest
    ON CONFLICT DO NOTHING
""")


def load(store: Database, space: EmbeddingSpace, encoder: str, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Those of the texts that are kept, each with its (rows, dim) vectors."""
    with store.autocommit() as connection:
        rows = connection.execute(_LOAD, {**space.key, "encoder": encoder, "texts": list(texts)}).all()
    return {row.text: np.frombuffer(row.vectors, "<f4").reshape(-1, space.dim).astype(np.float32) for row in rows}


def keep(store: Database, space: EmbeddingSpace, encoder: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Keep the (rows, dim) vectors of texts; nothing is kept for a space that the store does not have."""
    rows = [
        {**space.key, "encoder": encoder, "text": words, "vectors": np.ascontiguousarray(matrix, "<f4").tobytes()}
        for words, matrix in vectors.items()
    ]
    if rows:
        with store.connect() as connection:
            connection.execute(_KEEP, rows)
