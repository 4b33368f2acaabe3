"""Scores of every step against true masks, and of the classifier against image labels, as one report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from wsmis_core.data import DatasetIndex, Sample, shape_at
from wsmis_core.engine import RunContext, StageResult
from wsmis_core.export import Captioned
from wsmis_core.metrics import LEVEL, Bootstrap
from wsmis_core.spec.parts import CAM_THRESHOLD, Chosen, Fixed
from wsmis_core.spec.stages import Evaluate
from wsmis_core.stages.box_report import box_report, box_tables
from wsmis_core.stages.findings import Finder, cams_finder, check_classes, labels_finder
from wsmis_core.stages.inputs import Input, dataset_index, input_artifact, samples_of
from wsmis_core.stages.label_report import label_report, label_table
from wsmis_core.stages.preview import captioned_layers, evenly_spread
from wsmis_core.stages.report_files import write_report
from wsmis_core.stages.scoring import choose, tallies
from wsmis_core.stages.segmenter_findings import segmenter_finder
from wsmis_core.stages.step_report import step_report
from wsmis_core.stages.truth import filled_boxes, masked_samples, no_masks, true_masks

__all__ = ["run"]


@torch.no_grad()
def run(context: RunContext, params: Evaluate) -> StageResult:
    """Write `report.json`, `report.csv`, `report.html` and, where asked for, `overlays.png`."""
    index = dataset_index(context)
    classifier = _classifier_of(context, index)
    report: dict[str, Any] = {
        "schema_version": 1,
        "split": params.split,
        "classes": list(index.classes),
        "images": len(index.split(params.split)),
    }
    steps = _steps(context, params, index)
    finders = {role: step.finder for role, step in steps.items()}
    masked = masked_samples(index, [params.split]) if steps else []
    boxed = [sample for sample in index.split(params.split) if sample.boxes] if steps else []
    report["steps"] = {role: {"threshold": step.threshold} for role, step in steps.items()}
    if masked:
        counted = tallies(context, index, finders, masked, size="native", batch_size=params.batch_size)
        bootstrap = _bootstrap(params, masked)
        for role, tally in counted.items():
            report["steps"][role] |= step_report(tally, classes=index.classes, bootstrap=bootstrap)
    if boxed:
        tables = box_tables(context, index, finders, boxed, batch_size=params.batch_size)
        bootstrap = _bootstrap(params, boxed)
        for role, boxes in tables.items():
            report["steps"][role]["boxes"] = box_report(boxes, classes=index.classes, bootstrap=bootstrap)
    if classifier is not None:
        labelled = samples_of(index, [params.split])
        table = label_table(context, classifier, index, labelled, batch_size=params.batch_size)
        report["classifier"] = label_report(
            table, classes=index.classes, bootstrap=_bootstrap(params, labelled)
        )
    report["intervals"] = {
        "level": LEVEL,
        "resamples": params.resamples,
        "seed": params.seed,
        "over": _over(index.split(params.split)),
    }
    if context.ranks.is_main:
        shown = evenly_spread(masked or boxed, params.overlays)
        write_report(context, report, _rows(index, shown, finders, batch_size=params.batch_size))
    return StageResult(
        metrics=dict(_metrics(report)), details={"split": params.split, "classes": list(index.classes)}
    )


def _classifier_of(context: RunContext, index: DatasetIndex) -> Input | None:
    """The input, if it is given; raises DataError where it knows other classes than the data set."""
    if "classifier" not in context.spec.inputs:
        return None
    source = input_artifact(context, "classifier")
    check_classes(source, "classifier", index)
    return source


@dataclass(frozen=True, slots=True)
class _Step:
    """What a step finds, and the threshold that it was cut by, for the report."""

    finder: Finder
    threshold: Mapping[str, Any] | None


def _steps(context: RunContext, params: Evaluate, index: DatasetIndex) -> dict[str, _Step]:
    """The steps that are given; raises DataError where the split has nothing to score them against."""
    roles = [role for role in STEPS if role in context.spec.inputs]
    boxed = any(sample.boxes for sample in index.split(params.split))
    if roles and not boxed and not masked_samples(index, [params.split]):
        raise no_masks(params.split, field="params.split")
    return {role: STEPS[role](context, params, index, role) for role in roles}


def _cams(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> _Step:
    rule = params.cam_threshold
    source = input_artifact(context, role)
    if not isinstance(rule, Chosen):
        return _Step(cams_finder(source, role, threshold=rule, splits=[params.split]), rule.model_dump())
    finder = cams_finder(source, role, threshold=CAM_THRESHOLD, splits=[params.split, rule.split])
    choice = choose(
        context,
        index,
        finder,
        rule,
        maps=finder.maps,
        field="params.cam_threshold",
        size="native",
        batch_size=params.batch_size,
    )
    return _Step(replace(finder, threshold=Fixed(value=choice.value)), choice.described())


def _label_maps(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> _Step:
    del index
    source = input_artifact(context, role)
    finder = labels_finder(source, role, splits=[params.split])
    return _Step(finder, source.details.get("threshold"))


def _segmenter(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> _Step:
    finder = segmenter_finder(context, role, index, scales=params.scales, flip=params.flip)
    details = finder.segmenter.details
    return _Step(finder, details.chosen_threshold or Fixed(value=details.threshold).model_dump())


STEPS: Mapping[str, Callable[[RunContext, Evaluate, DatasetIndex, str], _Step]] = {
    "cams": _cams,
    "ir_labels": _label_maps,
    "pseudo_labels": _label_maps,
    "segmenter": _segmenter,
    "ceiling": _segmenter,
}


def _bootstrap(params: Evaluate, samples: Sequence[Sample]) -> Bootstrap:
    """Over patients; where they are not known, an image is its own."""
    return Bootstrap([sample.patient for sample in samples], resamples=params.resamples, seed=params.seed)


def _over(samples: Sequence[Sample]) -> str:
    return "patients" if len({sample.patient for sample in samples}) < len(samples) else "images"


def _metrics(report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The overall scores, `<step>_<score>`."""
    for name, scores in [*report["steps"].items(), *_classifier(report)]:
        for score, value in scores.items():
            if isinstance(value, int | float):
                yield f"{name}_{score}", float(value)
        for part in ("boxes", "calibration"):
            for score, value in scores.get(part, {}).items():
                if isinstance(value, int | float) and score != "images":
                    yield f"{name}_{score}", float(value)


def _classifier(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("classifier", report["classifier"])] if "classifier" in report else []


def _rows(
    index: DatasetIndex, samples: Sequence[Sample], finders: Mapping[str, Finder], *, batch_size: int
) -> list[list[Captioned]]:
    """Of each sample the image, its true mask and each step's labels, captioned."""
    rows = []
    for start in range(0, len(samples), batch_size):
        batch = samples[start : start + batch_size]
        shapes = [shape_at(sample, "native") for sample in batch]
        found = {
            name: [one.labels.cpu().numpy() for one in finder.found(batch, shapes)]
            for name, finder in finders.items()
        }
        for number, (sample, shape) in enumerate(zip(batch, shapes, strict=True)):
            of_masks = true_masks if sample.has_masks else filled_boxes
            truth = of_masks(index, sample, shape=shape).class_ids.numpy()
            layers = [("truth", truth), *((name, labels[number]) for name, labels in found.items())]
            rows.append(captioned_layers(index, sample, layers))
    return rows
