"""Instances of a class from a displacement field: cells that point to one place belong together.

Axes: C maps, I instances, h x w cells; displacements are (dy, dx) in cells.
Source: IRNet, arXiv 1904.05044, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor


@dataclass(frozen=True)
class Instance:
    """One connected object: the class it has, how sure that is, and where it lies, (h, w) bool."""

    class_id: int
    score: float
    mask: NDArray[np.bool_]


def find_centroids(displacement: Tensor, *, steps: int = 300) -> Tensor:
    """Where each cell ends that follows the field ``steps`` times.

    Between cells the field is bilinear; at the border the walk stays on the map.

    Args:
        displacement: (2, h, w).

    Returns:
        (2, h, w) int64: row and column of each cell's centroid.
    """
    _, height, width = displacement.shape
    field = displacement.flatten(1)  # (2, h · w)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([rows, columns]).to(displacement).flatten(1)
    last = place.new_tensor([[height - 1], [width - 1]])
    for _ in range(steps):
        upper = place.floor()
        y, x = place - upper  # in [0, 1)
        (top, left), (bottom, right) = upper.long(), torch.minimum(upper + 1, last).long()
        along_top = field[:, top * width + left] * (1 - x) + field[:, top * width + right] * x
        along_bottom = field[:, bottom * width + left] * (1 - x) + field[:, bottom * width + right] * x
        place = (place + along_top * (1 - y) + along_bottom * y).clamp(min=torch.zeros_like(last), max=last)
    return place.round().long().view(2, height, width)


def instance_map(centroids: Tensor, displacement: Tensor, *, threshold: float = 2.5) -> Tensor:
    """The instance of each cell, numbered from 0 without a gap.

    Cells displaced by less than ``threshold`` form regions, connected by their sides; centroids in
    one region are one instance, as are all those that lie in none.

    Args:
        centroids: (2, h, w) of ``find_centroids``.
        displacement: (2, h, w).

    Returns:
        (h, w) int64.
    """
    calm = displacement.norm(dim=0) < threshold
    regions, _ = ndimage.label(calm.cpu().numpy())  # (h, w)
    rows, columns = centroids.cpu().numpy()
    _, numbers = np.unique(regions[rows, columns], return_inverse=True)
    return torch.from_numpy(numbers).view(calm.shape).to(centroids)


def split_by_instance(maps: Tensor, instances: Tensor) -> Tensor:
    """Each map cut into one a instance, zero outside it.

    Args:
        maps: (C, h, w).
        instances: (h, w) of ``instance_map``.

    Returns:
        (C, I, h, w).
    """
    numbers = torch.arange(int(instances.max()) + 1, device=instances.device)
    return maps.unsqueeze(1) * (instances == numbers[:, None, None])


def detect_instances(
    scores: Tensor, class_ids: list[int], *, background_threshold: float = 0.25, smallest: float = 0.01
) -> list[Instance]:
    """Connected objects among the cells that each map wins.

    A cell goes to the largest of ``background_threshold`` and the maps. What a map wins falls into
    objects connected by their sides; one below ``smallest`` of the image has score 0, any other the
    largest score in it.

    Args:
        scores: (N, h, w), such as the walked maps of each class and instance.
        class_ids: of the N maps.
        smallest: a share of the cells.
    """
    if not class_ids:
        return []
    strongest, which = scores.max(dim=0)  # (h, w)
    winner = torch.where(strongest > background_threshold, which, -1).cpu().numpy()
    found = []
    for number, class_id in enumerate(class_ids):
        objects, count = ndimage.label(winner == number)
        for index in range(1, count + 1):
            mask = objects == index
            large = mask.sum() >= smallest * mask.size
            score = float(strongest.cpu().numpy()[mask].max()) if large else 0.0
            found.append(Instance(class_id, score, mask))
    return found
