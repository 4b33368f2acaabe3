"""Where a class is said to be, against boxes drawn round it.

A box is x, y, width, height in pixels, from the image's upper left corner: pixel (row i, column j) covers
[j, j + 1) x [i, i + 1). Axes: N predicted boxes, M true boxes, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy import ndimage
from torch import Tensor

from wsmis_core.metrics.counts import Counts, ratio

BOX_THRESHOLDS = (0.1, 0.3, 0.5)


def pointing_hit(activation: Tensor, boxes: Tensor) -> float:
    """Whether the map's maximum lies in one of the boxes: 1 or 0; where several pixels are it, their share.

    A map that is nowhere above 0 points at nothing and misses. Source: the pointing game of Zhang et al.,
    Top-down neural attention by excitation backprop, ECCV 2016, arXiv 1608.00507, section 4.1, without its
    tolerance of 15 pixels.

    Args:
        activation: (H, W).
        boxes: (M, 4).
    """
    highest = activation.max()
    if highest <= 0:
        return 0.0
    points = (activation == highest).nonzero() + 0.5  # (P, 2): the pixels' centres, y and x
    y, x = points[:, 0, None], points[:, 1, None]
    left, top, width, height = boxes.to(points).T
    inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)  # (P, M)
    return float(inside.any(dim=1).double().mean())


def region_boxes(mask: Tensor) -> Tensor:
    """The smallest box round each connected region (four neighbours), (N, 4) float64 on the CPU.

    Args:
        mask: (H, W) bool.
    """
    regions, _ = ndimage.label(mask.cpu().numpy())
    sides = [
        (across.start, down.start, across.stop - across.start, down.stop - down.start)
        for down, across in ndimage.find_objects(regions)
    ]
    return torch.tensor(sides, dtype=torch.float64).reshape(-1, 4)


def overlaps(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and over the predicted box (IoBB), (N, M) each.

    Args:
        predicted: (N, 4), sides above 0.
        true: (M, 4).
    """
    first, second = predicted[:, None], true[None]  # (N, 1, 4), (1, M, 4)
    ends = torch.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    shared = (ends - torch.maximum(first[..., :2], second[..., :2])).clamp(min=0).prod(dim=-1)  # (N, M)
    area, other_area = first[..., 2:].prod(dim=-1), second[..., 2:].prod(dim=-1)
    return shared / (area + other_area - shared), shared / area


# Of an image: 1, its boxes, 1 where it has a map, its pointing hit; then at each threshold the boxes found by
# IoU and by IoBB, and the false ones by each.
BOX_COUNTS = 4 + 4 * len(BOX_THRESHOLDS)


def box_counts(boxes: Tensor, *, mask: Tensor, activation: Tensor | None = None) -> Tensor:
    """What one image adds to the sums that `box_scores` divides, (BOX_COUNTS,) float64 on the CPU.

    A step's boxes are those round the connected regions of its mask. A true box is found where one of them
    overlaps it by more than a threshold, and one of them is false where it overlaps no true box by more. Two
    measures of overlap, as in ChestX-ray8 (Wang et al., CVPR 2017, arXiv 1705.02315, its localisation
    accuracy and average false positives at T(IoU) and T(IoBB)): over the union, and over the predicted box,
    which is kinder to small predictions.

    Args:
        boxes: (M, 4), of one class, in pixels of the mask; nothing is counted where M is 0: of an image
            without a box of the class it is not known where it is.
        mask: (H, W) bool, where the step says that the class is.
        activation: (H, W), where it says so most; without it the image takes no part in `pointing`.
    """
    if not len(boxes):
        return torch.zeros(BOX_COUNTS, dtype=torch.float64)
    levels = torch.tensor(BOX_THRESHOLDS, dtype=torch.float64)[:, None, None]  # (T, 1, 1)
    true = boxes.double().cpu()
    passed = [measure > levels for measure in overlaps(region_boxes(mask), true)]  # (T, N, M) each
    hit = 0.0 if activation is None else pointing_hit(activation, boxes)
    return torch.cat(
        [
            torch.tensor([1.0, len(boxes), activation is not None, hit], dtype=torch.float64),
            *(each.any(dim=1).sum(dim=1).double() for each in passed),
            *((~each.any(dim=2)).sum(dim=1).double() for each in passed),
        ]
    )


def box_scores(sums: Tensor) -> dict[str, Tensor]:
    """What was found, (...), of sums (..., BOX_COUNTS) over images; NaN where there is nothing to measure.

    `pointing`: the share of images whose maximum lies in a box. `box_iou_10`, `box_iobb_10` and so on: the
    share of boxes found at an overlap above .10. `false_iou_10`, `false_iobb_10` and so on: boxes an image
    that are false at that overlap.
    """
    images, boxes, pointed, hits, *counted = sums.unbind(dim=-1)
    each = iter(counted)
    kinds = [("box_iou", boxes), ("box_iobb", boxes), ("false_iou", images), ("false_iobb", images)]
    return {"pointing": ratio(hits, pointed)} | {
        f"{name}_{round(100 * level)}": ratio(next(each), whole)
        for name, whole in kinds
        for level in BOX_THRESHOLDS
    }


class BoxTable(Counts):
    """`box_counts` of each image and class, which ranks enter for their own images."""

    def __init__(self, images: int, classes: int, *, device: torch.device | None = None) -> None:
        self.shape = (images, classes, BOX_COUNTS)
        super().__init__(images * classes * BOX_COUNTS, device)

    def enter(self, image: int, counts: Sequence[Tensor]) -> None:
        """Count one image, once over all ranks, under its number: each class's `box_counts`."""
        self.state.view(self.shape)[image] += torch.stack(list(counts)).to(self.state)

    @property
    def rows(self) -> Tensor:
        """(N, C, BOX_COUNTS) on the CPU."""
        return self.state.view(self.shape).cpu()
