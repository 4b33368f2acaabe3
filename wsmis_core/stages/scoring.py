"""Steps against true masks: what evaluate reports, what other stages say of themselves, chosen thresholds.

All of it is counted once over the images, on all ranks, and summed before anything is divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from wsmis_core.data import DatasetIndex, Sample, shape_at
from wsmis_core.engine import RunContext
from wsmis_core.errors import DataError
from wsmis_core.metrics import CalibrationCounts, CurveCounts, ImageTable, Truth
from wsmis_core.spec.parts import Chosen, Size, Split
from wsmis_core.stages.findings import Finder, Found
from wsmis_core.stages.maps import MapsFolder
from wsmis_core.stages.truth import masked_samples, required_masks, true_masks

__all__ = ["Choice", "StepTally", "choose", "tallies", "validation_scores"]

# What a stage says of itself on the validation split.
_VALIDATION_SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "mean_iou")
_BEST = ("dice_positives", "iou", "mean_iou")


@dataclass(frozen=True, slots=True)
class StepTally:
    """The counters of one step; of a curve and a calibration only where it has what they need."""

    table: ImageTable
    curve: CurveCounts | None
    calibration: CalibrationCounts | None

    @classmethod
    def of(cls, finder: Finder, *, images: int, classes: int, device: torch.device) -> StepTally:
        """Empty counters for what ``finder`` finds."""
        return cls(
            ImageTable(images, classes, device=device),
            CurveCounts(classes, device=device) if finder.soft else None,
            CalibrationCounts(classes, device=device) if finder.calibrated else None,
        )

    def enter(self, image: int, found: Found, truth: Truth) -> None:
        """Count one image, once over all ranks, under its number."""
        self.table.enter(image, found.labels, truth)
        if self.curve is not None:
            assert found.soft is not None
            self.curve.update(found.soft.strengths, found.soft.class_ids, truth)
        if self.calibration is not None:
            assert found.soft is not None
            probabilities = torch.stack([found.soft.maps[number] for number in sorted(found.soft.maps)])
            self.calibration.update(probabilities, *truth)

    def summed(self, context: RunContext) -> StepTally:
        """Over all ranks."""
        over_ranks = context.ranks.summed
        return replace(
            self,
            table=self.table.summed(over_ranks),
            curve=self.curve and self.curve.summed(over_ranks),
            calibration=self.calibration and self.calibration.summed(over_ranks),
        )


def tallies(
    context: RunContext,
    index: DatasetIndex,
    finders: Mapping[str, Finder],
    samples: Sequence[Sample],
    *,
    size: Size,
    batch_size: int,
    phase: str = "scoring",
) -> dict[str, StepTally]:
    """Each step's counters over ``samples`` at ``size``, whole on every rank."""
    device = context.ranks.device
    counted = {
        name: StepTally.of(finder, images=len(samples), classes=len(index.classes), device=device)
        for name, finder in finders.items()
    }
    mine = context.ranks.share(len(samples))
    progress = context.progress(phase, total=len(mine), unit="images")
    for start in range(0, len(mine), batch_size):
        context.stop.check()
        numbers = mine[start : start + batch_size]
        batch = [samples[number] for number in numbers]
        shapes = [shape_at(sample, size) for sample in batch]
        truths = [
            true_masks(index, sample, shape=shape, device=device)
            for sample, shape in zip(batch, shapes, strict=True)
        ]
        for name, finder in finders.items():
            for number, found, truth in zip(numbers, finder.found(batch, shapes), truths, strict=True):
                counted[name].enter(number, _on(device, found), truth)
        progress.advance(len(batch))
    return {name: tally.summed(context) for name, tally in counted.items()}


def _on(device: torch.device, found: Found) -> Found:
    soft = found.soft
    return Found(
        found.labels.to(device),
        soft and replace(soft, strengths=soft.strengths.to(device), class_ids=soft.class_ids.to(device)),
    )


@torch.no_grad()
def validation_scores(
    context: RunContext,
    index: DatasetIndex,
    finder: Finder,
    *,
    splits: Sequence[Split] = ("val",),
    size: Size,
    batch_size: int = 1,
) -> dict[str, float]:
    """`val_dice_positives` and others, for a stage's metrics; none where the split is not among its
    ``splits``, or has no true masks.

    Taken at ``size``, at which the stage keeps its results, which is cheap; scores at the images' own size
    are evaluate's. Soft maps also say how good the best threshold would be. Nothing that
    a stage leaves depends on them.
    """
    samples = masked_samples(index, ["val"]) if "val" in splits else []
    if not samples:
        return {}
    context.ranks.wait()  # what other ranks made is read
    tally = tallies(
        context,
        index,
        {"step": finder},
        samples,
        size=size,
        batch_size=batch_size,
        phase="validation scores",
    )["step"]
    overall = tally.table.scores().overall
    scores = {f"val_{name}": overall[name].item() for name in _VALIDATION_SCORES}
    if tally.table.unknown is not None:
        scores["val_unknown"] = tally.table.unknown
    if tally.curve is not None:
        for name in _BEST:
            best = tally.curve.best(name)
            if best is not None:
                scores |= {f"val_{name}_best": best.score, f"val_{name}_best_threshold": best.threshold}
    return {name: value for name, value in scores.items() if value == value}


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold that was chosen in sight of true masks, and its score there."""

    rule: Chosen
    value: float
    score: float
    images: int

    def described(self) -> dict[str, Any]:
        """For an artifact's details and the report."""
        return {**self.rule.model_dump(), "value": self.value, "reached": self.score, "images": self.images}


@torch.no_grad()
def choose(
    context: RunContext,
    index: DatasetIndex,
    finder: Finder,
    rule: Chosen,
    *,
    maps: MapsFolder | None = None,
    field: str,
    size: Size,
    batch_size: int = 1,
) -> Choice:
    """The threshold of the step's soft maps with the best score on the rule's split.

    Raises DataError that names ``field`` where the split has no true masks, or no object at ``size``, or
    where the step keeps its ``maps`` and there are none of an image that has a label.
    """
    samples = required_masks(index, rule.split, size=size, field=f"{field}.split")
    context.ranks.wait()
    if maps is not None and not any(maps.has(sample) for sample in samples if sample.class_ids):
        raise DataError(
            f"No image of the {rule.split} split that has a label and a true mask has maps.",
            field=f"{field}.split",
            remedy="Name another split, or run extract_cams with this one among its splits.",
        )
    tally = tallies(
        context,
        index,
        {"step": finder},
        samples,
        size=size,
        batch_size=batch_size,
        phase="choosing the threshold",
    )["step"]
    assert tally.curve is not None, "only soft maps have a threshold"
    best = tally.curve.best(rule.score)
    assert best is not None, "an image has an object"
    context.events.log(
        f"The threshold {best.threshold:.4g} has the best {rule.score}, {best.score:.3f}, on the "
        f"{len(samples)} images of the {rule.split} split with true masks."
    )
    return Choice(rule, best.threshold, best.score, len(samples))
