"""The report as files: JSON and CSV for programs, one HTML page and a sheet of overlays for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wsmis_core.engine import RunContext
from wsmis_core.export import Captioned, contact_sheet, report_page
from wsmis_core.files import write_bytes_atomically, write_text_atomically

__all__ = ["csv_rows", "write_report"]

_HEADER = ("step", "class", "score", "value", "low", "high")
_ALL_CLASSES = ""  # which no class is called
_PARTS = ("boxes", "calibration")  # of a step's scores, the ones with classes of their own


def write_report(
    context: RunContext, report: Mapping[str, Any], pictures: Sequence[Sequence[Captioned]]
) -> None:
    """Write `report.json`, `report.csv`, `report.html` and, with ``pictures``, `overlays.png`."""
    write_text_atomically(context.output / "report.json", json.dumps(report, indent=1))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_HEADER)
    writer.writerows(csv_rows(report))
    write_text_atomically(context.output / "report.csv", table.getvalue())
    write_text_atomically(context.output / "report.html", report_page(report, pictures))
    if pictures:
        sheet = contact_sheet(pictures)
        for folder in (context.output, context.previews):
            write_bytes_atomically(folder / "overlays.png", sheet)
        context.events.preview("previews/overlays.png", caption="Each step beside the true mask")


def csv_rows(report: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """A row a score: of each step, and of the classifier, over all classes and of each; None stays empty.

    A row over all classes names none.
    """
    for step, scores in [*report["steps"].items(), *_classifier(report)]:
        for prefix, group in [("", scores), *((f"{part}.", scores.get(part, {})) for part in _PARTS)]:
            for of_class, entry in [(_ALL_CLASSES, group), *group.get("classes", {}).items()]:
                bounds = entry.get("intervals", {})
                for name, value in entry.items():
                    if name != "threshold" and (value is None or isinstance(value, int | float)):
                        yield (step, of_class, prefix + name, value, *(bounds.get(name) or (None, None)))


def _classifier(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("classifier", report["classifier"])] if "classifier" in report else []
