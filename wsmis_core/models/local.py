"""A pixel classifier that sees its neighbourhood only, to take off what a wide receptive field put on.

Activation maps light up lung beside the air, as their receptive field reaches over it, and a segmenter
with context learns the fat shape. To a network that sees 11 pixels the lung beside the air looks as lung
does in images without the finding, whose masks the image labels say are empty; trained on both, it lets go
of it. It knows texture, not place: multiply its probabilities with the maps.

Axes: B batch, C classes, H x W pixels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (16, 32, 32)
RECEPTIVE_FIELD = 11  # pixels: 3 for the first convolution, 4 for each of the others behind its stride of 2


class LocalNet(nn.Module):
    """Three 3x3 convolutions, the first of stride 2, and a 1x1 convolution to the classes."""

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(zip((3, *WIDTHS), WIDTHS, strict=False)):
            stride = 2 if index == 0 else 1
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(WIDTHS[-1], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) of images (B, 3, H, W), interpolated from half the resolution."""
        logits: Tensor = self.head(self.features(images))  # (B, C, ceil(H / 2), ceil(W / 2))
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The convolutions as `trunk`, the classes as `head`, like a segmenter's."""
        return {"trunk": list(self.features.parameters()), "head": list(self.head.parameters())}
