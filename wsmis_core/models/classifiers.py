"""Multi-label classifiers: a trunk, global average pooling, one linear layer, so that CAMs are exact.

Axes: B batch, C classes (background excluded), K channels, H x W pixels, h x w feature cells.
"""

from collections.abc import Callable

from torch import Tensor, nn

from wsmis_core.models.dropblock import DropBlock
from wsmis_core.models.trunks import TRUNKS, Trunk


class Classifier(nn.Module):
    """A trunk with DropBlock after its fourth and fifth stage, global average pooling and a linear head.

    `drop_prob` 0 leaves DropBlock out of the forward pass; the layers stay, so that a schedule may set it.
    """

    def __init__(self, trunk: Trunk, *, classes: int, drop_prob: float = 0.0, block_size: int = 7) -> None:
        super().__init__()
        self.trunk = trunk
        self.drops = nn.ModuleList(DropBlock(drop_prob=drop_prob, block_size=block_size) for _ in range(2))
        self.head = nn.Linear(trunk.shape.channels[-1], classes)

    def features(self, images: Tensor) -> Tensor:
        """What the head weighs: (B, 3, H, W) -> (B, K, h, w)."""
        return self.stages(images)[-1]

    def stages(self, images: Tensor) -> list[Tensor]:
        """The trunk's five stages x1..x5, dropped where this trains."""
        outputs = []
        features = images
        plain = len(self.trunk.stage_modules) - len(self.drops)
        for index, stage in enumerate(self.trunk.stage_modules):
            features = stage(features)
            if index >= plain:
                features = self.drops[index - plain](features)
            outputs.append(features)
        return outputs

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits

    def set_drop_prob(self, drop_prob: float) -> None:
        """Set both DropBlocks, as a schedule does at every step."""
        for drop in self.drops:
            assert isinstance(drop, DropBlock)
            drop.drop_prob = drop_prob

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """All parameters in four groups, each of which may have a learning rate of its own."""
        groups: dict[str, list[nn.Parameter]] = {
            "trunk_weights": [],
            "trunk_biases": [],
            "head_weights": [],
            "head_biases": [],
        }
        for name, parameter in self.named_parameters():
            part = "head" if name.startswith("head.") else "trunk"
            kind = "biases" if name.endswith("bias") else "weights"
            groups[f"{part}_{kind}"].append(parameter)
        return groups


def make_classifier(
    arch: str, *, classes: int, weights: str = "none", drop_prob: float = 0.0, block_size: int = 7
) -> Classifier:
    """A classifier of `CLASSIFIERS`; `weights` is `none` or `imagenet` (the trunk's alone).

    Raises WeightsError where ImageNet weights are asked for and cannot be had.
    """
    trunk = CLASSIFIERS[arch](weights)
    return Classifier(trunk, classes=classes, drop_prob=drop_prob, block_size=block_size)


CLASSIFIERS: dict[str, Callable[[str], Trunk]] = {
    name: TRUNKS[name] for name in ("resnet18", "resnet34", "resnet50", "resnet_small")
}
