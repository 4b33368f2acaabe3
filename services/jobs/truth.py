"""What jobs ask of a data set's true masks and boxes, told before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from services.jobs.tables import Dataset
from wsmis_core.errors import Problem
from wsmis_core.spec import Stage
from wsmis_core.spec.parts import Chosen, Split
from wsmis_core.spec.stages import Evaluate, MakePseudoLabels, StageParams, TrainSegmenter

__all__ = ["truth_problems"]


def truth_problems(
    stage: Stage, roles: Collection[str], params: StageParams | None, dataset: Dataset
) -> list[Problem]:
    """What the job needs of true masks and boxes, and ``dataset`` does not have; ``roles`` of its inputs."""
    to_score = [role for role, wanted in stage.inputs.items() if wanted.needs_truth and role in roles]
    if to_score and not dataset.has_masks and not dataset.has_boxes:
        return [
            Problem(
                f"the data set {dataset.name} has neither masks nor boxes to score {', '.join(to_score)} by.",
                "dataset",
                "Register a data set with masks or boxes.",
            )
        ]
    if isinstance(params, TrainSegmenter) and params.targets == "true_masks" and not dataset.has_masks:
        return [
            Problem(
                f"the data set {dataset.name} has no true masks.",
                "params.targets",
                "Set it to pseudo_labels, or register a data set with masks.",
            )
        ]
    problems = [
        Problem(
            f"the {split} split of the data set {dataset.name} has no true masks to choose the threshold by.",
            f"{field}.split",
            "Choose it on another split, set another threshold, or register a data set with masks there.",
        )
        for field, split in _choices(params)
        if not dataset.has_masks or not _count(dataset, split, "masks")
    ]
    if isinstance(params, Evaluate) and to_score and not _scorable(dataset, params.split):
        problems.append(
            Problem(
                f"the {params.split} split of the data set {dataset.name} has neither masks nor boxes.",
                "params.split",
                "Name another split, or register a data set with masks or boxes there.",
            )
        )
    return problems


def _scorable(dataset: Dataset, split: Split) -> bool:
    return bool(_count(dataset, split, "masks") or _count(dataset, split, "boxes", unknown=0))


def _choices(params: StageParams | None) -> Iterator[tuple[str, Split]]:
    """The fields that choose a threshold in sight of masks, each with the split that it looks at."""
    match params:
        case MakePseudoLabels(threshold=Chosen() as rule) | TrainSegmenter(threshold=Chosen() as rule):
            yield "params.threshold", rule.split
        case Evaluate(cam_threshold=Chosen() as rule):
            yield "params.cam_threshold", rule.split


def _count(dataset: Dataset, split: str, what: str, *, unknown: int = 1) -> int:
    """Images of the split with masks or boxes; ``unknown`` where the registration did not count them."""
    counts = dataset.splits.get(split)
    found = counts.get(what, unknown) if isinstance(counts, dict) else unknown
    return int(found)
