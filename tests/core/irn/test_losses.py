"""IRNet's losses: the published arrays, the plain formulas pair by pair, and numbers worked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.irn import TERMS, IrnetLossTerms, combine, irnet_loss_terms, search_paths

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "03_loss_feat32x32.npz"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_and_gradients_as_published(dtype: torch.dtype) -> None:
    with np.load(GOLDEN) as golden:
        arrays = {name: golden[name] for name in golden.files}
    logits = torch.from_numpy(arrays["edge_out"]).to(dtype).requires_grad_()
    displacement = torch.from_numpy(arrays["dp_out"]).to(dtype).requires_grad_()
    terms = irnet_loss_terms(logits, displacement, torch.from_numpy(arrays["label"]), radius=10)
    losses = combine(terms)

    counts = [float(arrays[name]) for name in ("n_pos_bg", "n_pos_fg", "n_neg")]
    assert terms.denominators.tolist() == [*counts, 2 * counts[1], 2 * counts[0]]
    assert losses.total.item() == pytest.approx(float(arrays["total_loss_f64"]), rel=1e-6)
    parts = {name: part.item() for name, part in losses.parts.items()}
    akin = (parts["background_affinity"] + parts["foreground_affinity"]) / 2
    assert parts["background_affinity"] == pytest.approx(float(arrays["bg_pos_aff_loss"]), rel=1e-6)
    assert akin == pytest.approx(float(arrays["loss1_pos_aff_f64"]), rel=1e-6)
    assert parts["different_affinity"] == pytest.approx(float(arrays["loss2_neg_aff_f64"]), rel=1e-6)
    assert parts["foreground_displacement"] == pytest.approx(float(arrays["loss3_dp_fg_f64"]), rel=1e-6)
    assert parts["background_displacement"] == pytest.approx(float(arrays["loss4_dp_bg_f64"]), rel=1e-6)

    gradients = torch.autograd.grad(losses.total, [logits, displacement])
    for gradient, name in zip(gradients, ("grad_edge_out", "grad_dp_out"), strict=True):
        # The published gradients are single precision: 1e-5 of the largest.
        np.testing.assert_allclose(gradient, arrays[name], rtol=1e-5, atol=1e-5 * np.abs(arrays[name]).max())


def numerators_by_pairs(boundary: Tensor, displacement: Tensor, seeds: Tensor, radius: int) -> Tensor:
    """The formulas of the paper, one pair at a time, left to autograd."""
    height, width = seeds.shape
    sums = [boundary.new_zeros(()) for _ in TERMS]
    for path in search_paths(radius):
        dy, dx = path.destination
        way = boundary.new_tensor(path.destination)
        for y in range(height - radius + 1):
            for x in range(radius - 1, width - radius + 1):
                here, there = int(seeds[y, x]), int(seeds[y + dy, x + dx])
                if 255 in (here, there):
                    continue
                affinity = 1 - torch.stack([boundary[y + cy, x + cx] for cy, cx in path.cells]).max()
                difference = displacement[:, y, x] - displacement[:, y + dy, x + dx]
                if here != there:
                    sums[2] = sums[2] - (1 + 1e-5 - affinity).log()
                elif here == 0:
                    sums[0] = sums[0] - (affinity + 1e-5).log()
                    sums[4] = sums[4] + difference.abs().sum()
                else:
                    sums[1] = sums[1] - (affinity + 1e-5).log()
                    sums[3] = sums[3] + (difference - way).abs().sum()
    return torch.stack(sums)


def test_every_sum_and_its_gradient_as_by_pairs() -> None:
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, 1, 6, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    displacement = torch.randn(2, 2, 6, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    seeds = torch.tensor([0, 0, 3, 3, 7, 255], dtype=torch.uint8)
    seeds = seeds[torch.randint(6, (2, 6, 8), generator=generator)]
    terms = irnet_loss_terms(logits, displacement, seeds, radius=4)
    by_pairs = [numerators_by_pairs(logits[b, 0].sigmoid(), displacement[b], seeds[b], 4) for b in range(2)]
    expected = by_pairs[0] + by_pairs[1]
    torch.testing.assert_close(terms.numerators, expected)
    for ours, theirs in zip(terms.numerators, expected, strict=True):
        gradients, expected_gradients = (
            torch.autograd.grad(
                value, [logits, displacement], retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for value in (ours, theirs)
        )
        torch.testing.assert_close(gradients, expected_gradients)


def test_one_pair_by_hand() -> None:
    # Radius 2 on 2 x 3 cells: one source, (0, 1), whose only known destination is (0, 2).
    seeds = torch.tensor([[[255, 5, 5], [255, 255, 255]]], dtype=torch.uint8)
    logits = torch.zeros(1, 1, 2, 3)
    logits[..., 0, 2] = math.log(3)  # sigmoid .75, so the affinity is .25
    displacement = torch.zeros(1, 2, 2, 3)
    displacement[0, :, 0, 1] = torch.tensor([0.5, 2.0])  # differs from (0, 1) by (.5, 1)
    terms = irnet_loss_terms(logits, displacement, seeds, radius=2)
    expected = torch.tensor([0.0, -math.log(0.25 + 1e-5), 0.0, 1.5, 0.0])
    torch.testing.assert_close(terms.numerators, expected)
    assert terms.denominators.tolist() == [0, 1, 0, 2, 0]
    # -log(.25) / 4 + 1.5 / 2 / 2
    assert combine(terms).total.item() == pytest.approx(math.log(4) / 4 + 0.375, abs=1e-4)


def test_terms_of_parts_add_up_to_the_terms_of_the_whole() -> None:
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(3, 1, 8, 9, generator=generator, dtype=torch.float64)
    displacement = torch.randn(3, 2, 8, 9, generator=generator, dtype=torch.float64)
    seeds = torch.randint(0, 3, (3, 8, 9), generator=generator, dtype=torch.uint8)
    whole = irnet_loss_terms(logits, displacement, seeds, radius=4)
    parts = irnet_loss_terms(logits[:1], displacement[:1], seeds[:1], radius=4) + irnet_loss_terms(
        logits[1:], displacement[1:], seeds[1:], radius=4
    )
    torch.testing.assert_close(parts.numerators, whole.numerators)
    assert torch.equal(parts.denominators, whole.denominators)


def test_seeds_that_know_nothing_give_no_loss_and_no_gradient() -> None:
    logits = torch.randn(1, 1, 5, 7, requires_grad=True)
    displacement = torch.randn(1, 2, 5, 7, requires_grad=True)
    terms = irnet_loss_terms(logits, displacement, torch.full((1, 5, 7), 255, dtype=torch.uint8), radius=3)
    total = combine(terms).total
    gradients = torch.autograd.grad(total, [logits, displacement])
    assert total.item() == 0
    assert all(gradient.abs().max() == 0 for gradient in gradients)


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_saturated_boundaries_stay_finite(logit: float) -> None:
    logits = torch.full((1, 1, 5, 7), logit, requires_grad=True)
    seeds = torch.randint(0, 2, (1, 5, 7), dtype=torch.uint8)
    total = combine(irnet_loss_terms(logits, torch.zeros(1, 2, 5, 7), seeds, radius=3)).total
    (gradient,) = torch.autograd.grad(total, logits)
    assert total.isfinite()
    assert gradient.isfinite().all()


def test_half_precision_is_summed_in_single() -> None:
    seeds = torch.randint(0, 2, (1, 5, 7), dtype=torch.uint8)
    logits = torch.zeros(1, 1, 5, 7, dtype=torch.bfloat16, requires_grad=True)
    displacement = torch.zeros(1, 2, 5, 7, dtype=torch.bfloat16)
    terms = irnet_loss_terms(logits, displacement, seeds, radius=3)
    assert terms.numerators.dtype == torch.float32
    (gradient,) = torch.autograd.grad(combine(terms).total, logits)
    assert gradient.dtype == torch.bfloat16


def test_means_divide_what_ranks_have_added_up() -> None:
    terms = IrnetLossTerms(
        numerators=torch.tensor([2.0, 6.0, 8.0, 10.0, 0.0]),
        denominators=torch.tensor([1.0, 2.0, 4.0, 5.0, 0.0]),
    )
    losses = combine(terms)
    # ((2 + 3) / 2 + 2) / 2 + (2 + 0) / 2
    assert losses.total.item() == pytest.approx(3.25, rel=1e-4)
    assert tuple(losses.parts) == TERMS
    assert losses.parts["foreground_affinity"].item() == pytest.approx(3, rel=1e-4)
