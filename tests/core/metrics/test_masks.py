"""Masks of a class: three kinds of Dice by hand, the published counts, empty masks, several classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.metrics import image_counts, mask_scores
from wsmis_core.metrics.masks import MASK_COUNTS

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


def scores(*images: tuple[list[int], list[int]]) -> dict[str, float]:
    """Of one class, over images of predicted and true pixels, 255 not counted."""
    sums = torch.zeros(1, MASK_COUNTS, dtype=torch.float64)
    for predicted, true in images:
        target = torch.tensor([true])
        sums += image_counts(torch.tensor([predicted], dtype=torch.uint8), (target == 1)[None], target != 255)
    return {name: value.item() for name, value in mask_scores(sums).items()}


def test_the_three_dice_by_hand() -> None:
    found = scores(([1, 1, 0, 0], [1, 0, 1, 1]), ([0, 0, 0, 0], [0, 0, 0, 0]), ([1, 0, 0, 0], [0, 0, 0, 255]))
    # Images: 1 hit, 1 false alarm, 2 misses -> 2 / 5; both empty -> 1; 1 false alarm -> 0.
    assert found == pytest.approx(
        {
            "dice_per_image": (0.4 + 1 + 0) / 3,
            "dice_positives": 0.4,
            "dice_pooled": 2 / (2 + 2 + 2),
            "iou": 1 / 5,
            "precision": 1 / 3,
            "recall": 1 / 3,
        }
    )


def test_pixels_that_are_not_known_count_for_nothing() -> None:
    found = scores(([1, 1], [255, 1]))
    assert set(found.values()) == {1.0}


def test_nothing_to_measure_and_nothing_found() -> None:
    nothing = scores(([0, 0], [0, 0]), ([0, 0], [0, 0]))
    assert nothing["dice_per_image"] == 1
    assert np.isnan([nothing[name] for name in ("dice_pooled", "dice_positives", "iou", "precision")]).all()
    missed = scores(([0, 0], [1, 1]))
    assert (missed["precision"], missed["recall"], missed["dice_positives"]) == (0, 0, 0)
    made_up = scores(([1, 0], [0, 0]))
    assert (made_up["precision"], made_up["recall"], made_up["dice_per_image"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("said", "true", "per_image", "positives"),
    [
        ([255, 255], [1, 0], np.nan, np.nan),  # nothing is said
        ([255, 255], [0, 0], np.nan, np.nan),
        ([255, 0], [1, 0], np.nan, np.nan),  # nothing is said of the object, and nothing wrong
        ([255, 1], [1, 0], 0, 0),  # nothing is said of it, and something wrong
        ([255, 0], [0, 0], 1, np.nan),  # both are empty
        ([0, 0], [255, 255], np.nan, np.nan),  # nothing is known
    ],
)
def test_silence_is_no_score(said: list[int], true: list[int], per_image: float, positives: float) -> None:
    found = scores((said, true))
    assert found["dice_per_image"] == pytest.approx(per_image, nan_ok=True)
    assert found["dice_positives"] == pytest.approx(positives, nan_ok=True)
    beside = scores((said, true), ([1, 0], [1, 1]))  # whose Dice is 2 / 3
    expected = [2 / 3] if np.isnan(per_image) else [2 / 3, per_image]
    assert beside["dice_per_image"] == pytest.approx(np.mean(expected))


def test_several_classes_that_may_overlap() -> None:
    labels = torch.tensor([[1, 2, 2, 0]], dtype=torch.uint8)
    truth = torch.tensor([[[1, 1, 0, 0]], [[0, 1, 1, 1]], [[0, 0, 0, 0]]], dtype=torch.bool)
    counts = image_counts(labels, truth, torch.ones(1, 4, dtype=torch.bool))
    # Class 1: hit, miss; class 2: two hits, a miss; class 3 nowhere.
    assert counts[:, :4].tolist() == [[1, 0, 1, 1], [2, 0, 1, 1], [0, 0, 0, 1]]
    assert counts[:, 4:7].tolist() == [[1, 1, 1], [1, 1, 1], [0, 1, 0]]
    assert counts[:, 7].tolist() == pytest.approx([2 / 3, 4 / 5, 1])
    assert counts[:, 8].tolist() == pytest.approx([2 / 3, 4 / 5, 0])


def test_as_published() -> None:
    with np.load(GOLDEN) as golden:
        arrays = {name: golden[name] for name in golden.files if name.startswith("bf1_")}
    sums = torch.zeros(1, MASK_COUNTS, dtype=torch.float64)
    for batch in (0, 1):
        # The published code takes 255 for foreground.
        for prediction, target in zip(
            arrays[f"bf1_pred{batch}"][:, 0] > 0, arrays[f"bf1_true{batch}"] > 0, strict=True
        ):
            truth: Tensor = torch.from_numpy(target)
            sums += image_counts(
                torch.from_numpy(prediction).to(torch.uint8), truth[None], torch.ones_like(truth)
            )
    found = mask_scores(sums)
    for name, published in {
        "dice_pooled": "positive_score",
        "precision": "precision",
        "recall": "recall",
        "iou": "jaccard",
    }.items():
        assert found[name].item() == pytest.approx(float(arrays[f"bf1_{published}"]), rel=1e-6)
