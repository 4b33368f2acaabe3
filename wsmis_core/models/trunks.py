"""Convolutional trunks: five stages of features, finest first, whose last one classifies.

Axes: B batch, K channels, H x W pixels, h x w feature cells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from wsmis_core.errors import WeightsError

STAGES = 5


@dataclass(frozen=True)
class TrunkShape:
    """Channels and strides of the five stages."""

    channels: tuple[int, int, int, int, int]
    strides: tuple[int, int, int, int, int]


class Trunk(nn.Module):
    """Five modules in a row; each one's output is a stage.

    `stages(images)` takes (B, 3, H, W) and gives x1..x5, (B, channels[i], ceil(H / strides[i]), ...).
    """

    def __init__(self, stage_modules: list[nn.Module], shape: TrunkShape) -> None:
        super().__init__()
        assert len(stage_modules) == STAGES
        self.stage_modules = nn.ModuleList(stage_modules)
        self.shape = shape

    def stages(self, images: Tensor) -> list[Tensor]:
        """The outputs of all five stages."""
        outputs = []
        features = images
        for stage in self.stage_modules:
            features = stage(features)
            outputs.append(features)
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        """The last stage's features, (B, K, h, w)."""
        return self.stages(images)[-1]


def _torchvision_trunk(
    name: str, *, dilate: tuple[bool, bool, bool], shape: TrunkShape
) -> Callable[[str], Trunk]:
    def make(weights: str) -> Trunk:
        import torchvision  # takes seconds, which a small trunk need not wait for

        make_resnet = getattr(torchvision.models, name)
        # torchvision's basic blocks refuse dilation; only the bottleneck of resnet50 takes it.
        dilation = {"replace_stride_with_dilation": list(dilate)} if any(dilate) else {}
        net = make_resnet(weights=None, **dilation)
        net.fc = nn.Identity()
        if weights == "imagenet":
            net.load_state_dict(imagenet_state(name))
        stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        return Trunk([stem, net.layer1, net.layer2, net.layer3, net.layer4], shape)

    return make


def imagenet_state(name: str) -> dict[str, Tensor]:
    """torchvision's ImageNet weights of a ResNet without its classifier, from its cache or the net.

    Raises WeightsError where they can be had from neither.
    """
    import torchvision  # takes seconds, which a small trunk need not wait for

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise WeightsError(
            f"There are no ImageNet weights for {name}.", remedy="Set weights to none."
        ) from error
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"The ImageNet weights of {name} could not be fetched from {weights.url}: {error}.",
            remedy="Connect the machine, put the file into torch's hub cache, or set weights to none.",
        ) from error
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def _small_trunk(weights: str) -> Trunk:
    """A residual trunk for images of about 128 pixels that starts from nothing.

    A stem of stride 2 without max-pool, four narrow stages of one block each, output stride 8: the last map
    of a 128-pixel image still has 16 x 16 cells, and the second stage 64 x 64.
    """
    if weights != "none":
        raise WeightsError(
            f"There are no {weights} weights for resnet_small.",
            remedy="Set weights to none, or take a resnet18.",
        )
    stem = nn.Sequential(_conv(3, 16, stride=2), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
    return Trunk(
        [
            stem,
            ResidualBlock(16, 24),
            ResidualBlock(24, 48, stride=2),
            ResidualBlock(48, 96, stride=2),
            ResidualBlock(96, 128),
        ],
        TrunkShape(channels=(16, 24, 48, 96, 128), strides=(2, 2, 4, 8, 8)),
    )


def _conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a 1x1 shortcut (He et al., arXiv 1512.03385, section 4.1, option C)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, stride=stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            _conv(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.body(features) + self.shortcut(features), inplace=True)


_BASIC = TrunkShape(channels=(64, 64, 128, 256, 512), strides=(4, 4, 8, 16, 32))
_BOTTLENECK_8 = TrunkShape(channels=(64, 256, 512, 1024, 2048), strides=(4, 4, 8, 8, 8))
_BOTTLENECK_16 = TrunkShape(channels=(64, 256, 512, 1024, 2048), strides=(4, 4, 8, 16, 16))

TRUNKS: dict[str, Callable[[str], Trunk]] = {
    "resnet18": _torchvision_trunk("resnet18", dilate=(False, False, False), shape=_BASIC),
    "resnet34": _torchvision_trunk("resnet34", dilate=(False, False, False), shape=_BASIC),
    "resnet50": _torchvision_trunk("resnet50", dilate=(False, True, True), shape=_BOTTLENECK_8),
    "resnet50_irn": _torchvision_trunk("resnet50", dilate=(False, False, True), shape=_BOTTLENECK_16),
    "resnet_small": _small_trunk,
}
