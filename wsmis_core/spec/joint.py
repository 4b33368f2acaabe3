"""What only several params, inputs, or the jobs behind the inputs can get wrong together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from wsmis_core.errors import Problem
from wsmis_core.spec import stages
from wsmis_core.spec.archs import ENCODER_OF, IRNET_TRUNKS
from wsmis_core.spec.parts import Chosen, Split, WeightsFile
from wsmis_core.spec.stages import ALL_SPLITS

__all__ = ["joint_problems", "source_problems"]


def joint_problems(
    params: stages.Params, inputs: Mapping[str, object], *, roles: Iterable[str]
) -> list[Problem]:
    """What is wrong with ``params`` beside the roles in ``inputs``, and they with it.

    ``roles`` are all that the stage takes.
    """
    if isinstance(params, stages.Training) and params.epochs == 0:
        return [*_untrained_problems(params, inputs), *_classifier_problems(params, inputs)]
    return [*_target_problems(params, inputs, roles), *_classifier_problems(params, inputs)]


def source_problems(params: stages.Params, sources: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What is wrong with the inputs' own jobs; ``sources`` are the params of these by role."""
    return [*_arch_problems(params, sources), *_split_problems(params, sources)]


def _split_problems(params: stages.Params, sources: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Inputs that are not of the splits that are read of them."""
    problems = []
    for role, wanted in _splits_read(params).items():
        there = sources.get(role, {}).get("splits", ALL_SPLITS)
        missing = ", ".join(split for split in wanted if split not in there)
        if missing:
            problems.append(
                Problem(
                    f"the {role} are of the splits {', '.join(there)}, not of {missing}.",
                    f"inputs.{role}",
                    f"Make them with {missing} among their splits, or leave {missing} out here.",
                )
            )
    return problems


def _splits_read(params: stages.Params) -> Mapping[str, Collection[Split]]:
    """Of each role the splits that a job with ``params`` cannot do without."""
    match params:
        case stages.MakeIrLabels() | stages.MakePseudoLabels():
            return {"cams": params.splits}
        case stages.TrainIrnet():
            return {"ir_labels": ["train"]}
        case stages.TrainSegmenter():
            return {"pseudo_labels": ["train"]}
        case stages.Evaluate(cam_threshold=rule, split=split):
            of_cams = [split, rule.split] if isinstance(rule, Chosen) else [split]
            return {"cams": of_cams, "ir_labels": [split], "pseudo_labels": [split]}
        case _:
            return {}


def _arch_problems(params: stages.Params, sources: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """A classifier whose arch does not fit."""
    if "classifier" not in sources:
        return []
    arch = sources["classifier"]["arch"]
    match params:
        case stages.TrainClassifier() if arch != params.arch:
            return [
                Problem(
                    f"{params.arch} is not the classifier's arch, {arch}.",
                    "params.arch",
                    f"Set it to {arch}.",
                )
            ]
        case stages.TrainIrnet() if arch not in IRNET_TRUNKS:
            return [
                Problem(
                    f"IRNet has no trunk with the stages of {arch}.",
                    "inputs.classifier",
                    f"Give one of {', '.join(IRNET_TRUNKS)}; or set params.trunk to imagenet.",
                )
            ]
        case stages.TrainSegmenter() if arch not in ENCODER_OF:
            return [
                Problem(
                    f"{arch} has not all the stages of an encoder.",
                    "inputs.classifier",
                    f"Give one of {', '.join(ENCODER_OF)}; or set params.weights to none.",
                )
            ]
        case stages.TrainSegmenter() if params.encoder != ENCODER_OF[arch]:
            return [
                Problem(
                    f"{params.encoder} is not the encoder of a classifier {arch}.",
                    "params.encoder",
                    f"Set it to {ENCODER_OF[arch]}, or set params.weights to none.",
                )
            ]
        case _:
            return []


def _untrained_problems(params: stages.Training, inputs: Mapping[str, object]) -> list[Problem]:
    """Without training, the weights must be those of the whole model."""
    problems = []
    weights = getattr(params, "weights", None)
    whole = isinstance(weights, WeightsFile) and weights.part == "all"
    if not whole and not (isinstance(params, stages.TrainClassifier) and "classifier" in inputs):
        problems.append(
            Problem(
                "a training of 0 epochs takes the weights as they are, and those of a whole model "
                "are not given.",
                "params.epochs",
                "Set params.weights to {file: PATH}, or train for 1 epoch or more.",
            )
        )
    if isinstance(params, stages.TrainSegmenter) and params.targets != "pseudo_labels":
        problems.append(
            Problem("a training of 0 epochs learns from no targets.", "params.targets", "Take it out.")
        )
    if params.max_steps is not None:
        problems.append(Problem("a training of 0 epochs has no steps.", "params.max_steps", "Take it out."))
    return problems


def _classifier_problems(params: stages.Params, inputs: Mapping[str, object]) -> list[Problem]:
    """The input `classifier` goes with the params that ask for it, and with no others."""
    given = "classifier" in inputs
    match params:
        case stages.TrainClassifier(weights=weights) if given and weights != "none":
            return [
                Problem(
                    "weights come from this input, or from params.weights.",
                    "inputs.classifier",
                    "Take it out, or set params.weights to none.",
                )
            ]
        case stages.TrainSegmenter(weights=weights) if (weights == "classifier") != given:
            return [
                Problem(
                    f"weights are {_shown(weights)}; this input goes with the weights `classifier` and no "
                    "others.",
                    "inputs.classifier",
                    "Give the id of a train_classifier job and set params.weights to classifier, or neither.",
                )
            ]
        case stages.TrainIrnet(trunk="classifier") if not given:
            return [
                Problem(
                    "the trunk is to come from a classifier, and this input is missing.",
                    "inputs.classifier",
                    "Give the id of a train_classifier job, or set params.trunk to imagenet.",
                )
            ]
        case stages.TrainIrnet(trunk=trunk) if trunk != "classifier" and given:
            return [
                Problem(
                    f"the trunk is {trunk}, so this input would not be used.",
                    "inputs.classifier",
                    "Take it out, or set params.trunk to classifier.",
                )
            ]
        case _:
            return []


def _shown(weights: object) -> str:
    return weights.file if isinstance(weights, WeightsFile) else str(weights)


def _target_problems(
    params: stages.Params, inputs: Mapping[str, object], roles: Iterable[str]
) -> list[Problem]:
    """What there is to learn from, to walk, to score, or to predict."""
    match params:
        case stages.TrainSegmenter(targets="pseudo_labels") if "pseudo_labels" not in inputs:
            return [
                Problem(
                    "targets are pseudo_labels, and this input is missing.",
                    "inputs.pseudo_labels",
                    "Give the id of a make_pseudo_labels job, or set params.targets to true_masks.",
                )
            ]
        case stages.TrainSegmenter(targets="true_masks") if "pseudo_labels" in inputs:
            return [
                Problem(
                    "targets are true_masks, so this input would not be used.",
                    "inputs.pseudo_labels",
                    "Take it out, or set params.targets to pseudo_labels.",
                )
            ]
        case stages.MakePseudoLabels() if "irnet" not in inputs:
            return _of_the_walk_alone(params)
        case stages.Evaluate() if not inputs:
            return [
                Problem(
                    "there is nothing to score.",
                    "inputs",
                    f"Give at least one of {', '.join(roles)}.",
                )
            ]
        case stages.Predict(split=None, files=()):
            return [Problem("there is nothing to predict.", "params.split", "Name a split, or give files.")]
        case _:
            return []


def _of_the_walk_alone(params: stages.MakePseudoLabels) -> list[Problem]:
    """The params that say how to walk, where nothing is walked."""
    fields = type(params).model_fields
    return [
        Problem(
            f"without the input irnet nothing is walked, so that {getattr(params, name)!r} has no meaning.",
            f"params.{name}",
            "Give the id of a train_irnet job as inputs.irnet, or leave this as it is by default.",
        )
        for name in ("crop_size", "radius", "beta", "log2_steps", "refine_before", "instances")
        if getattr(params, name) != fields[name].default
    ]
