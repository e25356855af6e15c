"""How far predictions are from targets; each is a sum over voxels, so that batches can be weighed by their voxels."""

import torch
from torch import Tensor
from torch.nn import functional

SHORTEST = 1e-8  # length that shorter vectors count as


def summed(loss: str, predicted: Tensor, target: Tensor) -> Tensor:
    """The sum over supervised voxels; divided by their number it is the published mean. In float32, whatever comes in.

    `predicted` (S, C). "cosine": 1 - cos; "l1": the mean absolute difference of a voxel's numbers; their `target`
    (S, C). "cross_entropy": `predicted` are scores of C classes, `target` (S,) int64.
    """
    predicted = predicted.float()
    if loss == "cross_entropy":
        return functional.cross_entropy(predicted, target, reduction="sum")
    target = target.float()
    if loss == "cosine":
        # half the time of torch's cosine_similarity on a CPU
        lengths = _lengths(predicted) * _lengths(target)
        return (1 - torch.linalg.vecdot(predicted, target) / lengths).sum()
    if loss == "l1":
        return (predicted - target).abs().mean(dim=1).sum()
    raise ValueError(loss)


def dissimilarity(predicted: Tensor, target: Tensor, anchors: Tensor, scale: float) -> Tensor:
    """How differently the two tell anchors apart: KL divergence, summed over voxels; 0 where directions are equal.

    A voxel's distribution is the softmax over `anchors` (A, C), unit rows, of `scale` times its cosine with each. What
    most vectors share cancels out, which the cosine loss spends most of its steps on.
    """
    told, said = (
        functional.log_softmax(scale * (each.float() / _lengths(each.float())[:, None]) @ anchors.T, dim=1)
        for each in (target, predicted)
    )
    return functional.kl_div(said, told, reduction="sum", log_target=True)


def _lengths(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=1).clamp_min(SHORTEST)
