"""The guard around refinement: what it would erase is kept as it was, and counted.

Two things must not vanish: a class, wherever it is, and a connected object that is large enough to be
told from a speck, where it is.

Axes: C classes, N objects, h x w cells.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

# A share of the image: from there on a connected component counts as an object for IRNet's instances too.
SMALLEST_OBJECT = 0.01

# Of its height before: what has more left has only slipped under a cut, and a lower one finds it in the maps.
_ERASED_UNDER = 0.5


@dataclass(frozen=True)
class GuardedMaps:
    """Soft maps (C, h, w), and of how many objects of each class id the unrefined values were kept."""

    maps: Tensor
    kept: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class GuardedLabels:
    """Class ids (h, w) uint8, and how many objects of each class id are as before refinement."""

    labels: Tensor
    kept: Counter[int] = field(default_factory=Counter)


def guarded_maps(
    maps: Tensor,
    refined: Tensor,
    label: Callable[[Tensor], Tensor],
    *,
    class_ids: Sequence[int],
    smallest: float = SMALLEST_OBJECT,
) -> GuardedMaps:
    """Refined maps, but unrefined ones of classes, and in the places of objects, that would otherwise vanish.

    A class vanishes where ``label(maps)`` has it and the labels of the refined maps do not; the labels of
    the result have every class that ``label(maps)`` has. An object vanishes where none of its cells keeps
    its class, or has it as the strongest with half of the object's height; in its cells all maps are
    unrefined again.

    Args:
        maps: (C, h, w) before refinement.
        refined: (C, h, w).
        label: soft maps (C, h, w) to ids (h, w).
        class_ids: the ids that ``label`` gives to the C maps.
        smallest: a share of the cells, which a connected component has at least that counts as an object;
            infinite where only classes are to be guarded.
    """
    objects = _Objects.of(label(maps), class_ids, smallest=smallest)
    classes, places = objects.none()
    heights = objects.heights(maps)
    while True:
        guarded = torch.where(classes[:, None, None] | places[objects.numbers], maps, refined)
        gone, erased = objects.missing(label(guarded))
        erased &= objects.heights(guarded) < _ERASED_UNDER * heights
        if not (gone.any() or erased.any()):
            return GuardedMaps(guarded, objects.counted(classes, places))
        newly = gone & ~classes
        erased &= ~newly[objects.class_of]  # they come back with their class, if nothing covers them
        if not (newly.any() or (erased & ~places).any()):
            newly = torch.ones_like(newly)  # what is kept does not show, as the cut has moved: keep all
        classes, places = classes | newly, places | erased


def guarded_labels(
    maps: Tensor, refined: Tensor, label: Callable[[Tensor], Tensor], *, class_ids: Sequence[int]
) -> GuardedLabels:
    """The labels of `guarded_maps`."""
    guarded = guarded_maps(maps, refined, label, class_ids=class_ids)
    return GuardedLabels(label(guarded.maps), guarded.kept)


def restored_labels(
    labels: Tensor, refined: Tensor, *, class_ids: Sequence[int], smallest: float = SMALLEST_OBJECT
) -> GuardedLabels:
    """Refined labels, in which classes and objects that have vanished have the cells again that they had.

    Args:
        labels: (h, w) uint8 before refinement.
        refined: (h, w) uint8.
        smallest: as for `guarded_maps`.
    """
    objects = _Objects.of(labels, class_ids, smallest=smallest)
    classes, places = objects.none()
    while True:
        back = torch.isin(labels, objects.ids[classes]) | places[objects.numbers]
        restored = torch.where(back, labels, refined)
        gone, erased = objects.missing(restored)
        if not (gone.any() or erased.any()):
            return GuardedLabels(restored, objects.counted(classes, places))
        # What is restored may cover all that is left of another one.
        classes, places = classes | gone, places | erased


@dataclass(frozen=True)
class _Objects:
    """What labels show: classes, and the objects among their connected components.

    Attributes:
        labels: (h, w).
        ids: (C,) of the classes.
        numbers: (h, w) int64, from 1 for the objects, 0 elsewhere.
        class_of: (1 + N,) int64, the class of each object, from 0 in the order of ``ids``.
    """

    labels: Tensor
    ids: Tensor
    numbers: Tensor
    class_of: Tensor

    @classmethod
    def of(cls, labels: Tensor, class_ids: Sequence[int], *, smallest: float) -> _Objects:
        on_cpu = labels.cpu().numpy()
        numbers, class_of = np.zeros(on_cpu.shape, dtype=np.int64), [-1]
        for place, class_id in enumerate(class_ids if math.isfinite(smallest) else ()):
            components, _ = ndimage.label(on_cpu == class_id, structure=np.ones((3, 3)))
            sizes = np.bincount(components.ravel())
            large = np.flatnonzero(sizes >= max(1, smallest * on_cpu.size))
            for component in large[large > 0]:
                numbers[components == component] = len(class_of)
                class_of.append(place)
        return cls(
            labels,
            torch.tensor(class_ids, dtype=labels.dtype, device=labels.device),
            torch.from_numpy(numbers).to(labels.device),
            torch.tensor(class_of, device=labels.device),
        )

    def none(self) -> tuple[Tensor, Tensor]:
        """No class (C,), and no object (1 + N,)."""
        return torch.zeros_like(self.ids, dtype=torch.bool), torch.zeros_like(self.class_of, dtype=torch.bool)

    def missing(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Which classes (C,) other labels do not have, and which objects (1 + N,) no cell of."""
        gone = self._present & ~torch.isin(self.ids, labels)
        erased = torch.ones_like(self.class_of, dtype=torch.bool)
        erased[self.numbers[labels == self.labels]] = False
        erased[0] = False
        return gone, erased

    def heights(self, maps: Tensor) -> Tensor:
        """The greatest value (1 + N,) in each object's cells where its own map (C, h, w) is the strongest."""
        strongest, which = maps.max(dim=0)  # (h, w)
        own = torch.where(which == self.class_of[self.numbers], strongest, 0)
        heights = own.new_zeros(len(self.class_of))
        return heights.scatter_reduce(0, self.numbers.flatten(), own.flatten(), "amax")

    def counted(self, classes: Tensor, places: Tensor) -> Counter[int]:
        """How many objects there are in some classes (C,) and places (1 + N,); in a class one at least."""
        kept = places | classes[self.class_of]
        kept[0] = False
        counts = torch.bincount(self.class_of[kept], minlength=len(self.ids))
        counts = torch.where(classes & self._present, counts.clamp(min=1), counts)
        return Counter(
            {number: count for number, count in zip(self.ids.tolist(), counts.tolist(), strict=True) if count}
        )

    @property
    def _present(self) -> Tensor:
        """The classes (C,) that the labels have."""
        return torch.isin(self.ids, self.labels)
