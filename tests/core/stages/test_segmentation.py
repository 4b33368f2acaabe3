"""Losses, probabilities and masks of segmenters with one class and with several."""

from __future__ import annotations

import math

import pytest
import torch

from wsmis_core.stages.outputs import OUTPUTS
from wsmis_core.stages.segmentation import class_ids_of


def test_bce_is_each_class_against_the_rest_and_leaves_unknown_pixels_out() -> None:
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0, 0, 0] = 10.0
    target = torch.tensor([[[1, 2, 255]]], dtype=torch.uint8)
    (term,) = OUTPUTS["bce"].terms(logits, target)
    sure = math.log1p(math.exp(-10))
    assert term.denominator.item() == 4  # two known pixels, two classes
    assert term.numerator.item() == pytest.approx(sure + 3 * math.log(2), rel=1e-5)


def test_cross_entropy_has_a_background_channel() -> None:
    outputs = OUTPUTS["cross_entropy"]
    assert outputs.channels(2) == 3
    logits = torch.tensor([2.0, 1.0, 0.0]).view(1, 3, 1, 1)
    expected = logits.softmax(dim=1)[0, 1:, 0, 0]
    torch.testing.assert_close(outputs.probabilities(logits)[0, :, 0, 0], expected)
    (term,) = outputs.terms(logits, torch.tensor([[[2]]], dtype=torch.uint8))
    assert (term.numerator / term.denominator).item() == pytest.approx(-math.log(expected[1].item()))


def test_a_pixel_gets_the_most_probable_class_above_the_threshold() -> None:
    probability = torch.tensor([[[0.6, 0.4, 0.7]], [[0.2, 0.45, 0.8]]])  # (2, 1, 3)
    assert class_ids_of(probability, threshold=0.5, size=(1, 3)).tolist() == [[1, 0, 2]]
    assert class_ids_of(probability, threshold=0.5, size=(2, 6)).shape == (2, 6)
