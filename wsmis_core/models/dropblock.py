"""DropBlock: dropping whole blocks of a feature map (Ghiasi, Lin, Le 2018, arXiv 1810.12890)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def dropblock(
    features: Tensor, *, drop_prob: float, block_size: int, uniform: Tensor | None = None
) -> Tensor:
    """Zero blocks of `block_size` cells in all channels alike and scale up what is left.

    Algorithm 1 of the paper with gamma = drop_prob / block_size^2. `features` is (B, K, h, w); `uniform`,
    (B, h, w) in [0, 1), decides the blocks' seeds and is drawn where it is not given. Where every cell of
    the batch is dropped the result is 0, not NaN.
    """
    batch, _, height, width = features.shape
    if uniform is None:
        uniform = torch.rand((batch, height, width), device=features.device)
    seeds = (uniform < drop_prob / block_size**2).to(features.dtype)  # (B, h, w)
    blocks = F.max_pool2d(seeds[:, None], block_size, stride=1, padding=block_size // 2)
    # An even block makes the pooled map one row and column too large.
    keep = 1 - blocks[..., :height, :width]  # (B, 1, h, w)
    return features * keep * (keep.numel() / keep.sum().clamp(min=1))


def linear_drop_prob(step: int, *, final: float, steps: int) -> float:
    """The drop probability of a training step: 0 at step 0, rising evenly to `final` at step `steps` - 1."""
    return final * min(1.0, step / max(1, steps - 1))


class DropBlock(nn.Module):
    """DropBlock as a layer: the identity in evaluation and while `drop_prob` is 0."""

    def __init__(self, *, drop_prob: float, block_size: int) -> None:
        super().__init__()
        self.drop_prob = drop_prob
        self.block_size = block_size

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or self.drop_prob == 0.0:
            return features
        return dropblock(features, drop_prob=self.drop_prob, block_size=self.block_size)
