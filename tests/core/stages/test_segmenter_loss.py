"""The terms of a segmenter's loss, with one class and with several."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch

from wsmis_core.engine import Term, worker_processes
from wsmis_core.spec.losses import (
    Bce,
    CrossEntropy,
    Dice,
    IntegralAttention,
    Iou,
    Kl,
    LossTerm,
    PredictionCrf,
    outputs_of,
)
from wsmis_core.spec.parts import Pamr
from wsmis_core.stages.outputs import OUTPUTS
from wsmis_core.stages.refinement import crf_probabilities
from wsmis_core.stages.segmenter_loss import TERMS, Refiner, loss_terms

LOSSES: tuple[LossTerm, ...] = (Bce(), IntegralAttention(), CrossEntropy(), Iou(), Dice())


def value(terms: list[Term]) -> float:
    return sum(
        term.weight * term.numerator.item() / (term.denominator.item() + term.epsilon) for term in terms
    )


def test_bce_is_each_class_against_the_rest_and_leaves_unknown_pixels_out() -> None:
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 0, 0, 0] = 10.0
    target = torch.tensor([[[1, 2, 255]]], dtype=torch.uint8)
    (term,) = loss_terms(logits, target, (Bce(),))
    sure = math.log1p(math.exp(-10))
    assert term.denominator.item() == 4  # two known pixels, two classes
    assert term.numerator.item() == pytest.approx(sure + 3 * math.log(2), rel=1e-5)
    # Foreground there is the second pixel's second class alone, and the first one's first.
    (heavy,) = loss_terms(logits, target, (Bce(pos_weight=3),))
    assert heavy.numerator.item() == pytest.approx(3 * sure + 5 * math.log(2), rel=1e-5)


def test_cross_entropy_has_a_background_channel() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0]).view(1, 3, 1, 1)
    expected = logits.softmax(dim=1)[0, 2, 0, 0].item()
    assert value(loss_terms(logits, torch.tensor([[[2]]]), (CrossEntropy(),))) == pytest.approx(
        -math.log(expected)
    )


def test_integral_attention_weighs_a_class_and_the_rest_alike() -> None:
    # Two pixels of class 1, two of background, one unknown; all probabilities are a half.
    target = torch.tensor([[[1, 1, 0, 0, 255]]], dtype=torch.uint8)
    attended, unattended = loss_terms(torch.zeros(1, 2, 1, 5), target, (IntegralAttention(weight=2),))
    assert (attended.denominator.item(), unattended.denominator.item()) == (2, 6)
    assert value([attended]) == value([unattended]) == pytest.approx(2 * math.log(2))


def test_dice_goes_with_either_outputs() -> None:
    # p = .75 and .25 of the only class: overlap .75, sizes 1 and 1.
    target = torch.tensor([[[1, 0]]], dtype=torch.uint8)
    class_logits = torch.tensor([math.log(3), -math.log(3)]).view(1, 1, 1, 2)
    expected = 1 - (2 * 0.75 + 1) / (1 + 1 + 1)
    assert value(loss_terms(class_logits, target, (Dice(),))) == pytest.approx(expected)
    both = torch.cat([torch.zeros_like(class_logits), class_logits], dim=1)
    _, dice = loss_terms(both, target, (CrossEntropy(), Dice()))
    assert value([dice]) == pytest.approx(expected)


def test_weights_are_those_of_the_terms() -> None:
    logits, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[1, 0]]], dtype=torch.uint8)
    terms = loss_terms(logits, target, (Bce(weight=0.5), Dice(weight=4)))
    assert [(term.name, term.weight) for term in terms] == [("bce", 0.5), ("dice", 4)]
    assert value(terms) == pytest.approx(0.5 * math.log(2) + 4 * (1 - 2 / 3))


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("term", LOSSES, ids=lambda term: term.name)
def test_unknown_pixels_move_nothing_and_a_batch_of_them_is_no_division_by_zero(
    term: LossTerm, classes: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    channels = OUTPUTS[outputs_of((term,))].count(classes)
    logits = torch.randn(2, channels, 4, 5, generator=generator, requires_grad=True)
    target = torch.randint(classes + 1, (2, 4, 5), generator=generator).to(torch.uint8)
    target[:, :2] = 255
    for labels in (target, torch.full_like(target, 255)):
        terms = loss_terms(logits, labels, (term,))
        loss = torch.stack([each.numerator / (each.denominator + each.epsilon) for each in terms]).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite()
        assert gradient[:, :, :2].abs().max() == 0
        assert gradient.isfinite().all()
        assert (gradient[:, :, 2:].abs().max() > 0) == (labels is target)


def test_every_term_has_its_maths() -> None:
    assert {*(term.name for term in LOSSES), "kl"} == set(TERMS)


EDGE = torch.full((1, 3, 8, 8), 20, dtype=torch.uint8)  # a dark and a bright half
EDGE[:, :, :, 4:] = 220


@pytest.fixture
def refiner() -> Iterator[Refiner]:
    """On two images; no process is started but for the CRF."""
    with worker_processes() as processes:
        yield Refiner(EDGE.expand(2, -1, -1, -1), processes)


def test_refined_probabilities_follow_the_image_and_stay_probabilities(refiner: Refiner) -> None:
    """What is foreground but for the column beside the edge becomes so up to the edge."""
    foreground = torch.full((2, 8, 8), 0.1)
    foreground[:, :, 5:] = 0.9
    probabilities = torch.stack([1 - foreground, foreground], dim=1)
    by_pamr = refiner(probabilities, Pamr(dilations=(1, 2)))
    image = EDGE[0].permute(1, 2, 0).numpy()
    by_crf = torch.from_numpy(crf_probabilities((probabilities[0].numpy(), image, PredictionCrf())))
    for refined in (by_pamr, by_crf[None]):
        torch.testing.assert_close(refined.sum(dim=1), torch.ones(len(refined), 8, 8))
        assert (refined[:, 1, :, 4] > 0.5).all()
        assert (refined[:, 1, :, 3] < 0.5).all()
    assert torch.equal(by_pamr[0], by_pamr[1])


def test_kl_pulls_the_prediction_to_its_refined_self(refiner: Refiner) -> None:
    logits = torch.zeros(2, 2, 32, 32)
    logits[:, 1, :, 20:] = 4.0  # the fifth of eight columns is background to it, and bright in the image
    logits[:, 1, :, :20] = -4.0
    logits.requires_grad_()
    loss = (CrossEntropy(), Kl(weight=0.5, refine=Pamr(dilations=(1, 2))))
    target = torch.full((2, 32, 32), 255, dtype=torch.uint8)
    known, kl = loss_terms(logits, target, loss, refiner=refiner)
    assert (kl.weight, kl.denominator.item(), known.denominator.item()) == (0.5, 2 * 64, 0)
    (gradient,) = torch.autograd.grad(kl.numerator / kl.denominator, logits)
    # Down the slope, the column becomes foreground; far from the edge nothing changes as much.
    assert (gradient[:, 1, :, 16:20] < 0).all()
    assert gradient[:, 1, :, :8].abs().max() < gradient[:, 1, :, 16:20].abs().min() / 4
