"""Losses."""

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss": {},
}


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int | None = None, reduction: str = "mean"
) -> Tensor:
    """y = -weight[target] x[target]: by element, summed, or averaged by weight; x (N, C, ...), target (N, ...)."""
    ignored = torch.zeros_like(target, dtype=torch.bool) if ignore_index is None else target == ignore_index
    index = torch.where(ignored, torch.zeros_like(target), target).to(torch.int64)
    scale = torch.ones_like(index, dtype=x.dtype) if weight is None else weight[index]
    scale = torch.where(ignored, torch.zeros_like(scale), scale)
    loss = -torch.gather(x, 1, index.unsqueeze(1)).squeeze(1) * scale
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / scale.sum()


@operator("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy_loss(
    scores: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> tuple[Tensor, Tensor]:
    """(loss, log-probabilities) of scores (N, C, ...) at labels (N, ...)."""
    log_prob = F.log_softmax(scores, 1)
    loss = negative_log_likelihood_loss(log_prob, labels, weights, ignore_index=ignore_index, reduction=reduction)
    return loss, log_prob
