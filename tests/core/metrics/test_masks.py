"""Binary masks: three kinds of Dice by hand, the published counts, empty masks, sums over parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wsmis_core.metrics import MaskCounts

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


def test_the_three_dice_by_hand() -> None:
    prediction = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]], dtype=torch.bool)
    target = torch.tensor([[[1, 0, 1, 1]], [[0, 0, 0, 0]], [[0, 0, 0, 255]]], dtype=torch.uint8)
    counts = MaskCounts()
    counts.update(prediction, target)
    scores = counts.scores()
    # Images: 1 hit, 1 false alarm, 2 misses -> 2 / 5; both empty -> 1; 1 false alarm -> 0.
    assert scores.dice_per_image == pytest.approx((0.4 + 1 + 0) / 3)
    assert scores.dice_positives == pytest.approx(0.4)
    assert scores.dice_pooled == pytest.approx(2 / (2 + 2 + 2))
    assert scores.iou == pytest.approx(1 / 5)
    assert scores.precision == pytest.approx(1 / 3)
    assert scores.recall == pytest.approx(1 / 3)
    assert (scores.images, scores.positives) == (3, 1)


def test_ignored_pixels_count_for_nothing() -> None:
    counts = MaskCounts()
    counts.update(torch.tensor([[[True, True]]]), torch.tensor([[[255, 1]]], dtype=torch.uint8))
    assert counts.scores().dice_pooled == 1
    assert counts.scores().precision == 1


def test_empty_sets_of_masks() -> None:
    empty = MaskCounts()
    empty.update(torch.zeros(2, 3, 3, dtype=torch.bool), torch.zeros(2, 3, 3, dtype=torch.bool))
    scores = empty.scores()
    assert (scores.dice_pooled, scores.dice_per_image, scores.iou) == (1, 1, 1)
    assert scores.dice_positives is None
    missed = MaskCounts()
    missed.update(torch.zeros(1, 3, 3, dtype=torch.bool), torch.ones(1, 3, 3, dtype=torch.bool))
    assert (missed.scores().precision, missed.scores().recall, missed.scores().dice_positives) == (0, 0, 0)


def test_as_published() -> None:
    counts = MaskCounts()
    with np.load(GOLDEN) as golden:
        arrays = {name: golden[name] for name in golden.files if name.startswith("bf1_")}
    for batch in (0, 1):
        # The published code takes 255 for foreground.
        target = torch.from_numpy(arrays[f"bf1_true{batch}"] > 0)
        counts.update(torch.from_numpy(arrays[f"bf1_pred{batch}"][:, 0] > 0), target)
    scores = counts.scores()
    assert scores.dice_pooled == pytest.approx(float(arrays["bf1_positive_score"]), rel=1e-6)
    assert scores.precision == pytest.approx(float(arrays["bf1_precision"]), rel=1e-6)
    assert scores.recall == pytest.approx(float(arrays["bf1_recall"]), rel=1e-6)
    assert scores.iou == pytest.approx(float(arrays["bf1_jaccard"]), rel=1e-6)


@given(seed=st.integers(0, 10_000), cut=st.integers(0, 4))
def test_parts_add_up_to_the_whole(seed: int, cut: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    prediction, target = torch.randint(0, 2, (2, 4, 3, 3), generator=generator).bool()
    whole, first, second = MaskCounts(), MaskCounts(), MaskCounts()
    whole.update(prediction, target)
    first.update(prediction[:cut], target[:cut])
    second.update(prediction[cut:], target[cut:])
    torch.testing.assert_close((first + second).state, whole.state)
