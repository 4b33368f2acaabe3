"""The figures that each stage has of itself at its end, so that gates on others are refused beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from wsmis_core.spec.coverage import Coverage

__all__ = ["METRICS", "Metric", "metric_named", "missing"]

Need = Literal["training", "instances", "val", "val_kept", "val_masks", "masks", "boxes"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a figure before it is there.

    Attributes:
        needs: without which a job does not have it.
        most: the highest that it can be.
        better: whether more of it is better, as a gate takes it.
        role: the input that it is a score of.
    """

    needs: tuple[Need, ...] = ()
    most: float = math.inf
    better: bool = True
    role: str | None = None


# Of a job's params and what its data set has: whether it is there, and what is said where it is not.
_NEEDS: Mapping[Need, tuple[Callable[[Any, Coverage], bool], str]] = {
    "training": (lambda params, _: params.epochs > 0, "a training of 0 epochs has none"),
    "instances": (lambda params, _: params.instances is not None, "params.instances is null"),
    "val": (lambda _, coverage: "val" in coverage.images, "the data set has no val split"),
    "val_kept": (lambda params, _: "val" in params.splits, "params.splits leave val out"),
    "val_masks": (
        lambda _, coverage: "val" in coverage.masks,
        "no image with a label in the val split has a true mask",
    ),
    "masks": (
        lambda params, coverage: params.split in coverage.masks,
        "no image with a label in the split has a true mask",
    ),
    "boxes": (lambda params, coverage: params.split in coverage.boxes, "no image in the split has a box"),
}


def metric_named(name: str, metrics: Mapping[str, Metric]) -> Metric | None:
    """The metric of this name among ``metrics``, whose names may be patterns."""
    return next((metric for pattern, metric in metrics.items() if fnmatchcase(name, pattern)), None)


def missing(metric: Metric, params: Any, roles: Collection[str], coverage: Coverage) -> str | None:
    """Why a job with ``params`` and inputs in ``roles`` will not have ``metric``; None where it may."""
    if metric.role is not None and metric.role not in roles:
        return f"the input {metric.role} is not given"
    needs = (_NEEDS[need] for need in metric.needs)
    return next((said for is_there, said in needs if not is_there(params, coverage)), None)


_COUNT = Metric()
_SHARE = Metric(most=1.0)
_NO_GOAL = Metric(better=False)  # losses, errors, thresholds

_LABEL_SCORES = ("f1", "f1_negative", "precision", "recall", "jaccard", "accuracy")
_VAL_SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "mean_iou")
_BEST = ("dice_positives", "iou", "mean_iou")
_LEVELS = ("10", "30", "50")


def _each(names: Iterable[str], metric: Metric, *needs: Need, form: str = "{}") -> dict[str, Metric]:
    """``metric`` with its needs under each name, put into ``form``."""
    return {form.format(name): replace(metric, needs=needs) for name in names}


def _of_validation(*needs: Need, soft: bool = True) -> dict[str, Metric]:
    """What a stage says of its label maps, and of the ``soft`` ones that they are cut from."""
    labels = _each(_VAL_SCORES, _SHARE, *needs, form="val_{}") | _each(["val_unknown"], _NO_GOAL, *needs)
    if not soft:
        return labels
    best = _each(_BEST, _SHARE, *needs, form="val_{}_best")
    return labels | best | _each(_BEST, _NO_GOAL, *needs, form="val_{}_best_threshold")


def _of_step(role: str, *, soft: bool = True, calibrated: bool = False) -> dict[str, Metric]:
    """What evaluate says of the step in ``role``."""
    scores = {
        **_each([*_VAL_SCORES, "precision", "recall", "background_iou"], _SHARE, "masks"),
        **_each(["images", "positives"], _COUNT, "masks"),
        **_each(["unknown", *["expected_error"] * calibrated], _NO_GOAL, "masks"),
        **_each(_LEVELS, _SHARE, "boxes", form="box_iou_{}"),
        **_each(_LEVELS, _SHARE, "boxes", form="box_iobb_{}"),
        **_each(_LEVELS, _NO_GOAL, "boxes", form="false_iou_{}"),
        **_each(_LEVELS, _NO_GOAL, "boxes", form="false_iobb_{}"),
        **_each(["pointing"] * soft, _SHARE, "boxes"),
        **_each(["boxes"], _COUNT, "boxes"),
    }
    return _of_role(role, scores)


def _of_role(role: str, scores: Mapping[str, Metric]) -> dict[str, Metric]:
    return {f"{role}_{name}": replace(metric, role=role) for name, metric in scores.items()}


_TRAINING = {"train_*": Metric(("training",), better=False)}
_MADE = {"images": _COUNT, "kept_unrefined": _NO_GOAL}

# By the stage's name; a name with a * is a pattern.
METRICS: Mapping[str, Mapping[str, Metric]] = {
    "train_classifier": {
        **_each(["train_loss"], _NO_GOAL, "training"),
        **_each(["val_loss"], _NO_GOAL, "val"),
        **_each(_LABEL_SCORES, _SHARE, "val", form="val_{}"),
    },
    "extract_cams": {**_MADE, **_of_validation("val_kept", "val_masks")},
    "make_ir_labels": {**_MADE, **_of_validation("val_kept", "val_masks", soft=False)},
    "train_irnet": _TRAINING,
    "make_pseudo_labels": {
        **_MADE,
        **_each(["instances"], _COUNT, "instances"),
        **_of_validation("val_kept", "val_masks"),
    },
    "train_segmenter": {
        **_TRAINING,
        **_each(["val_loss"], _NO_GOAL, "training", "val"),
        **_each(["mean_iou", "dice_pooled"], _SHARE, "training", "val", form="val_target_{}"),
        **_of_validation("val_masks"),
    },
    "evaluate": {
        **_of_step("cams"),
        **_of_step("ir_labels", soft=False),
        **_of_step("pseudo_labels"),
        **_of_step("segmenter", calibrated=True),
        **_of_step("ceiling", calibrated=True),
        **_of_role(
            "classifier",
            {
                **_each(["auc", *_LABEL_SCORES], _SHARE),
                "images": _COUNT,
                "expected_error": _NO_GOAL,
            },
        ),
    },
    "predict": {"images": _COUNT, "images_with_a_finding": _COUNT},
}
