"""True masks as scores take them.

Axes: C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wsmis_core.data import VOID, DatasetIndex, Sample, read_class_masks, shape_at
from wsmis_core.errors import DataError
from wsmis_core.metrics import Truth
from wsmis_core.spec.parts import Size, Split
from wsmis_core.stages.inputs import samples_of

__all__ = ["filled_boxes", "masked_samples", "no_masks", "required_masks", "true_masks"]


def masked_samples(index: DatasetIndex, splits: Sequence[Split]) -> list[Sample]:
    """The samples with true masks; none at all where no image with a label has one."""
    samples = [sample for sample in samples_of(index, splits) if sample.has_masks]
    return samples if any(sample.class_ids for sample in samples) else []


def required_masks(index: DatasetIndex, split: Split, *, size: Size, field: str) -> list[Sample]:
    """`masked_samples` of a split, to choose by at ``size``.

    Raises DataError that names ``field`` where there are none, or where no object of theirs is left at that
    size. They are read only up to the first object.
    """
    samples = masked_samples(index, [split])
    if not samples:
        raise no_masks(split, field=field)
    with_masks = (sample for sample in samples if sample.masks)
    truths = (true_masks(index, sample, shape=shape_at(sample, size)) for sample in with_masks)
    if not any(truth.classes[:, truth.known].any() for truth in truths):
        at = "their own size" if size == "native" else f"image_size {size}"
        raise DataError(
            f"Of the {len(samples)} true masks of the {split} split no object is left at {at}: no pixel, or "
            "none that is known.",
            field=field,
            remedy="Take a larger image_size, choose on another split, or set another threshold.",
        )
    return samples


def no_masks(split: Split, *, field: str) -> DataError:
    """What is wrong with a split that has no image to compare with."""
    return DataError(
        f"No image of the {split} split that has a label has a true mask.",
        field=field,
        remedy="Name another split, or register the data set with its masks.",
    )


def true_masks(
    index: DatasetIndex, sample: Sample, *, shape: tuple[int, int], device: torch.device | None = None
) -> Truth:
    """The sample's masks at ``shape`` (height, width), by the nearest pixel."""
    masks = _at(torch.from_numpy(read_class_masks(index, sample)), shape).to(device)  # (C, H, W)
    return Truth(masks == 1, (masks != VOID).all(dim=0))


def filled_boxes(index: DatasetIndex, sample: Sample, *, shape: tuple[int, int]) -> Truth:
    """The sample's boxes, filled, to look at."""
    classes = torch.zeros(len(index.classes), *shape, dtype=torch.bool)
    for box in sample.boxes:
        top, left = round(box.y), round(box.x)
        classes[box.class_id - 1, top : round(box.y + box.height), left : round(box.x + box.width)] = True
    return Truth(classes, torch.ones(shape, dtype=torch.bool))


def _at(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(..., H, W) at another size; a pixel takes what lies at its centre."""
    if pixels.shape[-2:] == size:
        return pixels
    rows, columns = (
        ((torch.arange(new) + 0.5) * old / new).long()
        for new, old in zip(size, pixels.shape[-2:], strict=True)
    )
    return pixels[..., rows[:, None], columns]
