"""Seeds for IRNet (IR labels): confident foreground, confident background, and nothing in between.

Axes: C classes, h x w cells.
Source: IRNet, arXiv 1904.05044, section 4.2; refinement of the soft map in place of its CRF.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wsmis_core.irn.guard import GuardedLabels, guarded_labels

_UNKNOWN = 255
_EPSILON = 1e-5


def make_seeds(
    maps: Tensor,
    class_ids: Sequence[int],
    *,
    foreground_threshold: float = 0.30,
    background_threshold: float = 0.05,
    refine: Callable[[Tensor], Tensor] | None = None,
) -> GuardedLabels:
    """Label the cells that the maps are sure of.

    A cell whose strongest class is above ``foreground_threshold`` gets that class, one with no class
    above ``background_threshold`` gets 0, any other 255. The defaults are the published ones for
    unrefined maps.

    With ``refine`` (PAMR on the image, as a rule) the soft maps are refined and divided by their
    maxima again before they are cut. Refined maps follow the object's edges, so they bear a stricter
    foreground and a wider background: .8 and .4. A class that refinement would erase keeps its
    unrefined map.

    Args:
        maps: (C, h, w), none negative, each with maximum 1 (or all zero).
        class_ids: the C labels, each in 1..254.
        refine: soft maps (C, h, w) to refined ones of the same shape.
    """
    assert len(maps) == len(class_ids), "one class id a map"
    assert background_threshold <= foreground_threshold, "background lies below foreground"
    if not class_ids:
        return GuardedLabels(maps.new_zeros(maps.shape[1:], dtype=torch.uint8), kept_unrefined=0)
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=maps.device)

    def label(soft: Tensor) -> Tensor:
        strongest, which = soft.max(dim=0)  # (h, w)
        unknown = torch.where(strongest > background_threshold, _UNKNOWN, 0).to(torch.uint8)
        return torch.where(strongest > foreground_threshold, ids[which], unknown)

    if refine is None:
        return GuardedLabels(label(maps), kept_unrefined=0)
    refined = refine(maps)
    refined = refined / (refined.amax(dim=(-2, -1), keepdim=True) + _EPSILON)
    return guarded_labels(maps, refined, label, class_ids=class_ids)
