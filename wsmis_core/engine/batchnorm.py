"""Batch normalisation over all ranks, on the CPU too, and of batches that hold one value a channel.

torch's own SyncBatchNorm needs a GPU; on GPUs it is what `synchronised` returns.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

__all__ = ["LoneBatchNorm2d", "SynchronisedBatchNorm2d", "bear_lone_values", "synchronised"]


class LoneBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that takes its running statistics where a batch holds one value a channel.

    So does one image whose features are pooled, or have shrunk, to one cell; torch refuses it.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of nn.Module's own argument
        if self.training and input.numel() == input.shape[1]:
            return F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(input)


def bear_lone_values(model: nn.Module) -> None:
    """Make all plain batch norms of a model lone ones, in place."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = LoneBatchNorm2d


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics are those of all ranks' samples together; in eval as usual."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name of nn.Module's own argument
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        per_channel = (1, -1, 1, 1)
        count = torch.tensor(
            float(input.numel() // input.shape[1]), dtype=input.dtype, device=input.device
        )  # cells of this rank
        dist.all_reduce(count)
        mean: Tensor = all_reduce(input.sum((0, 2, 3))) / count  # type: ignore[no-untyped-call]  # (C,)
        centred = input - mean.view(per_channel)
        variance: Tensor = all_reduce(centred.square().sum((0, 2, 3))) / count  # type: ignore[no-untyped-call]
        if self.track_running_stats:
            self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            return centred * (scale * self.weight).view(per_channel) + self.bias.view(per_channel)
        return centred * scale.view(per_channel)

    def _follow(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Move the running statistics as nn.BatchNorm2d does."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(unbiased_variance, share)


def synchronised(model: nn.Module, *, device: torch.device) -> nn.Module:
    """``model`` with each batch norm's statistics taken over all ranks."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return converted
    for name, child in model.named_children():
        if type(child) is nn.BatchNorm2d:
            twin = SynchronisedBatchNorm2d(
                child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
            ).to(next(child.buffers()).dtype)
            twin.load_state_dict(child.state_dict())
            for part, parameter in twin.named_parameters():
                parameter.requires_grad_(child.get_parameter(part).requires_grad)
            twin.train(child.training)
            setattr(model, name, twin)
        else:
            synchronised(child, device=device)
    return model
