"""The guard around refinement: what it would erase is kept as it was, and counted.

Axes: C classes, h x w cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class GuardedMaps:
    """Soft maps (C, h, w), and for how many classes the unrefined map was kept."""

    maps: Tensor
    kept_unrefined: int


@dataclass(frozen=True)
class GuardedLabels:
    """Class ids (h, w) uint8, and for how many classes the unrefined map was kept."""

    labels: Tensor
    kept_unrefined: int


def guarded_maps(
    maps: Tensor, refined: Tensor, label: Callable[[Tensor], Tensor], *, class_ids: Sequence[int]
) -> GuardedMaps:
    """Refined maps, but the unrefined map of each class that would otherwise vanish.

    A class vanishes where ``label(maps)`` has it and the labels of the refined maps do not. The
    labels of the result have every class that ``label(maps)`` has.

    Args:
        maps: (C, h, w) before refinement.
        refined: (C, h, w).
        label: soft maps (C, h, w) to class ids (h, w) uint8.
        class_ids: the ids that ``label`` gives to the C maps.
    """
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=maps.device)
    present = torch.isin(ids, label(maps))
    kept = torch.zeros_like(present)
    while True:
        guarded = torch.where(kept[:, None, None], maps, refined)
        lost = present & ~torch.isin(ids, label(guarded))
        if not lost.any():
            return GuardedMaps(guarded, int(kept.sum()))
        # A class that is lost although its own map was kept is covered by a refined one: keep all.
        kept = kept | lost if (lost & ~kept).any() else torch.ones_like(kept)


def guarded_labels(
    maps: Tensor, refined: Tensor, label: Callable[[Tensor], Tensor], *, class_ids: Sequence[int]
) -> GuardedLabels:
    """The labels of `guarded_maps`."""
    guarded = guarded_maps(maps, refined, label, class_ids=class_ids)
    return GuardedLabels(label(guarded.maps), guarded.kept_unrefined)


def restored_labels(labels: Tensor, refined: Tensor, *, class_ids: Sequence[int]) -> GuardedLabels:
    """Refined labels, in which a class that has vanished has the cells again that it had before.

    Args:
        labels: (h, w) uint8 before refinement.
        refined: (h, w) uint8.
    """
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=labels.device)
    present = torch.isin(ids, labels)
    kept = torch.zeros_like(present)
    while True:
        restored = torch.where(torch.isin(labels, ids[kept]), labels, refined)
        lost = present & ~torch.isin(ids, restored)
        if not lost.any():
            return GuardedLabels(restored, int(kept.sum()))
        kept |= lost  # what is restored may cover all that is left of another class
