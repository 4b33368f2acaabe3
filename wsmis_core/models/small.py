"""A residual network for images of about 128 pixels that starts from nothing."""

import torch.nn.functional as F
from torch import Tensor, nn

from wsmis_core.errors import WeightsError


def small_stages(weights: str) -> list[nn.Module]:
    """A stem of stride 2 without max-pool, and four narrow stages of one block each, output stride 8.

    The last map of a 128-pixel image still has 16 x 16 cells, and the second stage 64 x 64.
    """
    if weights != "none":
        raise WeightsError(
            f"There are no {weights} weights for resnet_small.",
            remedy="Set weights to none, or take a resnet18.",
        )
    stem = nn.Sequential(_conv(3, 16, stride=2), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
    return [
        stem,
        ResidualBlock(16, 24),
        ResidualBlock(24, 48, stride=2),
        ResidualBlock(48, 96, stride=2),
        ResidualBlock(96, 128),
    ]


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
