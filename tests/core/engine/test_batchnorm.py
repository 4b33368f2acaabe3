"""Batch norms of one value a channel."""

from __future__ import annotations

import torch
from torch import nn

from wsmis_core.engine.batchnorm import bear_lone_values


def test_one_value_a_channel_is_normalised_by_the_running_statistics() -> None:
    norm = nn.BatchNorm2d(2)
    assert norm.running_mean is not None
    norm.running_mean += torch.tensor([1.0, 2.0])
    model = nn.Sequential(norm)
    bear_lone_values(model.train())
    lone = model(torch.tensor([3.0, 2.0]).view(1, 2, 1, 1))
    torch.testing.assert_close(lone.flatten(), torch.tensor([2.0, 0.0]) / (1 + norm.eps) ** 0.5)
    assert norm.running_mean.tolist() == [1, 2]
    several = model(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2).expand(1, 2, 1, 2))
    torch.testing.assert_close(several[0, 0, 0], torch.tensor([-1.0, 1.0]), atol=1e-4, rtol=0)
