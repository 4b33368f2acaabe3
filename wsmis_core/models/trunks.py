"""Convolutional trunks: stages of features, finest first, whose last one classifies.

Axes: B batch, K channels, H x W pixels, h x w feature cells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from wsmis_core.models.small import small_stages
from wsmis_core.models.torchvision_stages import resnet_stages, vgg16_stages


@dataclass(frozen=True)
class TrunkShape:
    """Channels and strides of the stages, and the least side of an image that each has a cell for."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    least_side: int = 1


class Trunk(nn.Module):
    """Modules in a row; each one's output is a stage, five but where a network is cut short.

    `stages(images)` takes (B, 3, H, W) and gives x1..x5, (B, channels[i], ceil(H / strides[i]), ...);
    VGG's poolings round down, so that a side under 8 is stretched.
    """

    def __init__(self, stage_modules: list[nn.Module], shape: TrunkShape) -> None:
        super().__init__()
        assert len(stage_modules) == len(shape.channels) == len(shape.strides)
        self.stage_modules = nn.ModuleList(stage_modules)
        self.shape = shape

    def stretched(self, images: Tensor) -> Tensor:
        """The images, those with a side under the least one stretched to it."""
        height, width = (max(side, self.shape.least_side) for side in images.shape[-2:])
        if (height, width) == images.shape[-2:]:
            return images
        return F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The outputs of all stages."""
        outputs = []
        features = self.stretched(images)
        for stage in self.stage_modules:
            features = stage(features)
            outputs.append(features)
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        """The last stage's features, (B, K, h, w)."""
        return self.stages(images)[-1]


def _trunk(make_stages: Callable[[str], list[nn.Module]], shape: TrunkShape) -> Callable[[str], Trunk]:
    return lambda weights: Trunk(make_stages(weights), shape)


_BASIC = TrunkShape(channels=(64, 64, 128, 256, 512), strides=(4, 4, 8, 16, 32))
_BOTTLENECK = (64, 256, 512, 1024, 2048)

# Makers by name; each takes `none` or `imagenet` and raises WeightsError where these cannot be had.
TRUNKS: dict[str, Callable[[str], Trunk]] = {
    "resnet18": _trunk(resnet_stages("resnet18"), _BASIC),
    "resnet34": _trunk(resnet_stages("resnet34"), _BASIC),
    "resnet50": _trunk(
        resnet_stages("resnet50", dilate=(False, True, True)),
        TrunkShape(channels=_BOTTLENECK, strides=(4, 4, 8, 8, 8)),
    ),
    "resnet50_cut": _trunk(
        resnet_stages("resnet50", stages=4),
        TrunkShape(channels=_BOTTLENECK[:4], strides=(4, 4, 8, 16)),
    ),
    "resnet50_irn": _trunk(
        resnet_stages("resnet50", last_stride=1),
        TrunkShape(channels=_BOTTLENECK, strides=(4, 4, 8, 16, 16)),
    ),
    "resnet_small": _trunk(small_stages, TrunkShape(channels=(16, 24, 48, 96, 128), strides=(2, 2, 4, 8, 8))),
    "vgg16": _trunk(
        vgg16_stages,
        TrunkShape(channels=(64, 128, 256, 512, 512), strides=(1, 2, 4, 8, 8), least_side=8),
    ),
}
