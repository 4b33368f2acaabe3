"""What jobs ask of a data set's true masks and boxes, told before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from services.jobs.tables import Dataset
from wsmis_core.errors import Problem
from wsmis_core.spec import Coverage, Stage
from wsmis_core.spec.parts import Chosen, Split
from wsmis_core.spec.stages import ALL_SPLITS, Evaluate, MakePseudoLabels, StageParams, TrainSegmenter

__all__ = ["coverage_of", "truth_problems"]


def truth_problems(
    stage: Stage, roles: Collection[str], params: StageParams | None, dataset: Dataset
) -> list[Problem]:
    """What the job needs of true masks and boxes, and ``dataset`` does not have; ``roles`` of its inputs."""
    to_score = [role for role, wanted in stage.inputs.items() if wanted.needs_truth and role in roles]
    coverage = coverage_of(dataset)
    if to_score and not coverage.masks and not coverage.boxes:
        return [
            Problem(
                f"the data set {dataset.name} has neither masks nor boxes to score {', '.join(to_score)} by.",
                "dataset",
                "Register a data set with masks or boxes.",
            )
        ]
    learns = isinstance(params, TrainSegmenter) and params.targets == "true_masks"
    if learns and "train" not in coverage.masks:
        return [
            Problem(
                f"no image with a label in the train split of the data set {dataset.name} has a true mask.",
                "params.targets",
                "Set it to pseudo_labels, or register a data set with masks there.",
            )
        ]
    problems = [
        Problem(
            f"the {split} split of the data set {dataset.name} has no true masks to choose the threshold by.",
            f"{field}.split",
            "Choose it on another split, set another threshold, or register a data set with masks there.",
        )
        for field, split in _choices(params)
        if split not in coverage.masks
    ]
    if isinstance(params, Evaluate) and to_score and not {*coverage.masks, *coverage.boxes} & {params.split}:
        problems.append(
            Problem(
                f"the {params.split} split of the data set {dataset.name} has neither masks nor boxes.",
                "params.split",
                "Name another split, or register a data set with masks or boxes there.",
            )
        )
    return problems


def coverage_of(dataset: Dataset) -> Coverage:
    """What each of its splits has; what its registration did not count is there where any split has it."""

    def splits_with(what: str, *, if_not_counted: bool) -> list[Split]:
        return [
            split for split in ALL_SPLITS if _counted(dataset.splits.get(split)).get(what, if_not_counted)
        ]

    has_masks = bool(dataset.has_masks)
    return Coverage(
        images=splits_with("images", if_not_counted=True),
        masks=splits_with("masks", if_not_counted=True) if has_masks else (),
        boxes=splits_with("boxes", if_not_counted=bool(dataset.has_boxes)),
    )


def _choices(params: StageParams | None) -> Iterator[tuple[str, Split]]:
    """The fields that choose a threshold in sight of masks, each with the split that it looks at."""
    match params:
        case MakePseudoLabels(threshold=Chosen() as rule) | TrainSegmenter(threshold=Chosen() as rule):
            yield "params.threshold", rule.split
        case Evaluate(cam_threshold=Chosen() as rule):
            yield "params.cam_threshold", rule.split


def _counted(counts: object) -> Mapping[str, Any]:
    """A split's counts, as they came as JSON."""
    return counts if isinstance(counts, Mapping) else {}
