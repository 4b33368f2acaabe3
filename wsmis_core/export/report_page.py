"""The report as one HTML page that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from wsmis_core.export.contact_sheet import Captioned
from wsmis_core.export.report_charts import calibration_section, confusion_section, thresholds_section
from wsmis_core.export.report_pictures import pictures_table
from wsmis_core.export.report_style import STYLE
from wsmis_core.export.report_tables import (
    boxes_section,
    classes_section,
    classifier_section,
    masks_section,
)

__all__ = ["report_page"]

_MEANINGS = {
    "Dice, positives": "the mean over the images that have a true object.",
    "Dice, per image": "the mean over all images; an image where truth and result are both empty scores 1.",
    "Dice, pooled": "over the pixels of all images together; the same as F1.",
    "mean IoU": "from one confusion matrix over all images, the mean over the background and the classes; "
    "a class that neither truth nor result has is left out.",
    "IoU": "of the foreground, over the pixels of all images together; the same as Jaccard's index. With "
    "several classes this score and the others are means over the classes.",
    "Boxes": "found where the box round a region of the result overlaps it by more than a share: IoU, of "
    "both boxes together, or IoBB, of the result's box; false an image: boxes of the result that overlap "
    "none by more than .1. Pointing: the share of images whose strongest point lies in a box.",
    "AUC": "the chance that an image with the class gets a higher probability than one without it.",
    "Calibration error": "how far the share of what is so lies from the predicted probability, over 15 bins "
    "of it, weighed by their cases. Most pixels are background that is certain: look at the plot too.",
}

# Of the page, about: what can be sent by mail.
_BYTES = 1_900_000


def report_page(report: Mapping[str, Any], pictures: Sequence[Sequence[Captioned]]) -> str:
    """The page of `report.json`'s content; ``pictures`` are rows of overlays, a sample's name first.

    As many rows as fit into about 2 MB are shown, and how many are not is said.
    """
    steps: Mapping[str, Any] = report["steps"]
    masked = {name: scores for name, scores in steps.items() if "confusion" in scores}
    parts = [_introduction(report)]
    if masked:
        parts += [masks_section(masked), classes_section(masked), thresholds_section(masked)]
    parts += [
        boxes_section(steps),
        classifier_section(report),
        calibration_section(report),
        confusion_section(masked),
    ]
    room = _BYTES - sum(len(part.encode()) for part in parts)
    parts += [pictures_table(pictures, room=room), _meanings()]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Scores on the {escape(report['split'])} split</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _introduction(report: Mapping[str, Any]) -> str:
    resampling = report["intervals"]
    intervals = (
        f"Below a score: {resampling['level']:.0%} intervals, percentiles of {resampling['resamples']} "
        f"bootstrap resamples of the {resampling['over']}."
        if resampling["resamples"]
        else "Without intervals: no resamples were asked for."
    )
    return (
        f"<h1>Scores on the {escape(report['split'])} split</h1>"
        f"<p>{report['images']:,} images, classes: {escape(', '.join(report['classes']))}. {intervals}</p>"
    )


def _meanings() -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _MEANINGS.items())
    return f"<section><h2>What the scores are</h2><dl>{items}</dl></section>"
