"""The instances of a batch: maps before the walk are cut up, and each part walks and is refined by itself.

Axes: K classes of an image, N parts of its maps, h x w cells of IRNet's grid, H x W pixels.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.engine import Processes
from wsmis_core.spec.parts import Instances
from wsmis_core.stages.instances import InstanceFolder, instance_maps, instances_of
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.maps import StoredMaps, resized
from wsmis_core.stages.refinement import all_guarded
from wsmis_core.stages.walking import Walk

__all__ = ["part_labels", "write_instances"]

_VALUES_AT_ONCE = (
    2**27
)  # of all parts at image size: half a GiB; a noisy field has hundreds of parts an image
_LEAST_MAXIMUM = 1e-12  # of maps that are all zero


def write_instances(
    walk: Walk,
    folder: InstanceFolder,
    samples: Sequence[Sample],
    before: Sequence[StoredMaps],
    boundaries: Sequence[Tensor],
    displacements: Sequence[Tensor],
    processes: Processes,
    *,
    kept: KeptUnrefined,
) -> None:
    """Write the instances of each sample, from its maps ``before`` the walk.

    A part whose objects refinement would erase is kept unrefined.

    Args:
        boundaries: each (h, w).
        displacements: each (2, h, w).
    """
    params = walk.params.instances
    assert params is not None
    parts = [
        instance_maps(
            resized(stored.maps, (displacement.shape[1], displacement.shape[2])),
            displacement,
            stored.class_ids,
            params,
        )
        for stored, displacement in zip(before, displacements, strict=True)
    ]
    shapes = [walk.images.shape(sample) for sample in samples]
    sizes = [len(maps) * height * width for (maps, _), (height, width) in zip(parts, shapes, strict=True)]
    for numbers in _groups(sizes):
        walked = walk.along(
            [boundaries[number] for number in numbers],
            [parts[number][0] for number in numbers],
            [shapes[number] for number in numbers],
        )
        found = [StoredMaps(tuple(range(1, 1 + len(maps))), maps) for maps in walked]
        counts = [Counter[int]() for _ in found]
        if walk.params.refine is not None:
            found, counts = all_guarded(
                found,
                [walk.images.raw(samples[number]) for number in numbers],
                walk.params.refine,
                processes,
                scaled=_over_maximum,
                label=functools.partial(part_labels, params=params),
            )
        for number, stored, of_parts in zip(numbers, found, counts, strict=True):
            sample, class_ids = samples[number], parts[number][1]
            kept.note(sample, _of_classes(of_parts, class_ids), of="instances")
            shape = (sample.height, sample.width)
            folder.write(sample, instances_of(stored.maps, class_ids, params, shape=shape))
    for sample, size in zip(samples, sizes, strict=True):
        if not size:
            folder.write(sample, [])


def part_labels(scores: Tensor, numbers: Sequence[int], params: Instances) -> Tensor:
    """Where the objects that count are: (H, W) int64, the number of the part whose object it is, else 0.

    Args:
        scores: (N, H, W), none negative.
        numbers: of the N parts, from 1.
    """
    labels = torch.zeros(scores.shape[1:], dtype=torch.int64)
    for one in instances_of(scores, numbers, params, shape=(scores.shape[1], scores.shape[2])):
        if one.score > 0:
            labels[torch.from_numpy(one.mask)] = one.class_id
    return labels.to(scores.device)


def _groups(sizes: Sequence[int]) -> Iterator[list[int]]:
    """The places of all sizes but 0, in groups that together are small enough, or of one."""
    group: list[int] = []
    for number, size in enumerate(sizes):
        if group and sum(sizes[one] for one in group) + size > _VALUES_AT_ONCE:
            yield group
            group = []
        if size:
            group.append(number)
    if group:
        yield group


def _over_maximum(scores: Tensor) -> Tensor:
    return scores / scores.max().clamp(min=_LEAST_MAXIMUM)


def _of_classes(of_parts: Counter[int], class_ids: Sequence[int]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for number, count in of_parts.items():
        counts[class_ids[number - 1]] += count
    return counts
