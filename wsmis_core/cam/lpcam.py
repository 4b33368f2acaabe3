"""LPCAM: class activation maps from clusters of local features instead of the classifier's weights.

Axes: C classes, K channels, N cells of many images, P prototypes, h x w feature cells.
Source: Chen & Sun, CVPR 2023, arXiv 2303.10334, sections 3.2 and 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Prototypes", "choose_prototypes", "class_scores", "cosine_clusters", "direction"]

_MOST_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Cluster centres (P, K) that stand for a class, and such that stand for what comes along with it."""

    foreground: Tensor
    context: Tensor


def cosine_clusters(cells: Tensor, count: int, *, rng: np.random.Generator) -> Tensor:
    """Centres of k-means with cosine distance.

    Each cell goes to the centre at the smallest angle, each centre is the mean of its raw cells, until
    no cell moves (or after 100 rounds). The first centres are cells drawn one after the other with odds
    of their distance to the nearest before (k-means++). A cluster that is left without cells is dropped,
    so there may be fewer than ``count``.

    Args:
        cells: (N, K), none of them negative all over; N may be 0.

    Returns:
        (P, K), P of ``count`` at most.
    """
    unit = F.normalize(cells, dim=1)
    centres = cells[_first_centres(unit, count, rng)]
    assigned = torch.full((len(cells),), -1, device=cells.device)
    for _ in range(_MOST_ITERATIONS if len(cells) else 0):
        nearest = (unit @ F.normalize(centres, dim=1).T).argmax(dim=1)  # (N,)
        members = F.one_hot(nearest, len(centres)).to(cells.dtype)  # (N, P)
        sizes = members.sum(dim=0)
        centres = (members.T @ cells)[sizes > 0] / sizes[sizes > 0, None]
        if torch.equal(nearest, assigned):
            break
        assigned = nearest if (sizes > 0).all() else torch.full_like(nearest, -1)
    return centres


def _first_centres(unit: Tensor, count: int, rng: np.random.Generator) -> list[int]:
    """Places of cells that lie in different directions."""
    if not len(unit):
        return []
    chosen = [int(rng.integers(len(unit)))]
    distance = torch.full((len(unit),), torch.inf, dtype=torch.float64, device=unit.device)
    while len(chosen) < count:
        distance = torch.minimum(distance, (1 - unit @ unit[chosen[-1]]).double())
        odds = torch.where(distance > _SAME, distance, 0).cumsum(0).cpu().numpy()
        if odds[-1] == 0:
            break
        chosen.append(int(np.searchsorted(odds, rng.random() * odds[-1], side="right")))
    return chosen


# Cosine distances below it are rounding.
_SAME = 1e-6


def class_scores(centres: Tensor, weight: Tensor, class_index: int) -> Tensor:
    """How sure (P,) the rows of the head are that the centres (P, K) are of a class.

    Softmax over the C classes of ``weight`` (C, K); with one class, where that says nothing, the sigmoid.
    As published, the head's bias is left out.
    """
    logits = F.linear(centres, weight)  # (P, C)
    if len(weight) == 1:
        return logits[:, 0].sigmoid()
    return logits.softmax(dim=1)[:, class_index]


def choose_prototypes(
    foreground: Tensor,
    background: Tensor,
    *,
    foreground_scores: Tensor,
    background_scores: Tensor,
    class_score: float = 0.9,
    context_scores: tuple[float, float] = (0.05, 0.9),
) -> Prototypes:
    """The centres of foreground that are surely the class, and those of background that may seem so.

    Where none is scored over ``class_score``, the best stands for the class. There may be no context.

    Args:
        foreground: (P, K), P of 1 at least, with scores (P,).
        background: (Q, K), with scores (Q,).
    """
    surely = foreground_scores > class_score
    if not surely.any():
        surely[foreground_scores.argmax()] = True
    low, high = context_scores
    return Prototypes(foreground[surely], background[(background_scores > low) & (background_scores < high)])


def direction(prototypes: Prototypes) -> Tensor:
    """The vector v (K,) with ``f · v / |f| = mean_i cos(f, F_i) - mean_j cos(f, B_j)`` for any features f.

    So LPCAM's maps are those of `cam` with these weights on features divided by their length.
    """
    towards = F.normalize(prototypes.foreground, dim=1).mean(dim=0)
    if not len(prototypes.context):
        return towards
    return towards - F.normalize(prototypes.context, dim=1).mean(dim=0)
