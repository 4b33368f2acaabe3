"""Class maps on disk: `.npz` with class ids and a float16 map for each, at stride 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.cam import fixed_threshold, otsu, otsu_middle, otsu_twice
from wsmis_core.data import Sample
from wsmis_core.spec.parts import Fixed, MapThreshold, Otsu, OtsuMiddle, OtsuTwice
from wsmis_core.stages.arrays import read_arrays

__all__ = [
    "STRIDE",
    "UNKNOWN",
    "MapsFolder",
    "StoredMaps",
    "as_stored",
    "background_threshold_mask",
    "cut",
    "labels_above",
    "load_maps",
    "resized",
    "save_maps",
    "strongest",
]

# IRNet's grid, and that of everything between the classifier and the pseudo-labels.
STRIDE = 4

UNKNOWN = 255

_EPSILON = 1e-5
_LEAST_MAXIMUM = 1e-12  # of maps that are all zero


@dataclass(frozen=True, slots=True)
class StoredMaps:
    """``maps`` (K, h, w) in [0, 1], one for each of the K ``class_ids``, which count from 1."""

    class_ids: tuple[int, ...]
    maps: Tensor


def save_maps(path: Path, stored: StoredMaps) -> None:
    """Write the maps to exactly ``path``."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            class_ids=np.asarray(stored.class_ids, dtype=np.uint8),
            maps=stored.maps.cpu().numpy().astype(np.float16),
        )


def as_stored(maps: Tensor) -> Tensor:
    """Maps over their common maximum, as exact as their file: a label that is seen in them is seen in it."""
    return (maps / maps.max().clamp(min=_LEAST_MAXIMUM)).half().float()


def load_maps(path: Path) -> StoredMaps:
    """What `save_maps` wrote, in float32; raises ArtifactError where the file cannot be read."""
    arrays = read_arrays(path, names=("class_ids", "maps"))
    return StoredMaps(
        tuple(arrays["class_ids"].tolist()), torch.from_numpy(arrays["maps"].astype(np.float32))
    )


@dataclass(frozen=True, slots=True)
class MapsFolder:
    """A folder of stored maps, one file an image."""

    folder: Path

    def path(self, sample: Sample) -> Path:
        return self.folder / f"{sample.id}.npz"

    def has(self, sample: Sample) -> bool:
        """Whether the sample has maps."""
        return self.path(sample).exists()

    def load(self, sample: Sample) -> StoredMaps:
        """The sample's maps; raises ArtifactError where the file cannot be read."""
        return load_maps(self.path(sample))


def labels_above(
    maps: Tensor, class_ids: Sequence[int], threshold: MapThreshold, *, certain: MapThreshold | None = None
) -> Tensor:
    """Class ids (H, W) of soft maps (K, H, W): the strongest class where it is over the threshold.

    The maps are divided by their common maximum first (IRNet, arXiv 1904.05044). With ``certain``, a
    higher threshold, what lies between the two is unknown (255).
    """
    strengths, ids = strongest(maps, class_ids)
    labels = torch.where(strengths > cut(strengths, threshold), ids, torch.zeros_like(ids))
    if certain is not None:
        labels[(labels > 0) & (strengths <= cut(strengths, certain))] = UNKNOWN
    return labels


def strongest(maps: Tensor, class_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    """What `labels_above` cuts: the strongest of the maps (K, H, W) over their common maximum, and its class.

    Both (H, W), the class ids uint8.
    """
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=maps.device)
    strengths, which = (maps / (maps.max() + _EPSILON)).max(dim=0)
    return strengths, ids[which]


def background_threshold_mask(maps: Tensor, class_ids: Sequence[int], threshold: MapThreshold) -> Tensor:
    """Class ids (H, W) of activation maps (K, H, W); as published, a fixed one is a share of the range."""
    if isinstance(threshold, Fixed):
        return fixed_threshold(maps, class_ids, background_threshold=threshold.value)
    return labels_above(maps, class_ids, threshold)


def cut(values: Tensor, threshold: MapThreshold) -> float:
    """Above which of ``values``, in [0, 1], is foreground."""
    match threshold:
        case Fixed():
            return threshold.value
        case Otsu():
            return otsu(values)
        case OtsuTwice():
            return otsu_twice(values)
        case OtsuMiddle():
            return otsu_middle(values, share=threshold.share)


def resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (K, h, w) at another ``size``, bilinear.

    Along a side that shrinks to less than half bilinear reads two cells and skips the others, with all
    that is as thin as they are; there each cell is the mean of what it covers.
    """
    averaged = [new if 2 * new < old else old for old, new in zip(maps.shape[1:], size, strict=True)]
    if averaged != list(maps.shape[1:]):
        maps = F.interpolate(maps[None], size=averaged, mode="area")[0]
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]
