"""How far predictions are from targets; each is a sum over voxels, so that batches can be weighed by their voxels."""

from torch import Tensor
from torch.nn import functional


def summed(loss: str, predicted: Tensor, target: Tensor) -> Tensor:
    """The sum over taught voxels; divided by their number it is the published mean. In float32, whatever comes in.

    `predicted` (S, C). "cosine": 1 - cos, each length 1e-8 or more, "l1": the mean absolute difference of a voxel's
    numbers; their `target` (S, C). "cross_entropy": `predicted` are scores of C classes, `target` (S,) int64.
    """
    predicted = predicted.float()
    if loss == "cross_entropy":
        return functional.cross_entropy(predicted, target, reduction="sum")
    target = target.float()
    if loss == "cosine":
        return (1 - functional.cosine_similarity(predicted, target, dim=1, eps=1e-8)).sum()
    if loss == "l1":
        return (predicted - target).abs().mean(dim=1).sum()
    raise ValueError(loss)
