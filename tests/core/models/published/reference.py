"""IRNet and its CAM net as functions of a state dict under the published names, plainly from METHOD.

Random weights in the shapes of the papers; nothing here uses the product's models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]

BLOCKS = (3, 4, 6, 3)
WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 2, 1)  # of layer1 to layer4, behind a stem of stride 4
EXPANSION = 4
EPSILON = 1e-5


def random_trunk(generator: torch.Generator) -> State:
    """A ResNet50 under `resnet50.`, its batch norms with statistics that matter."""
    state: State = {}

    def conv(name: str, outputs: int, inputs: int, side: int) -> None:
        scale = (2 / (inputs * side * side)) ** 0.5
        shape = (outputs, inputs, side, side)
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale

    def norm(name: str, width: int, gain: float = 1.0) -> None:
        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(width, generator=generator)

        state[f"{name}.weight"] = gain * uniform(0.5, 1.5)
        state[f"{name}.bias"] = uniform(-0.3, 0.3)
        state[f"{name}.running_mean"] = uniform(-0.5, 0.5)
        state[f"{name}.running_var"] = uniform(0.5, 2.0)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    conv("resnet50.conv1", 64, 3, 7)
    norm("resnet50.bn1", 64)
    inputs = 64
    for layer, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
        for block in range(blocks):
            prefix = f"resnet50.layer{layer}.{block}"
            conv(f"{prefix}.conv1", width, inputs, 1)
            norm(f"{prefix}.bn1", width)
            conv(f"{prefix}.conv2", width, width, 3)
            norm(f"{prefix}.bn2", width)
            conv(f"{prefix}.conv3", width * EXPANSION, width, 1)
            norm(f"{prefix}.bn3", width * EXPANSION, gain=0.3)  # or sixteen residuals add up
            if block == 0:
                conv(f"{prefix}.downsample.0", width * EXPANSION, inputs, 1)
                norm(f"{prefix}.downsample.1", width * EXPANSION)
            inputs = width * EXPANSION
    return state


def random_irnet(generator: torch.Generator) -> State:
    """The trunk, the branches and the mean shift, each under its first name."""
    state = random_trunk(generator)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    def block(name: str, inputs: int, outputs: int) -> None:
        state[f"{name}.0.weight"] = random(outputs, inputs, 1, 1) * (2 / inputs) ** 0.5
        state[f"{name}.1.weight"] = 1 + 0.3 * random(outputs)
        state[f"{name}.1.bias"] = 0.3 * random(outputs)

    channels = (64, 256, 512, 1024, 2048)
    for stage, inputs in enumerate(channels, start=1):
        block(f"fc_edge{stage}", inputs, 32)
    state["fc_edge6.weight"] = random(1, 160, 1, 1) / 8
    state["fc_edge6.bias"] = random(1)
    for stage, (inputs, outputs) in enumerate(zip(channels, (64, 128, 256, 256, 256), strict=True), start=1):
        block(f"fc_dp{stage}", inputs, outputs)
    block("fc_dp6", 768, 256)
    block("fc_dp7", 448, 256)
    state["fc_dp7.3.weight"] = random(2, 256, 1, 1) / 8
    state["mean_shift.running_mean"] = random(2)
    return state | training_buffers(random)


def training_buffers(random: Callable[..., Tensor]) -> State:
    """What published files hold beside the weights: of the loss that saves them, and of older mean shifts."""
    return {
        "path_indices0": torch.zeros(4, 1, 9, dtype=torch.long),
        "path_indices1": torch.zeros(6, 2, 9, dtype=torch.long),
        "disp_target": random(1, 2, 10, 1),
        "ind_from": torch.zeros(9, dtype=torch.long),
        "ind_to": torch.zeros(90, dtype=torch.long),
        "mean_shift.running_var": torch.ones(2),
        "mean_shift.num_batches_tracked": torch.tensor(7),
    }


def random_cam_net(trunk: State, generator: torch.Generator, *, classes: int) -> State:
    """The trunk and the classifier, a 1x1 convolution without bias."""
    return trunk | {"classifier.weight": torch.randn((classes, 2048, 1, 1), generator=generator) / 32}


def with_twins(state: State, containers: Mapping[str, tuple[str, ...]]) -> State:
    """``state`` with every tensor below a prefix of ``containers`` again under the other prefixes there."""
    return state | {
        twin + name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        for prefix, twins in containers.items()
        if name.startswith(prefix)
        for twin in twins
    }


# Modules hang in the network, in its stages, and in lists of these.
CAM_NET_TWINS = {
    "resnet50.conv1.": ("stage1.0.", "backbone.0.0."),
    "resnet50.bn1.": ("stage1.1.", "backbone.0.1."),
    "resnet50.layer1.": ("stage1.4.", "backbone.0.4."),
    "resnet50.layer2.": ("stage2.0.", "backbone.1.0."),
    "resnet50.layer3.": ("stage3.0.", "backbone.2.0."),
    "resnet50.layer4.": ("stage4.0.", "backbone.3.0."),
    "classifier.": ("newly_added.0.",),
}
IRNET_TWINS = {
    "resnet50.conv1.": ("stage1.0.", "backbone.0.0."),
    "resnet50.bn1.": ("stage1.1.", "backbone.0.1."),
    "resnet50.layer1.": ("stage2.0.", "backbone.1.0."),
    "resnet50.layer2.": ("stage3.0.", "backbone.2.0."),
    "resnet50.layer3.": ("stage4.0.", "backbone.3.0."),
    "resnet50.layer4.": ("stage5.0.", "backbone.4.0."),
    **{f"fc_edge{layer}.": (f"edge_layers.{layer - 1}.",) for layer in range(1, 7)},
    **{f"fc_dp{layer}.": (f"dp_layers.{layer - 1}.",) for layer in range(1, 8)},
    "mean_shift.": ("fc_dp7.4.", "dp_layers.6.4."),
}


def trunk_stages(state: State, images: Tensor) -> list[Tensor]:
    """x1 to x5 (METHOD 2b): the stem with its pooling, then the four layers; batch norms frozen."""
    features = F.conv2d(images, state["resnet50.conv1.weight"], stride=2, padding=3)
    features = batch_norm(state, "resnet50.bn1", features).relu()
    stages = [F.max_pool2d(features, 3, stride=2, padding=1)]
    for layer, (blocks, stride) in enumerate(zip(BLOCKS, STRIDES, strict=True), start=1):
        features = stages[-1]
        for block in range(blocks):
            features = bottleneck(
                state, f"resnet50.layer{layer}.{block}", features, stride=1 if block else stride
            )
        stages.append(features)
    return stages


def bottleneck(state: State, name: str, features: Tensor, *, stride: int, dilation: int = 1) -> Tensor:
    body = F.conv2d(features, state[f"{name}.conv1.weight"])
    body = batch_norm(state, f"{name}.bn1", body).relu()
    weight = state[f"{name}.conv2.weight"]
    body = F.conv2d(body, weight, stride=stride, padding=dilation, dilation=dilation)
    body = batch_norm(state, f"{name}.bn2", body).relu()
    body = batch_norm(state, f"{name}.bn3", F.conv2d(body, state[f"{name}.conv3.weight"]))
    if f"{name}.downsample.0.weight" in state:
        shortcut = F.conv2d(features, state[f"{name}.downsample.0.weight"], stride=stride)
        features = batch_norm(state, f"{name}.downsample.1", shortcut)
    return (body + features).relu()


def batch_norm(state: State, name: str, features: Tensor) -> Tensor:
    def of(what: str) -> Tensor:
        return state[f"{name}.{what}"].to(features).view(1, -1, 1, 1)

    deviation = (of("running_var") + EPSILON).sqrt()
    return (features - of("running_mean")) / deviation * of("weight") + of("bias")


def group_norm(state: State, name: str, features: Tensor, *, groups: int) -> Tensor:
    batch, channels, height, width = features.shape
    grouped = features.view(batch, groups, -1)
    centred = grouped - grouped.mean(dim=2, keepdim=True)
    scaled = centred / (centred.square().mean(dim=2, keepdim=True) + EPSILON).sqrt()
    weight, bias = (state[f"{name}.{what}"].view(1, -1, 1, 1) for what in ("weight", "bias"))
    return scaled.view(batch, channels, height, width) * weight + bias


def upsample(features: Tensor, factor: int) -> Tensor:
    """Bilinear, pixel centres at halves: cell i of the result lies at (i + .5) / factor - .5."""
    for axis in (2, 3):
        size = features.shape[axis]
        place = ((torch.arange(size * factor) + 0.5) / factor - 0.5).clamp(0, size - 1).to(features.dtype)
        left = place.floor().long()
        right = (left + 1).clamp(max=size - 1)
        share = (place - left).view((-1, 1) if axis == 2 else (-1,))
        features = (
            features.index_select(axis, left) * (1 - share) + features.index_select(axis, right) * share
        )
    return features


def block(state: State, name: str, features: Tensor, *, groups: int, factor: int = 1) -> Tensor:
    """Convolution, group norm, upsampling, ReLU; in this order."""
    normed = group_norm(state, f"{name}.1", F.conv2d(features, state[f"{name}.0.weight"]), groups=groups)
    return (upsample(normed, factor) if factor > 1 else normed).relu()


def cut(features: Tensor, like: Tensor) -> Tensor:
    return features[:, :, : like.shape[2], : like.shape[3]]


def irnet(state: State, images: Tensor) -> tuple[Tensor, Tensor]:
    """Boundary logits, and displacements less the mean shift."""
    x1, x2, x3, x4, x5 = trunk_stages(state, images)
    edges = [
        cut(block(state, f"fc_edge{number}", x, groups=4, factor=factor), x2)
        for number, x, factor in ((1, x1, 1), (2, x2, 1), (3, x3, 2), (4, x4, 4), (5, x5, 4))
    ]
    boundary = F.conv2d(torch.cat(edges, dim=1), state["fc_edge6.weight"], state["fc_edge6.bias"])
    dp1 = block(state, "fc_dp1", x1, groups=8)
    dp2 = block(state, "fc_dp2", x2, groups=16)
    dp3 = block(state, "fc_dp3", x3, groups=16)
    dp4 = cut(block(state, "fc_dp4", x4, groups=16, factor=2), dp3)
    dp5 = cut(block(state, "fc_dp5", x5, groups=16, factor=2), dp3)
    dp6 = cut(block(state, "fc_dp6", torch.cat([dp3, dp4, dp5], dim=1), groups=16, factor=2), dp2)
    dp7 = block(state, "fc_dp7", torch.cat([dp1, dp2, dp6], dim=1), groups=16)
    displacement = F.conv2d(dp7, state["fc_dp7.3.weight"])
    return boundary, displacement - state["mean_shift.running_mean"].view(1, 2, 1, 1)


def irnet_inference(state: State, image: Tensor, *, crop: int) -> tuple[Tensor, Tensor]:
    """Boundaries (1, h, w) and displacements (2, h, w) of one image (3, H, W), filled up to the crop."""
    height, width = image.shape[1:]
    cells = (slice((height - 1) // 4 + 1), slice((width - 1) // 4 + 1))
    results = []
    for one in (image, image.flip(2)):
        filled = torch.zeros(1, 3, crop, crop, dtype=image.dtype)
        filled[0, :, :height, :width] = one
        results.append(irnet(state, filled))
    (edge, displacement), (mirrored, _) = results
    mean = edge[0][:, *cells] / 2 + mirrored[0][:, *cells].flip(2) / 2
    return 1 / (1 + torch.exp(-mean)), displacement[0][:, *cells]


def cam_net(state: State, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B, C), and activation maps (B, C, h, w) before the ReLU."""
    features = trunk_stages(state, images)[-1]
    pooled = features.mean(dim=(2, 3), keepdim=True)
    return F.conv2d(pooled, state["classifier.weight"])[:, :, 0, 0], F.conv2d(
        features, state["classifier.weight"]
    )
