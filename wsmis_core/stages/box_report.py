"""Steps against boxes: how many of them a step's regions find, and whether its strongest point lies in one.

Axes: N images, C classes (background excluded).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wsmis_core.data import DatasetIndex, Sample, shape_at
from wsmis_core.engine import RunContext
from wsmis_core.metrics import Bootstrap, BoxTable, box_counts, box_scores, intervals
from wsmis_core.stages.findings import Finder, Found
from wsmis_core.stages.step_report import number_or_none

__all__ = ["box_report", "box_tables"]


def box_tables(
    context: RunContext,
    index: DatasetIndex,
    finders: Mapping[str, Finder],
    samples: Sequence[Sample],
    *,
    batch_size: int,
) -> dict[str, BoxTable]:
    """Each step's counts over ``samples``, which have boxes, at their own size; whole on every rank."""
    device = context.ranks.device
    tables = {name: BoxTable(len(samples), len(index.classes), device=device) for name in finders}
    mine = context.ranks.share(len(samples))
    progress = context.progress("boxes", total=len(mine), unit="images")
    for start in range(0, len(mine), batch_size):
        context.stop.check()
        numbers = mine[start : start + batch_size]
        batch = [samples[number] for number in numbers]
        shapes = [shape_at(sample, "native") for sample in batch]
        for name, finder in finders.items():
            for number, sample, found in zip(numbers, batch, finder.found(batch, shapes), strict=True):
                each = [_counts(sample, found, class_id) for class_id in range(1, len(index.classes) + 1)]
                tables[name].enter(number, each)
        progress.advance(len(batch))
    return {name: table.summed(context.ranks.summed) for name, table in tables.items()}


def _counts(sample: Sample, found: Found, class_id: int) -> Tensor:
    boxes = torch.tensor(sample.boxes_of(class_id), dtype=torch.float64).reshape(-1, 4)
    activation = None
    if found.soft is not None:  # without a map of the class, it points at nothing
        activation = found.soft.maps.get(class_id, torch.zeros_like(found.soft.strengths)).cpu()
    return box_counts(boxes, mask=found.labels == class_id, activation=activation)


def box_report(table: BoxTable, *, classes: Sequence[str], bootstrap: Bootstrap) -> dict[str, Any]:
    """A step's `boxes` in `report.json`: over the boxes of all classes, and of each class that has some."""
    rows = table.rows  # (N, C, counts)
    report = _entry(rows.sum(dim=1), bootstrap)
    report["classes"] = {
        name: _entry(rows[:, number], bootstrap)
        for number, name in enumerate(classes)
        if rows[:, number].any()
    }
    return report


def _entry(rows: Tensor, bootstrap: Bootstrap) -> dict[str, Any]:
    """The scores of rows (N, counts), with their intervals."""
    sums = rows.sum(dim=0)
    entry: dict[str, Any] = {"images": int(sums[0]), "boxes": int(sums[1])}
    entry |= {name: number_or_none(value) for name, value in box_scores(sums).items()}
    if bootstrap.possible:
        entry["intervals"] = intervals(box_scores(bootstrap.sums(rows)))
    return entry
