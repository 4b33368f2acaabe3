"""DeepLabv3 (arXiv 1706.05587) and DeepLabv3+ (arXiv 1802.02611) as checkpoints of them are published.

A torchvision ResNet of bottlenecks at output stride 8 and plain convolutions; those of
segmentation-models-pytorch dilate otherwise, and the second has separable convolutions.

Axes: B batch, K channels, H x W pixels, h x w feature cells.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

__all__ = [
    "OUTPUT_STRIDE",
    "Aspp",
    "DeepLabDecoder",
    "DeepLabEncoder",
    "DeepLabV3Decoder",
    "DeepLabV3PlusDecoder",
    "deeplab_head",
]

OUTPUT_STRIDE = 8
LOW_LEVEL_STRIDE = 4
LOW_LEVEL_CHANNELS, DEEP_CHANNELS = 256, 2048  # of layer1 and layer4
PROJECTED_CHANNELS = 48
WIDTH = 256
RATES = (12, 24, 36)  # the papers' at output stride 8


class DeepLabEncoder(nn.Module):
    """A ResNet by torchvision's names, layer3 and layer4 dilated: their first block as the layer before."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = getattr(torchvision.models, name)(replace_stride_with_dilation=[False, True, True])
        self.conv1, self.bn1, self.relu, self.maxpool = net.conv1, net.bn1, net.relu, net.maxpool
        self.layer1, self.layer2, self.layer3, self.layer4 = net.layer1, net.layer2, net.layer3, net.layer4

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of layer1, (B, 256, H / 4, W / 4), and of layer4, (B, 2048, H / 8, W / 8)."""
        low = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))))
        return [low, self.layer4(self.layer3(self.layer2(low)))]


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling: context at several distances, and of the whole image."""

    def __init__(self, *, dropout: float) -> None:
        super().__init__()
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_block(DEEP_CHANNELS, WIDTH))
        dilated = [_block(DEEP_CHANNELS, WIDTH, kernel=3, dilation=rate) for rate in RATES]
        self.branches = nn.ModuleList([_block(DEEP_CHANNELS, WIDTH), *dilated, pooled])
        self.project = nn.Sequential(*_block(len(self.branches) * WIDTH, WIDTH), nn.Dropout(dropout))

    def forward(self, features: Tensor) -> Tensor:
        """(B, 256, h, w) of (B, 2048, h, w)."""
        size = features.shape[-2:]
        seen = [branch(features).expand(-1, -1, *size) for branch in self.branches]  # one is pooled to 1 x 1
        projected: Tensor = self.project(torch.cat(seen, dim=1))
        return projected


class DeepLabDecoder(nn.Module):
    """What goes before the classes' own convolution; its features have ``stride``."""

    stride: int

    def __init__(self, aspp: Aspp, *, channels: int) -> None:
        super().__init__()
        self.aspp = aspp
        self.refine = _block(channels, WIDTH, kernel=3)


class DeepLabV3Decoder(DeepLabDecoder):
    """The pyramid, and a convolution."""

    stride = OUTPUT_STRIDE

    def __init__(self) -> None:
        super().__init__(Aspp(dropout=0.5), channels=WIDTH)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, 256, H / 8, W / 8) of the encoder's features."""
        refined: Tensor = self.refine(self.aspp(features[-1]))
        return refined


class DeepLabV3PlusDecoder(DeepLabDecoder):
    """The pyramid beside the encoder's finer features, and a convolution over both."""

    stride = LOW_LEVEL_STRIDE

    def __init__(self) -> None:
        super().__init__(Aspp(dropout=0.1), channels=PROJECTED_CHANNELS + WIDTH)
        self.low_level = _block(LOW_LEVEL_CHANNELS, PROJECTED_CHANNELS)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(B, 256, H / 4, W / 4) of the encoder's features."""
        low, deep = features
        context = F.interpolate(self.aspp(deep), size=low.shape[-2:], mode="bilinear", align_corners=False)
        refined: Tensor = self.refine(torch.cat([self.low_level(low), context], dim=1))
        return refined


def deeplab_head(decoder: DeepLabDecoder, *, classes: int) -> nn.Sequential:
    """Logits (B, classes, H, W) of the decoder's features."""
    enlarge = nn.Upsample(scale_factor=decoder.stride, mode="bilinear", align_corners=False)
    return nn.Sequential(nn.Conv2d(WIDTH, classes, 1), enlarge)


def _block(inputs: int, outputs: int, *, kernel: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, its batch norm and ReLU."""
    reach = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=reach, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
