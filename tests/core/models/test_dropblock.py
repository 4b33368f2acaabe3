"""DropBlock against the golden arrays, and where it does nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.models import DropBlock, dropblock, linear_drop_prob

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "golden" / "07_dropblock.npz", allow_pickle=False)


@pytest.mark.parametrize("block_size", [5, 7, 4])
def test_golden_output_and_gradient(block_size: int) -> None:
    def golden(name: str) -> torch.Tensor:
        return torch.from_numpy(GOLDEN[f"bs{block_size}_{name}"])

    features = golden("x").requires_grad_()
    dropped = dropblock(
        features,
        drop_prob=float(GOLDEN[f"bs{block_size}_drop_prob"]),
        block_size=block_size,
        uniform=golden("uniform"),
    )
    torch.testing.assert_close(dropped, golden("out"), rtol=1e-6, atol=1e-7)
    dropped.sum().backward()  # type: ignore[no-untyped-call]  # torch ships no type for it
    assert features.grad is not None
    torch.testing.assert_close(features.grad, golden("grad_x"), rtol=1e-6, atol=1e-7)


def test_golden_linear_schedule() -> None:
    golden = GOLDEN["linear_scheduler_drop_prob_per_step"]
    ours = [linear_drop_prob(step, final=0.2, steps=10) for step in range(len(golden))]
    np.testing.assert_allclose(ours, golden, rtol=1e-6)


def test_one_seed_drops_one_block_in_all_channels() -> None:
    uniform = torch.ones(1, 5, 5)
    uniform[0, 2, 2] = 0.0
    dropped = dropblock(torch.ones(1, 2, 5, 5), drop_prob=0.5, block_size=3, uniform=uniform)
    expected = torch.full((5, 5), 25 / 16)
    expected[1:4, 1:4] = 0
    torch.testing.assert_close(dropped, expected.expand(1, 2, 5, 5))


def test_all_dropped_is_zero_and_not_nan() -> None:
    dropped = dropblock(torch.ones(2, 3, 4, 4), drop_prob=1.0, block_size=1, uniform=torch.zeros(2, 4, 4))
    assert torch.equal(dropped, torch.zeros(2, 3, 4, 4))


def test_identity_in_evaluation_and_at_probability_zero() -> None:
    features = torch.randn(1, 2, 8, 8)
    assert DropBlock(drop_prob=0.9, block_size=3).eval()(features) is features
    assert DropBlock(drop_prob=0.0, block_size=3).train()(features) is features
    assert not torch.equal(DropBlock(drop_prob=0.9, block_size=3).train()(features), features)
