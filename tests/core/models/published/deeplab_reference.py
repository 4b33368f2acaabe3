"""DeepLabv3+ as a function of a state dict under WSMIS's names, plainly from arXiv 1802.02611.

Random weights in the paper's shapes; nothing here uses the product's models.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.core.models.published.reference import (
    BLOCKS,
    State,
    batch_norm,
    bottleneck,
    upsample,
)

RATES = (12, 24, 36)
# Of each layer's first block and of its others; layer3 and layer4 are dilated instead of strided.
STRIDES = (1, 2, 1, 1)
DILATIONS = ((1, 1), (1, 1), (1, 2), (2, 4))


def random_deeplab_plus(trunk: State, generator: torch.Generator, *, classes: int) -> State:
    """The ResNet50, which is `resnet50.` in ``trunk``, and what stands on it."""
    state = {name.replace("resnet50.", "backbone."): tensor for name, tensor in trunk.items()}

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def block(convolution: str, norm: str, outputs: int, inputs: int, side: int) -> None:
        state[f"{convolution}.weight"] = random(outputs, inputs, side, side) * (2 / inputs) ** 0.5 / side
        state[f"{norm}.weight"] = 1 + 0.3 * random(outputs)
        state[f"{norm}.bias"] = 0.3 * random(outputs)
        state[f"{norm}.running_mean"] = 0.5 * random(outputs)
        state[f"{norm}.running_var"] = 0.5 + random(outputs).square()

    block("classifier.project.0", "classifier.project.1", 48, 256, 1)
    for branch, side in enumerate((1, 3, 3, 3)):
        name = f"classifier.aspp.convs.{branch}"
        block(f"{name}.0", f"{name}.1", 256, 2048, side)
    block("classifier.aspp.convs.4.1", "classifier.aspp.convs.4.2", 256, 2048, 1)
    block("classifier.aspp.project.0", "classifier.aspp.project.1", 256, 5 * 256, 1)
    block("classifier.classifier.0", "classifier.classifier.1", 256, 48 + 256, 3)
    state["classifier.classifier.3.weight"] = random(classes, 256, 1, 1) / 8
    state["classifier.classifier.3.bias"] = random(classes)
    return state


def deeplab_plus(state: State, images: Tensor) -> Tensor:
    """Logits at the size of the images, whose sides are multiples of 8."""
    low, deep = _backbone(state, images)
    aspp = "classifier.aspp"
    seen = [_block(state, f"{aspp}.convs.0.0", f"{aspp}.convs.0.1", deep)]
    for branch, rate in enumerate(RATES, start=1):
        name = f"{aspp}.convs.{branch}"
        seen.append(_block(state, f"{name}.0", f"{name}.1", deep, reach=rate))
    pooled = _block(state, f"{aspp}.convs.4.1", f"{aspp}.convs.4.2", deep.mean(dim=(2, 3), keepdim=True))
    seen.append(pooled + torch.zeros_like(seen[0]))
    context = _block(state, f"{aspp}.project.0", f"{aspp}.project.1", torch.cat(seen, dim=1))
    finer = _block(state, "classifier.project.0", "classifier.project.1", low)
    both = torch.cat([finer, upsample(context, 2)], dim=1)
    last = _block(state, "classifier.classifier.0", "classifier.classifier.1", both, reach=1)
    weight, bias = (state[f"classifier.classifier.3.{what}"] for what in ("weight", "bias"))
    return upsample(F.conv2d(last, weight, bias), 4)


def _backbone(state: State, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features of layer1 and of layer4."""
    features = F.conv2d(images, state["backbone.conv1.weight"], stride=2, padding=3)
    features = F.max_pool2d(batch_norm(state, "backbone.bn1", features).relu(), 3, stride=2, padding=1)
    stages = []
    for layer, (blocks, stride, dilations) in enumerate(
        zip(BLOCKS, STRIDES, DILATIONS, strict=True), start=1
    ):
        for place in range(blocks):
            features = bottleneck(
                state,
                f"backbone.layer{layer}.{place}",
                features,
                stride=1 if place else stride,
                dilation=dilations[place > 0],
            )
        stages.append(features)
    return stages[0], stages[3]


def _block(state: State, convolution: str, norm: str, features: Tensor, *, reach: int = 0) -> Tensor:
    """A convolution whose taps are ``reach`` cells apart, 1 x 1 where that is 0, its norm and ReLU."""
    weight = state[f"{convolution}.weight"]
    return batch_norm(state, norm, F.conv2d(features, weight, padding=reach, dilation=reach or 1)).relu()
