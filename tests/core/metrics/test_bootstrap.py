"""The bootstrap: patients are drawn whole, seeds repeat, the spread is that of theory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsmis_core.metrics import Bootstrap, auc, intervals, weighted_auc


def test_a_patients_images_are_drawn_together() -> None:
    bootstrap = Bootstrap(["b", "a", "b", "c"], resamples=50, seed=1)
    (weights,) = bootstrap.weights()
    assert weights.shape == (50, 4)
    assert torch.equal(weights[:, 0], weights[:, 2])
    assert torch.equal(weights[:, [0, 1, 3]].sum(dim=1), torch.full((50,), 3.0, dtype=torch.float64))
    rows = torch.tensor([[1.0], [10.0], [100.0], [1000.0]])
    torch.testing.assert_close(bootstrap.sums(rows), weights @ rows.double())


def test_the_same_seed_draws_the_same() -> None:
    rows = torch.rand(20, 3)
    groups = [str(number) for number in range(20)]
    first, again, other = (Bootstrap(groups, resamples=30, seed=seed).sums(rows) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_parts_of_many_resamples_are_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = Bootstrap([str(number) for number in range(7)], resamples=11, seed=2)
    whole = bootstrap.sums(torch.eye(7))
    monkeypatch.setattr("wsmis_core.metrics.bootstrap._AT_ONCE", 21)
    assert [len(part) for part in bootstrap.weights()] == [3, 3, 3, 2]
    torch.testing.assert_close(bootstrap.sums(torch.eye(7)), whole)


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = torch.randn(400, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    bootstrap = Bootstrap([str(number) for number in range(400)], resamples=2000, seed=0)
    (low, high) = intervals({"mean": bootstrap.sums(values)[:, 0] / 400})["mean"]
    error = values.std().item() / 20
    assert low == pytest.approx(values.mean().item() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean().item() + 1.96 * error, abs=0.15 * error)


def test_what_cannot_be_measured_is_left_out() -> None:
    nan = float("nan")
    values = torch.tensor([[1.0, nan, nan], [3.0, 2.0, nan]])
    assert intervals({"score": values})["score"] == [
        pytest.approx((1.05, 2.95)),
        pytest.approx((2.0, 2.0)),
        None,
    ]


def test_one_group_says_nothing() -> None:
    assert not Bootstrap(["a", "a"], resamples=10, seed=0).possible
    assert not Bootstrap(["a", "b"], resamples=0, seed=0).possible
    assert Bootstrap(["a", "b"], resamples=1, seed=0).possible


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_weighted_auc_is_that_of_repeated_samples(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 5, (8, 2), generator=generator) / 4
    labels = torch.randint(-1, 2, (8, 2), generator=generator)
    weights = torch.randint(0, 3, (4, 8), generator=generator)
    for row, areas in zip(weights, weighted_auc(scores, labels, weights), strict=True):
        repeated = torch.repeat_interleave(torch.arange(8), row)
        torch.testing.assert_close(areas, auc(scores[repeated], labels[repeated]), equal_nan=True)
