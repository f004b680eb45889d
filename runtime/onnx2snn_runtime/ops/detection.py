"""The choice among overlapping boxes."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Scalar, operator

OPERATORS: Declared = {
    "NonMaxSuppression": {"shaped_by_data": True, "readout": True},
}


def _overlap(box: Tensor, others: Tensor) -> Tensor:
    """Return the intersection over union of one box (4,) with others (N, 4), as (y1, x1, y2, x2) in order."""
    low, high = torch.maximum(box[:2], others[:, :2]), torch.minimum(box[2:], others[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1)
    return torch.where(common > 0, common / (area + areas - common), torch.zeros_like(common))


@operator("NonMaxSuppression")
def non_max_suppression(
    boxes: Tensor,
    scores: Tensor,
    max_output_boxes_per_class: Scalar | None = None,
    iou_threshold: Scalar | None = None,
    score_threshold: Scalar | None = None,
    *,
    center_point_box: int = 0,
) -> Tensor:
    """y (count, 3) = (batch, class, box) of the boxes kept: the best first, none overlapping one before it."""
    limit, threshold = int(max_output_boxes_per_class or 0), iou_threshold or 0.0
    first, second = boxes[..., :2], boxes[..., 2:]
    if center_point_box:
        first, second = (first - second / 2).flip(-1), (first + second / 2).flip(-1)
    corners = torch.cat([torch.minimum(first, second), torch.maximum(first, second)], -1)
    kept: list[Tensor] = []
    for batch in range(scores.shape[0]):
        for label in range(scores.shape[1]):
            score = scores[batch, label]
            order = torch.argsort(score, descending=True, stable=True)
            if score_threshold is not None:
                order = order[score[order] > score_threshold]
            for _ in range(limit):
                if order.numel() == 0:
                    break
                kept.append(torch.stack([torch.full_like(order[0], batch), torch.full_like(order[0], label), order[0]]))
                rest = order[1:]
                order = rest[_overlap(corners[batch, order[0]], corners[batch, rest]) <= threshold]
    return torch.stack(kept) if kept else torch.zeros((0, 3), dtype=torch.int64, device=scores.device)
