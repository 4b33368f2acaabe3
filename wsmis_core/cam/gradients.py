"""Class activation maps at any layer, from the slopes of the class scores by autograd.

Axes: B batch, C classes, K channels of the layer, h x w its cells. A: the layer's activations; s: a
class's score (logit); d = ds/dA.
Sources: Grad-CAM, arXiv 1610.02391; Grad-CAM++, arXiv 1710.11063, equation 19; LayerCAM, Jiang et al.,
IEEE TIP 2021, equations 5 to 7; the first two without their outer ReLU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from wsmis_core.cam.maps import type_that_holds
from wsmis_core.errors import SpecError

__all__ = ["AT_LAYER", "grad_cam_at", "grad_cam_pp_at", "layer_cam_at", "maps_at_layer"]

_ALPHA_FLOOR = 1e-8
_MOST = 1e100  # keeps e^-3s finite; the map is zero long before

# From activations (B, K, h, w), slopes (B, K, h, w) and scores (B,) of one class to its maps (B, h, w).
LayerMap = Callable[[Tensor, Tensor, Tensor], Tensor]


def grad_cam_at(activations: Tensor, slopes: Tensor, scores: Tensor) -> Tensor:
    """``sum_k mean_hw(d_k) A_k``."""
    del scores
    return (slopes.mean(dim=(-2, -1), keepdim=True) * activations).sum(dim=1)


def grad_cam_pp_at(activations: Tensor, slopes: Tensor, scores: Tensor) -> Tensor:
    """``sum_k a_k A_k`` with ``a_k = sum_hw g² relu(g) / (2 g² + sum_hw(g³ A) + 1e-8)``, g of ``exp(s)``.

    With ``g = exp(s) d`` that is ``sum_hw d² relu(d) / (2 d² e^-s + sum_hw(d³ A) + 1e-8 e^-3s)``, which
    large and small scores leave finite. In float64 where the activations' type has no numbers small enough.
    """
    d, features = slopes.double(), activations.double()
    shrink = (-scores.double()).exp().clamp(max=_MOST)[:, None, None, None]  # e^-s
    below = 2 * d.square() * shrink + (d**3 * features).sum(dim=(-2, -1), keepdim=True)
    below += _ALPHA_FLOOR * shrink**3
    # Where there is nothing below the line, there is no slope or no activation either.
    shares = torch.where(below == 0, 0, d.square() * d.relu() / below)
    weights = shares.sum(dim=(-2, -1), keepdim=True)
    return (weights * features).sum(dim=1).to(type_that_holds(weights.flatten(1), activations.dtype))


def layer_cam_at(activations: Tensor, slopes: Tensor, scores: Tensor) -> Tensor:
    """``relu(sum_k relu(d_k) A_k)``, the slopes cell by cell."""
    del scores
    return (slopes.relu() * activations).sum(dim=1).relu()


AT_LAYER: Mapping[str, LayerMap] = {
    "grad_cam": grad_cam_at,
    "grad_cam_pp": grad_cam_pp_at,
    "layer_cam": layer_cam_at,
}


def maps_at_layer(
    model: nn.Module, images: Tensor, *, layer: str, classes: Sequence[int], layer_map: LayerMap
) -> Tensor:
    """The maps of several classes at the output of a named module, from one forward pass.

    Args:
        model: from images to logits (B, C), each image's from that image alone, as in eval.
        images: (B, N, H, W).
        layer: the module's name, as ``named_modules`` has it.
        classes: indices into the logits.
        layer_map: one of `AT_LAYER`.

    Returns:
        (B, len(classes), h, w).

    Raises SpecError where there is no such module, or nothing of this shape goes through it to the logits.
    """
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> Tensor:
        if not isinstance(output, Tensor) or output.dim() != 4:
            raise _unusable(layer, "does not give feature maps (B, K, h, w)")
        activations = output.detach().requires_grad_()
        outputs.append(activations)
        return activations.clone()  # which the next module may change in place

    handle = _module(model, layer).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = model(images)
    finally:
        handle.remove()
    if len(outputs) != 1:
        raise _unusable(layer, f"is passed {len(outputs)} times in a forward pass, not once")
    (activations,) = outputs
    maps = []
    for number in classes:
        slopes = _slopes(logits, number, activations, layer)
        maps.append(layer_map(activations.detach(), slopes, logits[:, number].detach()))
    return torch.stack(maps, dim=1)


@torch.enable_grad()
def _slopes(logits: Tensor, number: int, activations: Tensor, layer: str) -> Tensor:
    """ds/dA (B, K, h, w); a score depends on its own image's activations only, so their sum will do."""
    if not logits.requires_grad:
        raise _unusable(layer, "has no part in the class scores' gradient")
    (slopes,) = torch.autograd.grad(
        logits[:, number].sum(), activations, retain_graph=True, allow_unused=True
    )
    if slopes is None:
        raise _unusable(layer, "has no part in the class scores' gradient")
    return slopes


def _module(model: nn.Module, layer: str) -> nn.Module:
    try:
        return model.get_submodule(layer)
    except AttributeError as error:
        parts = ", ".join(name for name, _ in model.named_modules() if name and name.count(".") < 2)
        raise SpecError(
            f"The classifier has no module {layer!r}.",
            field="params.layer",
            remedy=f"Name one of {parts}, or one within these.",
        ) from error


def _unusable(layer: str, why: str) -> SpecError:
    return SpecError(
        f"The module {layer!r} {why}.",
        field="params.layer",
        remedy="Name a module whose output is feature maps on the way to the scores, such as "
        "trunk.stage_modules.3, or leave the layer out.",
    )
