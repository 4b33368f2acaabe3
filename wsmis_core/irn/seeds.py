"""Seeds for IRNet (IR labels): confident foreground, confident background, and nothing in between.

A label pair is two maps of indices, 0 background and 1..C the maps' classes in their order: the first
cut where a class is sure, the second where background is.

Axes: C classes, h x w cells.
Source: IRNet, arXiv 1904.05044, section 4.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from wsmis_core.irn.guard import GuardedLabels, guarded_labels, restored_labels

__all__ = ["label_pair", "make_seeds", "refined_seeds", "seeds_of_pair"]

_UNKNOWN = 255
_EPSILON = 1e-5


def label_pair(
    maps: Tensor, *, foreground_threshold: float = 0.30, background_threshold: float = 0.05
) -> Tensor:
    """The arg-max over (threshold, maps), for the one threshold and for the other.

    Args:
        maps: (C, h, w), C of 1 at least, each with maximum 1 (or all zero).

    Returns:
        (2, h, w) uint8, foreground and background.
    """
    strongest, which = maps.max(dim=0)  # (h, w)
    index = (which + 1).to(torch.uint8)
    thresholds = (foreground_threshold, background_threshold)
    return torch.stack([torch.where(strongest > threshold, index, 0) for threshold in thresholds])


def seeds_of_pair(pair: Tensor, class_ids: Sequence[int]) -> Tensor:
    """Labels (h, w) uint8: the class where the first says one, 0 where neither does, else 255."""
    foreground, background = pair.long()
    ids = torch.tensor((0, *class_ids), dtype=torch.uint8, device=pair.device)
    unknown = torch.where(background > 0, _UNKNOWN, 0).to(torch.uint8)
    return torch.where(foreground > 0, ids[foreground], unknown)


def refined_seeds(pair: Tensor, refined: Tensor, class_ids: Sequence[int]) -> GuardedLabels:
    """Seeds of a label pair that was refined on the image, as published by a CRF for each of the two.

    A class or an object that is in the first map of ``pair`` and no longer in that of ``refined`` keeps its
    cells.

    Args:
        pair: (2, h, w) uint8, before refinement.
        refined: (2, h, w) uint8.
    """
    foreground, background = refined
    kept = restored_labels(pair[0], foreground, class_ids=range(1, len(class_ids) + 1))
    labels = seeds_of_pair(torch.stack([kept.labels, background]), class_ids)
    return GuardedLabels(labels, Counter({class_ids[index - 1]: count for index, count in kept.kept.items()}))


def make_seeds(
    maps: Tensor,
    class_ids: Sequence[int],
    *,
    foreground_threshold: float = 0.30,
    background_threshold: float = 0.05,
    refined: Tensor | None = None,
) -> GuardedLabels:
    """Label the cells that the maps are sure of.

    A cell whose strongest class is above ``foreground_threshold`` gets that class, one with no class
    above ``background_threshold`` gets 0, any other 255. The defaults are the published ones for
    unrefined maps.

    With ``refined`` maps (by PAMR on the image, as a rule) these are divided by their maxima again and
    cut instead. Refined maps follow the object's edges, so they bear a stricter foreground and a wider
    background: .8 and .4. What refinement would erase keeps its unrefined map.

    Args:
        maps: (C, h, w), none negative, each with maximum 1 (or all zero).
        class_ids: the C labels, each in 1..254.
        refined: (C, h, w), none negative.
    """
    assert len(maps) == len(class_ids), "one class id a map"
    assert background_threshold <= foreground_threshold, "background lies below foreground"
    if not class_ids:
        return GuardedLabels(maps.new_zeros(maps.shape[1:], dtype=torch.uint8))

    def label(soft: Tensor) -> Tensor:
        pair = label_pair(
            soft, foreground_threshold=foreground_threshold, background_threshold=background_threshold
        )
        return seeds_of_pair(pair, class_ids)

    if refined is None:
        return GuardedLabels(label(maps))
    refined = refined / (refined.amax(dim=(-2, -1), keepdim=True) + _EPSILON)
    return guarded_labels(maps, refined, label, class_ids=class_ids)
