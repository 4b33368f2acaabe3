"""Class activation maps in closed form, for classifiers that end in global average pooling and a linear head.

There the slope of a class score s_c with respect to a feature is ``w_ck / (h · w)`` in every cell, so
that no backward pass is needed and all classes of a batch come at once.

Axes: B batch, C classes, K channels, h x w feature cells.
Sources: CAM, arXiv 1512.04150; Grad-CAM, arXiv 1610.02391, equations 1 and 2; Grad-CAM++, arXiv
1710.11063, equation 19; these without the outer ReLU; LayerCAM, Jiang et al., IEEE TIP 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ALPHA_FLOOR = 1e-8


def cam(features: Tensor, weight: Tensor) -> Tensor:
    """``sum_k w_ck A_k``.

    Args:
        features: (B, K, h, w), the input of the pooling.
        weight: (C, K) of the linear layer.

    Returns:
        (B, C, h, w), of either sign.
    """
    return torch.einsum("ck,bkhw->bchw", weight, features)


def grad_cam(features: Tensor, weight: Tensor) -> Tensor:
    """``sum_k mean_hw(g_k) A_k`` with ``g = ds_c / dA``: the map of ``cam`` over the number of cells."""
    return cam(features, weight) / features.shape[-2:].numel()


def layer_cam(features: Tensor, weight: Tensor) -> Tensor:
    """``relu(sum_k relu(g_k) A_k)``, g cell by cell, which here is the same in each: LayerCAM of this layer.

    Args:
        features: (B, K, h, w).
        weight: (C, K).
    """
    return grad_cam(features, weight.relu()).relu()


def grad_cam_pp(features: Tensor, weight: Tensor, logits: Tensor) -> Tensor:
    """``sum_k a_k A_k`` with ``a_k = sum_hw g² relu(g) / (2 g² + sum_hw(g³ A) + 1e-8)``, g of ``exp(s_c)``.

    The slope ``g = exp(s_c) w_ck / (h · w)`` is the same in every cell, so that for positive g
    ``a_k = h · w / (2 / g + sum_hw A_k + 1e-8 / g³)``, which large and small scores leave finite.

    Args:
        features: (B, K, h, w), not negative.
        weight: (C, K).
        logits: (B, C), the class scores of the same features.

    Returns:
        (B, C, h, w) in the features' type, or in float64 where that has no numbers small enough.
    """
    cells = features.shape[-2:].numel()
    slope = logits.double().exp().unsqueeze(2) * weight.double() / cells  # (B, C, K)
    positive = slope.clamp(min=torch.finfo(slope.dtype).tiny)
    total = features.double().sum(dim=(-2, -1)).unsqueeze(1)  # (B, 1, K)
    alpha = cells / (2 / positive + total + _ALPHA_FLOOR / positive**3)
    # A channel that is zero everywhere adds nothing, however large its weight.
    channel_weights = torch.where((slope > 0) & (total > 0), alpha, 0)
    kind = type_that_holds(channel_weights, features.dtype)
    return torch.einsum("bck,bkhw->bchw", channel_weights.to(kind), features.to(kind))


def type_that_holds(weights: Tensor, dtype: torch.dtype) -> torch.dtype:
    """``dtype``, or float64 where that loses weights: a row (..., K), none negative, as small as its least.

    A class that the classifier is very sure is absent has such weights, and its map has a shape all the same.
    """
    greatest = weights.amax(dim=-1)
    least = torch.finfo(dtype).tiny / torch.finfo(dtype).eps
    return torch.float64 if ((greatest > 0) & (greatest < least)).any() else dtype
