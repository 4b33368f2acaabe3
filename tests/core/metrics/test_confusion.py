"""Confusion matrix and IoU: the published arrays, by hand, absent classes, sums over parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.metrics import ConfusionCounts

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


@pytest.mark.parametrize("case", ["iou0", "iou1"])
def test_confusion_and_iou_as_published(case: str) -> None:
    with np.load(GOLDEN) as golden:
        arrays = {
            name: torch.from_numpy(golden[name]) for name in golden.files if name.startswith(f"{case}_")
        }
    counts = ConfusionCounts(classes=arrays[f"{case}_logits0"].shape[1])
    for batch in (0, 1):
        counts.update(arrays[f"{case}_logits{batch}"].argmax(dim=1), arrays[f"{case}_target{batch}"])
    published = arrays[f"{case}_conf"]
    assert torch.equal(counts.matrix, published) or torch.equal(counts.matrix.T, published)
    iou = counts.iou()
    assert iou.mean == pytest.approx(arrays[f"{case}_np_mean"].item(), rel=1e-6)
    assert iou.by_class == pytest.approx(arrays[f"{case}_np_per_class"].tolist(), rel=1e-6)
    assert iou.absent == ()


def test_by_hand_with_ignored_pixels_and_an_absent_class() -> None:
    counts = ConfusionCounts(classes=4)
    counts.update(torch.tensor([0, 0, 1, 1, 3]), torch.tensor([0, 1, 1, 255, 1], dtype=torch.uint8))
    assert counts.matrix.tolist() == [[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    iou = counts.iou()
    # Class 0: 1 / 2; class 1: 1 / 3; class 2 nowhere; class 3 predicted once, falsely.
    assert iou.by_class == (0.5, 1 / 3, None, 0.0)
    assert iou.mean == pytest.approx((0.5 + 1 / 3) / 3)
    assert iou.absent == (2,)


def test_nothing_counted_has_no_mean() -> None:
    iou = ConfusionCounts(classes=2).iou()
    assert iou.mean is None
    assert iou.absent == (0, 1)


def test_counts_add_up_over_parts_and_ranks() -> None:
    prediction, target = torch.randint(0, 3, (2, 4, 5)), torch.randint(0, 3, (2, 4, 5))
    whole, first, second = (ConfusionCounts(classes=3) for _ in range(3))
    whole.update(prediction, target)
    first.update(prediction[0], target[0])
    second.update(prediction[1], target[1])
    assert torch.equal((first + second).matrix, whole.matrix)
    assert torch.equal(first.summed(lambda state: state + second.state).matrix, whole.matrix)
    assert first.matrix.sum() == 20
