"""Everything that is counted of one step's label maps, image by image.

Axes: N images, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wsmis_core.metrics.confusion import IGNORED, class_iou, confusion_matrix, margins
from wsmis_core.metrics.counts import Counts, ratio
from wsmis_core.metrics.masks import MASK_COUNTS, image_counts, mask_scores, over_classes
from wsmis_core.metrics.truth import Truth

__all__ = ["ImageTable", "PixelScores"]

_MARGINS = 3


class PixelScores(NamedTuple):
    """Scores of sums (...) over images.

    Attributes:
        by_class: each of MASK_SCORES, (..., C); NaN for a class that there is nothing of.
        overall: their means over the classes that have one, (...), and ``mean_iou``.
        class_iou: IoU in one confusion matrix, background first, (..., C + 1).
    """

    by_class: dict[str, Tensor]
    overall: dict[str, Tensor]
    class_iou: Tensor


class ImagesCounted(NamedTuple):
    """Images, those with a true object of any class, and of each."""

    images: int
    positives: int
    by_class: list[int]


class ImageTable(Counts):
    """A row of counts for each image, which ranks enter for their own images.

    A row holds `image_counts` and `margins` of the image's confusion matrix; the whole set's confusion
    matrix is the sum of the images'. Scores are functions of sums of rows, so that the sums over a
    bootstrap's resamples give its scores.
    """

    def __init__(self, images: int, classes: int, *, device: torch.device | None = None) -> None:
        self.images, self.classes = images, classes
        self._sizes = [classes * MASK_COUNTS, (classes + 1) * _MARGINS]
        self._cells = images * sum(self._sizes)
        super().__init__(self._cells + (classes + 1) ** 2 + 2, device)

    def enter(self, image: int, labels: Tensor, truth: Truth) -> None:
        """Count one image under its number, once over all ranks.

        Args:
            labels: (H, W) uint8 class ids; pixels of 255, where nothing is said, do not count.
            truth: at the same size.
        """
        said = labels != IGNORED
        target = torch.where(said, truth.class_ids, IGNORED).to(torch.uint8)
        matrix = confusion_matrix(labels, target, classes=self.classes + 1)
        width = sum(self._sizes)
        row = torch.cat([image_counts(labels, *truth).flatten(), margins(matrix).flatten()])
        self.state[image * width : (image + 1) * width] += row
        silent = (truth.known & ~said).sum()
        self.state[self._cells :] += torch.cat([matrix.flatten(), truth.known.sum()[None], silent[None]])

    @property
    def rows(self) -> Tensor:
        """(N, figures) on the CPU, of images that were entered; others are 0."""
        return self.state[: self._cells].view(self.images, -1).cpu()

    @property
    def matrix(self) -> Tensor:
        """The confusion matrix (C + 1, C + 1) int64, true classes in rows, background first."""
        size = self.classes + 1
        return self.state[self._cells : -2].view(size, size).long().cpu()

    @property
    def unknown(self) -> float | None:
        """The share of the pixels with a known truth of which the step says nothing."""
        share = ratio(self.state[-1], self.state[-2]).item()
        return None if share != share else share

    def scores(self, sums: Tensor | None = None) -> PixelScores:
        """The scores of ``sums`` (..., figures) of rows; of all images where not given."""
        whole = self.rows.sum(dim=0) if sums is None else sums
        of_masks, of_classes = whole[..., : self._sizes[0]], whole[..., self._sizes[0] :]
        by_class = mask_scores(of_masks.reshape(*whole.shape[:-1], self.classes, MASK_COUNTS))
        iou = class_iou(of_classes.reshape(*whole.shape[:-1], self.classes + 1, _MARGINS))
        overall = {name: over_classes(scores) for name, scores in by_class.items()}
        return PixelScores(by_class, overall | {"mean_iou": over_classes(iou)}, iou)

    def images_counted(self) -> ImagesCounted:
        """How many images were entered, and how many have a true object."""
        sums = self.rows[:, : self._sizes[0]].view(self.images, self.classes, MASK_COUNTS)
        positive = sums[..., 4] > 0  # (N, C)
        return ImagesCounted(
            int(sums[:, 0, 3].sum()), int(positive.any(dim=1).sum()), positive.sum(dim=0).tolist()
        )
