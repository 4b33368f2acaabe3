"""Draws are functions of seed and epoch; nothing is dropped."""

from __future__ import annotations

import numpy as np

from wsmis_core.engine.sampling import Draw, balanced_order, epoch_batches, sample_rng, shuffled_order


def test_an_epoch_sees_every_sample_once_in_even_batches() -> None:
    batches = epoch_batches(shuffled_order(22, seed=1, epoch=4), batch_size=5)
    assert [len(batch) for batch in batches] == [5, 5, 4, 4, 4]
    assert sorted(draw.index for batch in batches for draw in batch) == list(range(22))


def test_epochs_and_seeds_differ_and_repeat() -> None:
    order = shuffled_order(50, seed=1, epoch=0)
    assert np.array_equal(order, shuffled_order(50, seed=1, epoch=0))
    assert not np.array_equal(order, shuffled_order(50, seed=1, epoch=1))
    assert not np.array_equal(order, shuffled_order(50, seed=2, epoch=0))


def test_balanced_draws_give_groups_equal_shares() -> None:
    groups = [0] * 900 + [1] * 100
    drawn = np.concatenate([balanced_order(groups, seed=0, epoch=epoch) for epoch in range(10)])
    assert len(drawn) == 10_000
    assert abs((drawn >= 900).mean() - 0.5) < 0.02  # four standard deviations of 10,000 draws


def test_a_repeated_draw_has_randomness_of_its_own() -> None:
    (batch,) = epoch_batches(np.array([3, 3, 1]), batch_size=8)
    assert batch == [Draw(3, 0), Draw(3, 1), Draw(1, 0)]
    first, second, _ = (sample_rng(draw, seed=0, epoch=0).random() for draw in batch)
    assert first != second
    assert first == sample_rng(Draw(3, 0), seed=0, epoch=0).random()
