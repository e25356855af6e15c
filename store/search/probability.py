"""How likely a region is what was asked for, rather than one of the everyday things it might be instead.

A cosine says little by itself: one text tower gives 0.30 to a perfect match, another 0.15, and a long sentence scores
lower than a word. So the region chooses, as CLIP was trained to choose, between the query and a background of everyday
texts (`background_texts` of the encoder): softmax over logit_scale * cosine. 0.5 means as likely as all of the
background together, for every query and encoder.
"""

import numpy as np
from numpy.typing import NDArray

from ...core.features import Query
from .scoring import unit

NEAR_SYNONYM = 0.8  # cosine of query and background text, both less the background's mean
SAME = 0.99  # plain cosine, where the background is too small to have a mean
_FEW = 8


def probabilities(vectors: NDArray[np.float16], query: Query) -> list[float | None]:
    """One per (n, dim) region vector; None when the query has no background, or none but itself."""
    none = np.empty((0, query.space.dim), np.float32)
    background = none if query.background is None else query.background
    near = none if query.rivals is None else query.rivals
    rivals = np.concatenate([background[~near_synonyms(query.vector, background)], near])
    if len(rivals) == 0:
        return [None] * len(vectors)
    texts = np.concatenate([query.vector[None], rivals])
    logits = query.space.logit_scale * (unit(vectors) @ unit(texts).T)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return [float(share) for share in weights[:, 0] / weights.sum(axis=1)]


def near_synonyms(vector: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(B,) background texts that mean what the query means: rivals of "sofa", but not "couch", make it unlikely.

    What all texts of a tower have in common is taken off first: towers differ in it, and it hides what texts mean.
    """
    few = len(background) < _FEW
    mean = np.zeros_like(vector) if few else background.mean(axis=0)
    own, others = vector - mean, background - mean
    lengths = np.linalg.norm(own) * np.linalg.norm(others, axis=1)
    return np.asarray(others @ own >= (SAME if few else NEAR_SYNONYM) * np.maximum(lengths, 1e-12))
