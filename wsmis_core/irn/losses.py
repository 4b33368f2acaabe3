"""IRNet's losses as sums and what to divide them by, so that ranks add both up before dividing.

Axes: B batch, h x w cells, h' x w' sources; displacements are (dy, dx).
Source: IRNet, arXiv 1904.05044, sections 4.3 to 4.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wsmis_core.irn.affinity import pair_labels, path_maxima
from wsmis_core.irn.paths import ends

EPSILON = 1e-5

TERMS = (
    "background_affinity",
    "foreground_affinity",
    "different_affinity",
    "foreground_displacement",
    "background_displacement",
)
WEIGHTS = (0.25, 0.25, 0.5, 0.5, 0.5)


@dataclass(frozen=True)
class IrnetLossTerms:
    """Five sums over pairs in the order of ``TERMS``, each (5,), and the number of values in each.

    Both add up over batches and ranks. Only ``numerators`` carry a gradient.
    """

    numerators: Tensor
    denominators: Tensor

    def __add__(self, other: IrnetLossTerms) -> IrnetLossTerms:
        return IrnetLossTerms(self.numerators + other.numerators, self.denominators + other.denominators)


@dataclass(frozen=True)
class IrnetLosses:
    """The five means by the names in ``TERMS``, and the loss to minimise."""

    total: Tensor
    parts: dict[str, Tensor]


def irnet_loss_terms(
    boundary_logits: Tensor, displacement: Tensor, seeds: Tensor, *, radius: int = 10
) -> IrnetLossTerms:
    """Compare the pairs that the network sees as akin with those that the seeds say are.

    Args:
        boundary_logits: (B, 1, h, w), before the sigmoid; h >= radius and w >= 2 · radius - 1.
        displacement: (B, 2, h, w) in cells.
        seeds: (B, h, w) uint8 class ids, 0 background, 255 unknown.
    """
    precision = torch.promote_types(boundary_logits.dtype, torch.float32)
    boundary = boundary_logits.to(precision).sigmoid().squeeze(1)
    numerators, denominators = _PairSums.apply(boundary, displacement.to(precision), seeds, radius)
    return IrnetLossTerms(numerators, denominators)


def combine(terms: IrnetLossTerms) -> IrnetLosses:
    """Divide the sums, of one batch or of all ranks, and weigh the means into one loss.

    ``(bg/2 + fg/2 + different) / 2`` of the affinities and ``(fg + bg) / 2`` of the displacements.
    """
    means = terms.numerators / (terms.denominators + EPSILON)
    total = (means * means.new_tensor(WEIGHTS)).sum()
    return IrnetLosses(total, dict(zip(TERMS, means.unbind(), strict=True)))


class _PairSums(torch.autograd.Function):
    """The five sums, one direction at a time.

    The sums' slopes are taken on the way and kept as maps of cells, so that no tensor of all pairs
    is ever held: there are 152 directions at radius 10.
    """

    @staticmethod
    def forward(
        ctx: Any, boundary: Tensor, displacement: Tensor, seeds: Tensor, radius: int
    ) -> tuple[Tensor, Tensor]:
        batch, height, width = boundary.shape
        cells = height * width
        # The largest rank on a path tells both the strongest boundary and the cell that has it.
        strengths, order = boundary.flatten(1).sort(dim=1)  # (B, h · w)
        ranks = order.argsort(dim=1).int().view(batch, height, width)

        sums = boundary.new_zeros(5)
        counts = boundary.new_zeros(3)
        boundary_slopes = boundary.new_zeros(batch, 3 * cells)  # by label and rank
        displacement_slopes = displacement.new_zeros(2, *displacement.shape)  # fg, bg
        start = ends(displacement, (0, 0), radius=radius)  # (B, 2, h', w')
        slopes_at_start = ends(displacement_slopes, (0, 0), radius=radius)

        for path, ranks_of_strongest in path_maxima(ranks, radius=radius):
            labels = pair_labels(seeds, path.destination, radius=radius)
            masks = torch.stack(labels).to(boundary.dtype)  # (3, B, h', w')
            counts += masks.sum(dim=(1, 2, 3))

            rank = ranks_of_strongest.flatten(1).long()  # (B, h' · w')
            strongest = strengths.gather(1, rank).view_as(masks[0])
            different = labels.different
            # Akin pairs want a weak boundary between them: -log(a + ε), a = 1 - strongest.
            # Different ones want a strong one: -log(1 + ε - a).
            likelihood = torch.where(different, strongest, 1 - strongest) + EPSILON
            sums[:3] -= (masks * likelihood.log()).sum(dim=(1, 2, 3))
            slope = (masks[0] + masks[1] - masks[2]) / likelihood
            place = (labels.foreground + 2 * different.long()).flatten(1) * cells
            boundary_slopes.scatter_add_(1, place + rank, slope.flatten(1))

            # Two cells of one object should point to one centre: their displacements differ by the way from
            # one to the other. Background has no centre: its displacements should not differ.
            way = displacement.new_tensor(path.destination).view(2, 1, 1)
            foreground, background = masks[1].unsqueeze(1), masks[0].unsqueeze(1)  # (B, 1, h', w')
            error = start - ends(displacement, path.destination, radius=radius)  # (B, 2, h', w')
            error -= foreground * way
            slopes_at_end = ends(displacement_slopes, path.destination, radius=radius)
            sign = error.sign()
            for kind, mask in enumerate((foreground, background)):
                slope = sign * mask
                sums[3 + kind] += (slope * error).sum()
                slopes_at_start[kind] += slope
                slopes_at_end[kind] -= slope

        by_cell = torch.empty_like(boundary_slopes).view(batch, 3, cells)
        by_cell.scatter_(2, order.unsqueeze(1).expand_as(by_cell), boundary_slopes.view_as(by_cell))
        ctx.save_for_backward(by_cell.view(batch, 3, height, width), displacement_slopes)
        background, foreground, different_pairs = counts
        denominators = torch.stack([background, foreground, different_pairs, 2 * foreground, 2 * background])
        ctx.mark_non_differentiable(denominators)
        return sums, denominators

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None, None]:
        boundary_slopes, displacement_slopes = ctx.saved_tensors
        boundary = (boundary_slopes * gradient[:3].view(3, 1, 1)).sum(dim=1)
        displacement = (displacement_slopes * gradient[3:].view(2, 1, 1, 1, 1)).sum(dim=0)
        return boundary, displacement, None, None
