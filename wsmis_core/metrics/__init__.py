"""Metrics as counters: updated batch by batch, added up over ranks, divided once."""

from __future__ import annotations

from wsmis_core.metrics.boxes import BoxCounts
from wsmis_core.metrics.confusion import ClassIou, ConfusionCounts
from wsmis_core.metrics.counts import Counts
from wsmis_core.metrics.labels import LabelCounts, LabelScores, auc
from wsmis_core.metrics.masks import MaskCounts, MaskScores

__all__ = [
    "BoxCounts",
    "ClassIou",
    "ConfusionCounts",
    "Counts",
    "LabelCounts",
    "LabelScores",
    "MaskCounts",
    "MaskScores",
    "auc",
]
