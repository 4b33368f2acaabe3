"""Curves: every threshold against labels cut at it, the best one, sums over ranks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsmis_core.metrics import CURVE_SCORES, CurveCounts, ImageTable, Truth


def images(seed: int, *, count: int = 3, classes: int = 2) -> list[tuple[torch.Tensor, torch.Tensor, Truth]]:
    """Strengths, classes and truth of random images of 5 x 4 pixels, some of them not known."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.rand(5, 4, generator=generator),
            torch.randint(1, classes + 1, (5, 4), generator=generator, dtype=torch.uint8),
            Truth(
                torch.rand(classes, 5, 4, generator=generator)
                < 0.1 * torch.arange(1, classes + 1)[:, None, None],
                torch.rand(5, 4, generator=generator) < 0.9,
            ),
        )
        for _ in range(count)
    ]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 255))
def test_each_threshold_is_as_if_labels_were_cut_there(seed: int, number: int) -> None:
    some = images(seed)
    some[0][0][:2] = number / 256  # exactly at the threshold: not over it
    curve, table = CurveCounts(2), ImageTable(len(some), 2)
    threshold = curve.thresholds[number]
    for image, (strengths, class_ids, truth) in enumerate(some):
        curve.update(strengths, class_ids, truth)
        table.enter(image, torch.where(strengths > threshold, class_ids, 0).to(torch.uint8), truth)
    direct = table.scores().overall
    for name, values in curve.scores().items():
        assert values[number].item() == pytest.approx(direct[name].item(), nan_ok=True), name


def test_the_best_threshold_by_hand() -> None:
    curve = CurveCounts(1)
    strengths = torch.tensor([[0.9, 0.6, 0.3, 0.0]])
    truth = Truth(torch.tensor([[[True, True, False, False]]]), torch.ones(1, 4, dtype=torch.bool))
    curve.update(strengths, torch.ones(1, 4, dtype=torch.uint8), truth)
    # Whole from 77/256, the first not below .3, to 153/256, the last below .6.
    best = curve.best("dice_positives")
    assert best is not None
    assert (best.threshold, best.score) == (115 / 256, 1.0)
    scores = curve.scores()
    assert scores["iou"][[0, 76, 77, 153, 154, 231]].tolist() == pytest.approx([2 / 3, 2 / 3, 1, 1, 0.5, 0])
    assert scores["mean_iou"][0].item() == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_without_an_object_there_is_no_best() -> None:
    curve = CurveCounts(1)
    empty = Truth(torch.zeros(1, 2, 2, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool))
    curve.update(torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.uint8), empty)
    assert curve.best("dice_positives") is None
    assert curve.scores()["dice_per_image"].eq(1).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 4))
def test_curves_of_ranks_add_up(seed: int, cut: int) -> None:
    whole, first, second = CurveCounts(2), CurveCounts(2), CurveCounts(2)
    for number, (strengths, class_ids, truth) in enumerate(images(seed, count=4)):
        for curve in (whole, first if number < cut else second):
            curve.update(strengths, class_ids, truth)
    together = first.summed(lambda state: state + second.state).scores()
    for name in CURVE_SCORES:
        torch.testing.assert_close(together[name], whole.scores()[name], equal_nan=True)
