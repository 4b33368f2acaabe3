"""Multi-label classifiers: a trunk, global average pooling, one linear layer, so that CAMs are exact.

Axes: B batch, C classes (background excluded), K channels, H x W pixels, h x w feature cells.
Sources: WSMIS, arXiv 2007.00748; OAA, Jiang et al., ICCV 2019 (the three convolutions); IRNet, arXiv
1904.05044 (`irn_resnet50`, its CAM net).
"""

import itertools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from wsmis_core.models.dropblock import DropBlock
from wsmis_core.models.trunks import TRUNKS, Trunk

NECK_WIDTH = 512
NECK_CONVOLUTIONS = 3


@dataclass(frozen=True, slots=True)
class Architecture:
    """What sets one classifier apart from another."""

    trunk: str
    drop_after: tuple[int, ...] = (3, 4)  # the stages, from 0, that DropBlock follows
    neck: bool = False  # three 3x3 convolutions between trunk and pooling
    head_bias: bool = True
    frozen_stages: int = 0  # from the image on; they get no gradient
    frozen_batch_norms: bool = False  # they keep their statistics; scale and offset learn


CLASSIFIERS: dict[str, Architecture] = {
    "resnet18": Architecture("resnet18"),
    "resnet34": Architecture("resnet34"),
    "resnet50": Architecture("resnet50"),
    "resnet50_full": Architecture("resnet50"),
    "resnet50_oaa": Architecture("resnet50", neck=True),
    "resnet_gap": Architecture("resnet50_cut", drop_after=(3,)),
    "resnet_small": Architecture("resnet_small"),
    "vgg16": Architecture("vgg16", drop_after=(0,), neck=True),
    "irn_resnet50": Architecture(
        "resnet50_irn", drop_after=(), head_bias=False, frozen_stages=3, frozen_batch_norms=True
    ),
}


class Classifier(nn.Module):
    """A trunk, with DropBlock where the architecture has it, perhaps a neck, pooling and a linear head.

    `drop_prob` 0 leaves DropBlock out of the forward pass; the layers stay, so that a schedule may set it.
    """

    def __init__(
        self,
        trunk: Trunk,
        architecture: Architecture,
        *,
        classes: int,
        drop_prob: float = 0.0,
        block_size: int = 7,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.trunk = trunk
        self.drops = nn.ModuleDict(
            {
                str(stage): DropBlock(drop_prob=drop_prob, block_size=block_size)
                for stage in architecture.drop_after
            }
        )
        channels = trunk.shape.channels[-1]
        self.neck = _neck(channels) if architecture.neck else nn.Identity()
        width = NECK_WIDTH if architecture.neck else channels
        self.head = nn.Linear(width, classes, bias=architecture.head_bias)
        self.trunk.stage_modules[: architecture.frozen_stages].requires_grad_(False)

    def features(self, images: Tensor) -> Tensor:
        """What the head weighs: (B, 3, H, W) -> (B, K, h, w)."""
        features: Tensor = self.neck(self.stages(images)[-1])
        return features

    def stages(self, images: Tensor) -> list[Tensor]:
        """The trunk's stages x1..x5, dropped where this trains."""
        outputs = []
        features = self.trunk.stretched(images)
        for index, stage in enumerate(self.trunk.stage_modules):
            features = stage(features)
            if str(index) in self.drops:
                features = self.drops[str(index)](features)
            outputs.append(features)
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits

    def train(self, mode: bool = True) -> "Classifier":
        super().train(mode)
        if self.architecture.frozen_batch_norms:
            for module in self.trunk.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def set_drop_prob(self, drop_prob: float) -> None:
        """Set every DropBlock, as a schedule does at each step."""
        for drop in self.drops.values():
            assert isinstance(drop, DropBlock)
            drop.drop_prob = drop_prob

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All that learns in four groups, each of which may have a learning rate of its own.

        The neck goes with the head: both start from nothing.
        """
        groups: dict[str, list[nn.Parameter]] = {
            "trunk_weights": [],
            "trunk_biases": [],
            "head_weights": [],
            "head_biases": [],
        }
        for name, parameter in self.named_parameters():
            part = "trunk" if name.startswith("trunk.") else "head"
            kind = "biases" if name.endswith("bias") else "weights"
            if parameter.requires_grad:
                groups[f"{part}_{kind}"].append(parameter)
        return groups


def make_classifier(
    arch: str, *, classes: int, weights: str = "none", drop_prob: float = 0.0, block_size: int = 7
) -> Classifier:
    """A classifier of `CLASSIFIERS`; `weights` is `none` or `imagenet` (the trunk's alone).

    Raises WeightsError where ImageNet weights are asked for and cannot be had.
    """
    architecture = CLASSIFIERS[arch]
    trunk = TRUNKS[architecture.trunk](weights)
    return Classifier(trunk, architecture, classes=classes, drop_prob=drop_prob, block_size=block_size)


def _neck(channels: int) -> nn.Sequential:
    widths = (channels, *[NECK_WIDTH] * NECK_CONVOLUTIONS)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)
