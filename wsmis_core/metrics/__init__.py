"""Metrics as counters: updated image by image, added up over ranks, divided once."""

from __future__ import annotations

from wsmis_core.metrics.bootstrap import LEVEL, Bootstrap, intervals
from wsmis_core.metrics.boxes import BoxTable, box_counts, box_scores
from wsmis_core.metrics.calibration import CalibrationCounts
from wsmis_core.metrics.confusion import class_dice, class_iou, confusion_matrix, margins
from wsmis_core.metrics.counts import Counts
from wsmis_core.metrics.curves import CURVE_SCORES, Best, CurveCounts
from wsmis_core.metrics.labels import (
    LABEL_SCORES,
    LabelCounts,
    LabelTable,
    auc,
    label_counts,
    label_scores,
    weighted_auc,
)
from wsmis_core.metrics.masks import MASK_SCORES, image_counts, mask_scores
from wsmis_core.metrics.tally import ImageTable, PixelScores
from wsmis_core.metrics.truth import Truth

__all__ = [
    "CURVE_SCORES",
    "LABEL_SCORES",
    "LEVEL",
    "MASK_SCORES",
    "Best",
    "Bootstrap",
    "BoxTable",
    "CalibrationCounts",
    "Counts",
    "CurveCounts",
    "ImageTable",
    "LabelCounts",
    "LabelTable",
    "PixelScores",
    "Truth",
    "auc",
    "box_counts",
    "box_scores",
    "class_dice",
    "class_iou",
    "confusion_matrix",
    "image_counts",
    "intervals",
    "label_counts",
    "label_scores",
    "margins",
    "mask_scores",
    "weighted_auc",
]
