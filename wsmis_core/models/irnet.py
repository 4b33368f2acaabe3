"""IRNet: class boundaries and displacements over a frozen trunk.

Axes: B batch, K channels, H x W pixels, h x w cells of the grid, which is the second stage's.
Source: Ahn, Cho, Kwak, CVPR 2019, arXiv 1904.05044, section 4.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wsmis_core.models.trunks import Trunk

BOUNDARY_WIDTH = 32
BOUNDARY_NORM_GROUPS = 4
DISPLACEMENT_WIDTHS = (64, 128, 256, 256, 256)
DISPLACEMENT_NORM_GROUPS = (8, 16, 16, 16, 16)
FUSED_WIDTH = 256
FUSED_NORM_GROUPS = 16


class Lateral(nn.Module):
    """1x1 convolution, group norm, bilinear upsampling by a whole factor, ReLU; in this order."""

    def __init__(self, inputs: int, outputs: int, *, norm_groups: int, upsample: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.GroupNorm(math.gcd(norm_groups, outputs), outputs)
        self.upsample = upsample

    def forward(self, features: Tensor) -> Tensor:
        features = self.norm(self.conv(features))
        if self.upsample > 1:
            features = F.interpolate(
                features, scale_factor=float(self.upsample), mode="bilinear", align_corners=False
            )
        return F.relu(features)


class BoundaryBranch(nn.Module):
    """Stages x1..x5 -> boundary logits (B, 1, h, w)."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        grid = trunk.shape.strides[1]
        self.laterals = nn.ModuleList(
            Lateral(channels, BOUNDARY_WIDTH, norm_groups=BOUNDARY_NORM_GROUPS, upsample=stride // grid)
            for channels, stride in zip(trunk.shape.channels, trunk.shape.strides, strict=True)
        )
        self.head = nn.Conv2d(len(self.laterals) * BOUNDARY_WIDTH, 1, 1)

    def forward(self, stages: list[Tensor]) -> Tensor:
        laterals = [lateral(x) for lateral, x in zip(self.laterals, stages, strict=True)]
        logits: Tensor = self.head(torch.cat(_cropped(laterals, like=stages[1]), dim=1))
        return logits


class DisplacementBranch(nn.Module):
    """Stages x1..x5 -> displacements (B, 2, h, w) in cells, rows first, before the mean shift.

    The widths are the published ones, but never more than the stage that is read: narrow trunks get narrow
    branches.
    """

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        grid, fine = trunk.shape.strides[1], trunk.shape.strides[2]
        widths = [min(pair) for pair in zip(DISPLACEMENT_WIDTHS, trunk.shape.channels, strict=True)]
        fused = min(FUSED_WIDTH, trunk.shape.channels[-1])
        # x1 and x2 lie on the grid; x3 to x5 meet at x3's stride and go up to the grid together.
        targets = (grid, grid, fine, fine, fine)
        self.laterals = nn.ModuleList(
            Lateral(channels, width, norm_groups=groups, upsample=stride // target)
            for channels, width, groups, stride, target in zip(
                trunk.shape.channels,
                widths,
                DISPLACEMENT_NORM_GROUPS,
                trunk.shape.strides,
                targets,
                strict=True,
            )
        )
        self.deep = Lateral(sum(widths[2:]), fused, norm_groups=FUSED_NORM_GROUPS, upsample=fine // grid)
        self.fuse = Lateral(sum(widths[:2]) + fused, fused, norm_groups=FUSED_NORM_GROUPS, upsample=1)
        self.head = nn.Conv2d(fused, 2, 1, bias=False)

    def forward(self, stages: list[Tensor]) -> Tensor:
        x1, x2, *coarse = (lateral(x) for lateral, x in zip(self.laterals, stages, strict=True))
        deep = self.deep(torch.cat(_cropped(coarse, like=stages[2]), dim=1))
        fused = self.fuse(torch.cat(_cropped([x1, x2, deep], like=stages[1]), dim=1))
        displacement: Tensor = self.head(fused)
        return displacement


def _cropped(maps: list[Tensor], *, like: Tensor) -> list[Tensor]:
    """Cut what upsampling made too large, right and below, where a side is no multiple of the stride."""
    height, width = like.shape[-2:]
    return [one[..., :height, :width] for one in maps]


def _padded(images: Tensor, window: int | None) -> Tensor:
    """Images (B, 3, H, W) whose sides are ``window`` or more."""
    height, width = images.shape[-2:]
    if window is None or min(height, width) >= window:
        return images
    padded = F.pad(images, (0, max(0, window - width), 0, max(0, window - height)))
    return padded.contiguous(memory_format=torch.channels_last)


class IRNet(nn.Module):
    """Two branches that learn over a trunk that does not: it stays in eval mode and gets no gradient.

    `mean_shift` (2,) is subtracted from the displacements in eval mode; after training it is to be set to the
    mean displacement over the training images.
    """

    mean_shift: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        strides = trunk.shape.strides
        assert strides[0] == strides[1], "the first two stages share the grid"
        self.trunk = trunk.requires_grad_(False)
        self.boundary = BoundaryBranch(trunk)
        self.displacement = DisplacementBranch(trunk)
        self.register_buffer("mean_shift", torch.zeros(2))

    @property
    def grid_stride(self) -> int:
        """Pixels a cell of the grid."""
        return self.trunk.shape.strides[1]

    def train(self, mode: bool = True) -> "IRNet":
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boundary logits (B, 1, h, w) and displacements (B, 2, h, w) of images (B, 3, H, W)."""
        with torch.no_grad():
            stages = self.trunk.stages(images)
        displacement = self.displacement(stages)
        if not self.training:
            displacement = displacement - self.mean_shift.view(1, 2, 1, 1)
        return self.boundary(stages), displacement

    @torch.no_grad()
    def infer(self, images: Tensor, *, window: int | None = None) -> tuple[Tensor, Tensor]:
        """Boundaries in [0, 1] (B, h, w) and displacements (B, 2, h, w), with one pass through the trunk.

        The boundary logits are averaged with those of the mirror image; the displacements, less the mean
        shift, are the image's own.

        Args:
            window: sides that are shorter are padded to it, right and below, with 0, which is the
                normalisation's mean; the results are of the images alone. As in training on crops, the
                group norms see the padding.
        """
        assert not self.training
        stages = self._mirrored_stages(images, window)
        own = [stage[: len(images)] for stage in stages]
        return self._averaged(stages, images), self._shifted(own, images)

    @torch.no_grad()
    def boundaries(self, images: Tensor, *, window: int | None = None) -> Tensor:
        """The boundaries of `infer` alone."""
        return self._averaged(self._mirrored_stages(images, window), images)

    @torch.no_grad()
    def displacements(self, images: Tensor, *, window: int | None = None) -> Tensor:
        """The displacements of `infer` alone."""
        assert not self.training
        return self._shifted(self.trunk.stages(_padded(images, window)), images)

    def _mirrored_stages(self, images: Tensor, window: int | None) -> list[Tensor]:
        """The trunk's stages of the images and then of their mirrors, (2 B, ...)."""
        return self.trunk.stages(_padded(torch.cat([images, images.flip(-1)]), window))

    def _averaged(self, stages: list[Tensor], images: Tensor) -> Tensor:
        """Boundaries (B, h, w) of images and mirrors; the mean is taken of the logits."""
        logits, mirrored = self._on_images(self.boundary(stages), images).chunk(2)
        return torch.sigmoid((logits + mirrored.flip(-1)) / 2).squeeze(1)

    def _shifted(self, stages: list[Tensor], images: Tensor) -> Tensor:
        return self._on_images(self.displacement(stages), images) - self.mean_shift.view(1, 2, 1, 1)

    def _on_images(self, maps: Tensor, images: Tensor) -> Tensor:
        """What of the maps lies on the images, and not on their padding."""
        height, width = (-(-side // self.grid_stride) for side in images.shape[-2:])
        return maps[..., :height, :width]

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """The branches' parameters, by branch; the trunk has none that learn."""
        return {
            "boundary": list(self.boundary.parameters()),
            "displacement": list(self.displacement.parameters()),
        }
