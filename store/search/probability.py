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

HERE = 0.5  # the least probability of something that is there
NEAR_SYNONYM = 0.8  # cosine of query and background text, both less the background's mean
SAME = 0.99  # plain cosine, where the background is too small to have a mean
_FEW = 8


def probabilities(
    vectors: NDArray[np.float16],
    query: Query,
    *,
    wide: NDArray[np.float64] | None = None,
) -> list[float | None]:
    """One per (n, dim) region vector; None when the query has no background, or none but itself.

    It depends on the vector alone, to the last bit, whatever others are looked at. Those who ask several queries of the
    same vectors give these at unit length (`wide`).
    """
    wide = unit(vectors) if wide is None else wide
    parts = []
    if query.background is not None:
        meant = near_synonyms(query.vector, query.background)
        parts.append(_cosines(wide, query.background[~meant]))
    if query.rivals is not None:
        parts.append(_cosines(wide, query.rivals))
    if sum(part.shape[1] for part in parts) == 0:
        return [None] * len(vectors)
    cosine = np.concatenate([_cosines(wide, query.vector[None]), *parts], axis=1)
    logits = query.space.logit_scale * np.ascontiguousarray(cosine)  # sums follow the order of the numbers in memory
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return [float(share) for share in weights[:, 0] / weights.sum(axis=1)]


def _cosines(wide: NDArray[np.float64], texts: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, B) cosines of unit rows with texts.

    Row by row: a product of two matrices differs in its last bits with the number of rows.
    """
    return np.matmul(wide[:, None], unit(texts).T)[:, 0]


def near_synonyms(vector: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(B,) background texts that mean what the query means: rivals of "sofa", but not "couch", make it unlikely.

    What all texts of a tower have in common is taken off first: towers differ in it, and it hides what texts mean.
    """
    few = len(background) < _FEW
    mean = np.zeros_like(vector) if few else background.mean(axis=0)
    own, others = vector - mean, background - mean
    lengths = np.linalg.norm(own) * np.linalg.norm(others, axis=1)
    return np.asarray(others @ own >= (SAME if few else NEAR_SYNONYM) * np.maximum(lengths, 1e-12))
