"""Confusion matrix and IoU: the published arrays, by hand, absent classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.metrics import class_dice, class_iou, confusion_matrix, margins

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


@pytest.mark.parametrize("case", ["iou0", "iou1"])
def test_confusion_and_iou_as_published(case: str) -> None:
    with np.load(GOLDEN) as golden:
        arrays = {
            name: torch.from_numpy(golden[name]) for name in golden.files if name.startswith(f"{case}_")
        }
    classes = arrays[f"{case}_logits0"].shape[1]
    matrix = sum(
        confusion_matrix(
            arrays[f"{case}_logits{batch}"].argmax(dim=1), arrays[f"{case}_target{batch}"], classes=classes
        )
        for batch in (0, 1)
    )
    assert isinstance(matrix, torch.Tensor)
    published = arrays[f"{case}_conf"]
    assert torch.equal(matrix, published) or torch.equal(matrix.T, published)
    iou = class_iou(margins(matrix))
    assert iou.tolist() == pytest.approx(arrays[f"{case}_np_per_class"].tolist(), rel=1e-6)
    assert iou.nanmean().item() == pytest.approx(arrays[f"{case}_np_mean"].item(), rel=1e-6)


def test_by_hand_with_ignored_pixels_and_an_absent_class() -> None:
    prediction = torch.tensor([0, 0, 1, 1, 3])
    matrix = confusion_matrix(prediction, torch.tensor([0, 1, 1, 255, 1], dtype=torch.uint8), classes=4)
    assert matrix.tolist() == [[1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert margins(matrix).tolist() == [[1, 2, 1], [1, 1, 3], [0, 0, 0], [0, 1, 0]]
    # Class 0: 1 / 2; class 1: 1 / 3; class 2 nowhere; class 3 predicted once, falsely.
    iou = class_iou(margins(matrix)).tolist()
    assert iou == pytest.approx([0.5, 1 / 3, float("nan"), 0.0], nan_ok=True)
    dice = class_dice(margins(matrix)).tolist()
    assert dice == pytest.approx([2 / 3, 2 / 4, float("nan"), 0.0], nan_ok=True)
