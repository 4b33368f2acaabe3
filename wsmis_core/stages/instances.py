"""Objects told apart: instance masks of each image, and all of them as one COCO file.

Axes: K classes, I instances of an image, H x W pixels, h x w cells of IRNet's grid.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext
from wsmis_core.export import CocoImage, box_of, encode_coco_rle, write_coco, write_mask, write_numbers
from wsmis_core.irn import Instance, detect_instances, find_centroids, instance_map, split_by_instance
from wsmis_core.spec.parts import Instances
from wsmis_core.stages.maps import cut, resized

__all__ = ["InstanceFolder", "instance_maps", "instances_of"]

_NUMBERS = 254  # instances that a palette mask has room for


class InstanceFolder:
    """The instances of a run's images: a mask each, and what becomes the COCO file at the end."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._masks = ItemFolder(context, "instances", suffix=".png")
        self._objects = ItemFolder(context.part("instances"), "objects", suffix=".json")

    @property
    def items(self) -> tuple[ItemFolder, ItemFolder]:
        """What an image has in it once it is finished."""
        return self._masks, self._objects

    def write(self, sample: Sample, instances: Sequence[Instance]) -> None:
        """The instances of one image, the best first."""
        shape = (sample.height, sample.width)
        self._masks.write(sample.id, functools.partial(_write_mask, mask=numbered(instances, shape=shape)))
        self._objects.write(sample.id, functools.partial(_write_objects, instances=instances))

    def merge(self, samples: Sequence[Sample], *, classes: Sequence[str]) -> int:
        """Write `instances.json` of all ranks' images; how many objects score above 0. For the main rank.

        An image in which nothing was looked for, since it has no class, is in it without an object.
        """
        images = []
        for sample in samples:
            path = self._objects.path(sample.id)
            objects = json.loads(path.read_text()) if path.exists() else []
            images.append(CocoImage(sample.file, sample.height, sample.width, objects))
        write_coco(self._context.output / "instances.json", images=images, classes=classes)
        return sum(found["score"] > 0 for image in images for found in image.objects)


def instance_maps(
    maps: Tensor, displacement: Tensor, class_ids: Sequence[int], params: Instances
) -> tuple[Tensor, list[int]]:
    """Class maps cut into one for each class and instance that has any activation, and their class ids.

    Args:
        maps: (K, h, w), none negative.
        displacement: (2, h, w), less the mean shift.

    Returns:
        (N, h, w) and N class ids, N at most K · I.
    """
    centroids = find_centroids(displacement, steps=params.steps)
    instances = instance_map(centroids, displacement, threshold=params.displacement_threshold)
    split = split_by_instance(maps, instances)  # (K, I, h, w)
    active = split.amax(dim=(-2, -1)) > 0  # (K, I)
    ids = torch.tensor(class_ids, device=maps.device)[:, None].expand_as(active)
    return split[active], ids[active].tolist()


def instances_of(
    scores: Tensor, class_ids: Sequence[int], params: Instances, *, shape: tuple[int, int]
) -> list[Instance]:
    """The objects among soft maps of each class and instance, the best first.

    The maps are divided by their common maximum, and the threshold cut through the strongest one. Maps that
    win nowhere are left out before the others are brought to the ``shape`` of the image.

    Args:
        scores: (N, H, W), none negative.
    """
    if not scores.any():
        return []
    shares = scores / scores.max()
    strongest, which = shares.max(dim=0)  # (H, W)
    threshold = cut(strongest, params.threshold)
    winners = np.unique(which[strongest > threshold].cpu().numpy()).tolist()
    if not winners:
        return []
    found = detect_instances(
        resized(shares[winners], shape),
        [class_ids[number] for number in winners],
        background_threshold=threshold,
        smallest=params.smallest,
    )
    return sorted(found, key=lambda instance: -instance.score)


def numbered(instances: Sequence[Instance], *, shape: tuple[int, int]) -> NDArray[np.uint16]:
    """A mask (H, W) of the numbers, from 1, of the instances that score above 0; these come first."""
    mask = np.zeros(shape, dtype=np.uint16)
    for number, instance in enumerate(instances, start=1):
        if instance.score > 0:
            mask[instance.mask] = number
    return mask


def _write_mask(path: Path, mask: NDArray[np.uint16]) -> None:
    """A palette mask, as others are; of 16-bit numbers where it has no room for all."""
    if mask.max() > _NUMBERS:
        write_numbers(path, mask)
    else:
        write_mask(path, mask.astype(np.uint8))


def _write_objects(path: Path, instances: Sequence[Instance]) -> None:
    path.write_text(json.dumps([_object(instance) for instance in instances]))


def _object(instance: Instance) -> dict[str, object]:
    return {
        "category_id": instance.class_id,
        "score": round(instance.score, 6),
        "segmentation": encode_coco_rle(instance.mask),
        "bbox": box_of(instance.mask),
        "area": int(instance.mask.sum()),
    }
