"""Losses: the published values and gradients, numbers worked by hand, ignored pixels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.models.losses import (
    LossSum,
    bce_with_logits,
    cross_entropy,
    integral_attention,
    kl_divergence,
    multilabel_soft_margin,
    pixel_bce,
    soft_dice,
    soft_iou,
)

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    with np.load(GOLDEN) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def mean(loss: LossSum) -> Tensor:
    return loss.numerator / loss.denominator


def test_image_bce_as_published(golden: dict[str, Tensor]) -> None:
    loss = bce_with_logits(golden["bce_pred"], golden["bce_true"], pos_weight=golden["bce_pos_weight"].item())
    torch.testing.assert_close(mean(loss), golden["bce_adapter_loss"], rtol=1e-6, atol=0)
    torch.testing.assert_close(loss.numerator, golden["bce_map"].sum(), rtol=1e-6, atol=0)


def test_multilabel_soft_margin_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(4, 3, generator=generator), torch.randint(2, (4, 3), generator=generator)
    expected = torch.nn.functional.multilabel_soft_margin_loss(logits, labels.float())
    torch.testing.assert_close(mean(multilabel_soft_margin(logits, labels)), expected)
    # An unknown label takes its own loss out of the mean, and nothing else.
    unknown = labels.clone().float()
    unknown[0, 0] = -1
    left = multilabel_soft_margin(logits, unknown)
    all_but_one = (
        multilabel_soft_margin(logits, labels).numerator * 3
        - bce_with_logits(logits[:1, :1], labels[:1, :1].float()).numerator
    )
    torch.testing.assert_close(mean(left), all_but_one / 11)


def test_image_bce_without_the_unknown_labels() -> None:
    logits = torch.tensor([[0.0, 2.0], [5.0, 0.0]], requires_grad=True)
    loss = bce_with_logits(logits, torch.tensor([[1.0, 0.0], [-1.0, 1.0]]), pos_weight=3.0)
    # Three known labels of two classes are one and a half images.
    assert loss.denominator.item() == 1.5
    assert loss.numerator.item() == pytest.approx(2 * 3 * math.log(2) + math.log(1 + math.exp(2)))
    (gradient,) = torch.autograd.grad(loss.numerator, logits)
    assert gradient[1, 0].item() == 0
    assert gradient.count_nonzero() == 3
    nothing = bce_with_logits(logits, torch.full((2, 2), -1.0))
    assert (nothing.numerator.item(), nothing.denominator.item()) == (0, 0)


def test_image_bce_by_hand() -> None:
    loss = bce_with_logits(torch.zeros(3, 2), torch.tensor([[0, 1], [1, 1], [0, 0]]))
    assert mean(loss).item() == pytest.approx(2 * math.log(2))


def test_cross_entropy_as_published(golden: dict[str, Tensor]) -> None:
    loss = cross_entropy(golden["ce_pred"], golden["ce_true"])
    torch.testing.assert_close(mean(loss), golden["ce_ignore255"], rtol=1e-6, atol=0)


def test_soft_iou_and_its_gradient_as_published(golden: dict[str, Tensor]) -> None:
    logits = golden["iouloss_pred"].requires_grad_()
    loss = mean(soft_iou(logits, golden["iouloss_true"]))
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(loss.detach(), golden["iouloss"], rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient, golden["iouloss_grad"], rtol=1e-5, atol=1e-8)


def test_integral_attention_and_its_gradient_as_published(golden: dict[str, Tensor]) -> None:
    logits = golden["ial_pred"].requires_grad_()
    parts = integral_attention(logits, golden["ial_true"])
    loss = mean(parts.attended) + mean(parts.unattended)
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(loss.detach(), golden["ial"], rtol=1e-6, atol=0)
    # The published log(1 - sigmoid) rounds where the logit is large.
    torch.testing.assert_close(gradient, golden["ial_grad"], rtol=1e-5, atol=5e-7)


def test_integral_attention_counts_known_cells_only() -> None:
    # Probabilities .5, .25, .75, .5; the last cell is unknown.
    logits = torch.tensor([0.0, -math.log(3), math.log(3), 0.0]).view(1, 1, 1, 4)
    attention = torch.tensor([0.5, 0.0, 0.0, 1.0]).view(1, 1, 1, 4)
    known = torch.tensor([True, True, True, False]).view(1, 1, 1, 4)
    parts = integral_attention(logits, attention, known=known)
    assert mean(parts.attended).item() == pytest.approx(0.5 * math.log(2))
    assert mean(parts.unattended).item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_kl_divergence_by_hand() -> None:
    # p = (.5, .5) and (.25, .75); q = (.25, .75) and (1, 0); the mean over two pixels.
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]]).view(1, 2, 1, 2).requires_grad_()
    wanted = torch.tensor([[0.25, 1.0], [0.75, 0.0]]).view(1, 2, 1, 2).requires_grad_()
    loss = mean(kl_divergence(logits, wanted))
    first = 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5)
    assert loss.item() == pytest.approx((first + math.log(1 / 0.25)) / 2)
    gradient, none = torch.autograd.grad(loss, (logits, wanted), allow_unused=True)
    # The gradient of a softmax's cross entropy is p - q, over the pixels.
    assert gradient.flatten().tolist() == pytest.approx([0.125, -0.375, -0.125, 0.375])
    assert none is None


def test_pixel_bce_by_hand() -> None:
    # Probabilities .5, .5, .75; the last pixel is ignored.
    logits = torch.tensor([[[0.0, 0.0, math.log(3), 9.0]]])
    target = torch.tensor([[[0, 1, 1, 255]]], dtype=torch.uint8)
    loss = pixel_bce(logits, target)
    assert loss.denominator.item() == 3
    assert loss.numerator.item() == pytest.approx(2 * math.log(2) + math.log(4 / 3))
    weighted = pixel_bce(logits, target, pos_weight=2)
    assert weighted.numerator.item() == pytest.approx(3 * math.log(2) + 2 * math.log(4 / 3))


def test_soft_dice_by_hand() -> None:
    # p = .5, .75, and an ignored pixel: overlap .75, sizes 1.25 and 1: 1 - 2.5 / 3.25.
    logits = torch.tensor([[[0.0, math.log(3), 5.0]]])
    target = torch.tensor([[[0, 3, 255]]], dtype=torch.uint8)
    assert mean(soft_dice(logits.sigmoid(), target)).item() == pytest.approx(1 - 2.5 / 3.25)


def test_soft_dice_has_a_gradient_and_forgives_empty_masks() -> None:
    logits = torch.zeros(2, 3, 3, requires_grad=True)
    target = torch.zeros(2, 3, 3, dtype=torch.uint8)
    target[0, 1, 1] = 1
    loss = soft_dice(logits.sigmoid(), target)
    (gradient,) = torch.autograd.grad(loss.numerator, logits)
    assert gradient[0, 1, 1] < 0
    assert gradient[0, 0, 0] > 0
    assert soft_dice(torch.zeros(1, 3, 3), target[1:]).numerator.item() == 0


@pytest.mark.parametrize(
    "loss", [pixel_bce, lambda logits, target: soft_dice(logits.sigmoid(), target)], ids=["bce", "dice"]
)
def test_ignored_pixels_have_no_gradient_and_parts_add_up(loss: object) -> None:
    assert callable(loss)
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([0, 1, 255], dtype=torch.uint8)[torch.randint(3, (4, 5, 6), generator=generator)]
    whole = loss(logits, target)
    parts = [loss(logits[:1], target[:1]), loss(logits[1:], target[1:])]
    torch.testing.assert_close(parts[0].numerator + parts[1].numerator, whole.numerator)
    assert parts[0].denominator + parts[1].denominator == whole.denominator
    (gradient,) = torch.autograd.grad(whole.numerator, logits)
    assert gradient[target == 255].abs().max() == 0
    assert gradient[target != 255].abs().min() > 0


def test_class_losses_ignore_pixels() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 3, 4, 4, generator=generator, requires_grad=True)
    target = torch.tensor([0, 1, 2, 255], dtype=torch.uint8)[torch.randint(4, (2, 4, 4), generator=generator)]
    for loss in (cross_entropy(logits, target), soft_iou(logits, target)):
        (gradient,) = torch.autograd.grad(loss.numerator, logits)
        assert gradient.movedim(1, -1)[target == 255].abs().max() == 0
    everything_ignored = soft_iou(logits, torch.full_like(target, 255))
    assert everything_ignored.numerator.isfinite()
