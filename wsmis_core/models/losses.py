"""Losses as a sum and what to divide it by, so that ranks add both up before dividing.

Axes: B batch, C classes, H x W pixels. Logits are taken before sigmoid or softmax; targets of 255
are ignored.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_IGNORED = 255
_DICE_SMOOTHING = 1.0


class LossSum(NamedTuple):
    """A mean that is still to be taken: ``numerator / denominator``; only the first has a gradient."""

    numerator: Tensor
    denominator: Tensor


class IntegralAttention(NamedTuple):
    """Two means; the loss is their sum."""

    attended: LossSum
    unattended: LossSum


def bce_with_logits(logits: Tensor, labels: Tensor, *, pos_weight: float | None = None) -> LossSum:
    """Binary cross entropy of image labels: summed over classes, mean over images.

    An unknown label has no part in it (U-Ignore of CheXpert, Irvin et al. 2019, arXiv 1901.07031, section
    3.2): C known labels make an image.

    Args:
        logits: (B, C).
        labels: (B, C) in [0, 1], or below 0: unknown.
        pos_weight: factor on the loss of positive labels.
    """
    known = labels >= 0
    weight = None if pos_weight is None else logits.new_tensor(pos_weight)
    loss = F.binary_cross_entropy_with_logits(
        logits, labels.clamp(min=0).to(logits), pos_weight=weight, reduction="none"
    )
    return LossSum((loss * known).sum(), known.sum().to(logits) / labels.shape[1])


def multilabel_soft_margin(logits: Tensor, labels: Tensor) -> LossSum:
    """Binary cross entropy of image labels: mean over classes and images; of (B, C) both."""
    loss = bce_with_logits(logits, labels)
    return LossSum(loss.numerator / logits.shape[1], loss.denominator)


def pixel_bce(logits: Tensor, target: Tensor, *, pos_weight: float | None = None) -> LossSum:
    """Binary cross entropy of masks, mean over the pixels that are not ignored.

    Args:
        logits: of any shape.
        target: of the same, uint8: 0 background, 255 ignored, any other foreground.
        pos_weight: factor on the loss of foreground pixels.
    """
    known = target != _IGNORED
    weight = None if pos_weight is None else logits.new_tensor(pos_weight)
    loss = F.binary_cross_entropy_with_logits(
        logits, (target != 0).to(logits), pos_weight=weight, reduction="none"
    )
    return LossSum((loss * known).sum(), known.sum().to(logits.dtype))


def cross_entropy(logits: Tensor, target: Tensor) -> LossSum:
    """Cross entropy, mean over the pixels that are not ignored.

    Args:
        logits: (B, C, H, W).
        target: (B, H, W) class ids.
    """
    loss = F.cross_entropy(logits, target.long(), ignore_index=_IGNORED, reduction="sum")
    return LossSum(loss, (target != _IGNORED).sum().to(logits.dtype))


def soft_dice(probability: Tensor, target: Tensor) -> LossSum:
    """``1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)`` of each image, mean over images.

    The ones make an empty mask, predicted empty, a loss of 0. p is not thresholded, which would leave
    no gradient.

    Args:
        probability: (B, H, W) in [0, 1].
        target: (B, H, W) uint8: 0 background, 255 ignored, any other foreground.
    """
    known = target != _IGNORED
    seen = probability * known
    true = ((target != 0) & known).to(probability)
    overlap = (seen * true).sum(dim=(1, 2))  # (B,)
    size = seen.sum(dim=(1, 2)) + true.sum(dim=(1, 2))
    loss = 1 - (2 * overlap + _DICE_SMOOTHING) / (size + _DICE_SMOOTHING)
    return LossSum(loss.sum(), probability.new_tensor(float(len(probability))))


def soft_iou(logits: Tensor, target: Tensor) -> LossSum:
    """``1 - sum(p t) / sum(p² + t - p t)`` of each class of each image, mean over both.

    Args:
        logits: (B, C, H, W).
        target: (B, H, W) class ids.
    """
    classes = logits.shape[1]
    known = target != _IGNORED
    true = F.one_hot(torch.where(known, target, 0).long(), classes).movedim(-1, 1) * known.unsqueeze(1)
    probability = logits.softmax(dim=1) * known.unsqueeze(1)  # (B, C, H, W)
    overlap = (probability * true).sum(dim=(2, 3))  # (B, C)
    union = (probability.square() + true).sum(dim=(2, 3)) - overlap
    loss = 1 - overlap / union.clamp(min=torch.finfo(union.dtype).tiny)
    return LossSum(loss.sum(), logits.new_tensor(float(loss.numel())))


def kl_divergence(logits: Tensor, wanted: Tensor) -> LossSum:
    """``sum_c q log(q / p)``, p the softmax of the logits, mean over pixels; 0 log 0 is 0.

    Args:
        logits: (B, C, H, W).
        wanted: (B, C, H, W) probabilities q, which have no gradient.
    """
    fixed = wanted.detach()
    loss = torch.xlogy(fixed, fixed) - fixed * logits.log_softmax(dim=1)
    return LossSum(loss.sum(), logits.new_tensor(float(logits[:, 0].numel())))


def integral_attention(
    logits: Tensor, attention: Tensor, *, known: Tensor | None = None
) -> IntegralAttention:
    """Where attention was ever above 0, learn it; elsewhere, learn that there is none.

    ``mean(-a log p)`` over cells with a > 0, plus ``mean(-log(1 - p))`` over the others.
    Source: OAA, Jiang et al., ICCV 2019.

    Args:
        logits: (B, C, h, w).
        attention: (B, C, h, w) in [0, 1].
        known: (B, 1 or C, h, w) bool, the cells that count; all where it is not given.
    """
    counted = torch.ones_like(attention, dtype=torch.bool) if known is None else known
    attended = (attention > 0) & counted
    unattended = ~(attention > 0) & counted
    return IntegralAttention(
        LossSum(-(attention * F.logsigmoid(logits) * attended).sum(), attended.sum().to(logits.dtype)),
        LossSum((F.softplus(logits) * unattended).sum(), unattended.sum().to(logits.dtype)),
    )
