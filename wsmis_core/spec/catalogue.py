"""The eight stages: what each takes in, what it leaves, and what it needs of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec import stages
from wsmis_core.spec.model import validate

__all__ = ["CATALOGUE", "ArtifactKind", "InputRole", "Stage", "StageName", "make_params", "producer"]

StageName = Literal[
    "train_classifier",
    "extract_cams",
    "make_ir_labels",
    "train_irnet",
    "make_pseudo_labels",
    "train_segmenter",
    "evaluate",
    "predict",
]
ArtifactKind = Literal[
    "classifier", "cams", "ir_labels", "irnet", "pseudo_labels", "segmenter", "report", "predictions"
]


@dataclass(frozen=True, slots=True)
class InputRole:
    """One named input: the kind of artifact that may stand there, and whether it must."""

    kind: ArtifactKind
    required: bool = True
    # The input must come from the job's own data set: it is keyed by that set's samples.
    same_dataset: bool = True
    # It is there to be scored, which takes true masks or boxes.
    needs_truth: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A kind of work."""

    name: StageName
    params: type[stages.Params]
    output: ArtifactKind
    inputs: Mapping[str, InputRole] = field(default_factory=dict)
    trains: bool = False  # more than one rank has something to share

    @property
    def summary(self) -> str:
        return (self.params.__doc__ or "").strip()


_MODEL = {"same_dataset": False}

CATALOGUE: Mapping[StageName, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "train_classifier",
            stages.TrainClassifier,
            "classifier",
            {"classifier": InputRole("classifier", required=False, **_MODEL)},
            trains=True,
        ),
        Stage("extract_cams", stages.ExtractCams, "cams", {"classifier": InputRole("classifier", **_MODEL)}),
        Stage("make_ir_labels", stages.MakeIrLabels, "ir_labels", {"cams": InputRole("cams")}),
        Stage(
            "train_irnet",
            stages.TrainIrnet,
            "irnet",
            {
                "ir_labels": InputRole("ir_labels"),
                "classifier": InputRole("classifier", required=False, **_MODEL),
            },
            trains=True,
        ),
        Stage(
            "make_pseudo_labels",
            stages.MakePseudoLabels,
            "pseudo_labels",
            {"cams": InputRole("cams"), "irnet": InputRole("irnet", required=False, **_MODEL)},
        ),
        Stage(
            "train_segmenter",
            stages.TrainSegmenter,
            "segmenter",
            {
                "pseudo_labels": InputRole("pseudo_labels", required=False),
                "classifier": InputRole("classifier", required=False, **_MODEL),
            },
            trains=True,
        ),
        Stage(
            "evaluate",
            stages.Evaluate,
            "report",
            {
                "classifier": InputRole("classifier", required=False, **_MODEL),
                "cams": InputRole("cams", required=False, needs_truth=True),
                "ir_labels": InputRole("ir_labels", required=False, needs_truth=True),
                "pseudo_labels": InputRole("pseudo_labels", required=False, needs_truth=True),
                "segmenter": InputRole("segmenter", required=False, needs_truth=True, **_MODEL),
                "ceiling": InputRole("segmenter", required=False, needs_truth=True, **_MODEL),
            },
        ),
        Stage("predict", stages.Predict, "predictions", {"segmenter": InputRole("segmenter", **_MODEL)}),
    )
}
assert set(CATALOGUE) == set(get_args(StageName))


def make_params(stage: str, params: Mapping[str, Any], inputs: Mapping[str, object]) -> stages.StageParams:
    """The params of ``stage``, checked by themselves and together with the roles in ``inputs``.

    Raises SpecError that lists every offending field: of the params under ``params.``, of
    the inputs under ``inputs.``.
    """
    entry = next((known for known in CATALOGUE.values() if known.name == stage), None)
    if entry is None:
        names = ", ".join(CATALOGUE)
        raise SpecError(f"{stage!r} is not a stage.", field="stage", remedy=f"Use one of {names}.")
    if params.get("stage", stage) != stage:
        raise SpecError(
            f"{params['stage']!r} is not the job's stage.",
            field="params.stage",
            remedy=f"Leave it out, or say {stage}.",
        )
    problems: list[Problem] = []
    made: Any = None
    try:
        made = validate(entry.params, {**params, "stage": stage}, prefix="params")
    except SpecError as error:
        problems.extend(error.problems)
    problems.extend(_input_problems(entry, inputs))
    if made is not None:
        problems.extend(_joint_problems(made, inputs))
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    return made  # type: ignore[no-any-return]  # the union's member for this stage


def _input_problems(entry: Stage, inputs: Mapping[str, object]) -> list[Problem]:
    roles = ", ".join(entry.inputs) or "none"
    problems = [
        Problem(f"{entry.name} takes no such input.", f"inputs.{role}", f"The inputs here are: {roles}.")
        for role in inputs
        if role not in entry.inputs
    ]
    problems += [
        Problem(
            f"{entry.name} needs this input.",
            f"inputs.{role}",
            f"Give the id of a job that makes {wanted.kind} ({producer(wanted.kind)}).",
        )
        for role, wanted in entry.inputs.items()
        if wanted.required and role not in inputs
    ]
    return problems


def _joint_problems(params: stages.Params, inputs: Mapping[str, object]) -> list[Problem]:
    """What only params and inputs together can get wrong."""
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
        case stages.TrainSegmenter(weights=weights) if (weights == "classifier") != ("classifier" in inputs):
            return [
                Problem(
                    f"weights are {weights}; this input goes with the weights `classifier` and no others.",
                    "inputs.classifier",
                    "Give the id of a train_classifier job and set params.weights to classifier, or neither.",
                )
            ]
        case stages.TrainIrnet(trunk="classifier") if "classifier" not in inputs:
            return [
                Problem(
                    "the trunk is to come from a classifier, and this input is missing.",
                    "inputs.classifier",
                    "Give the id of a train_classifier job, or set params.trunk to imagenet.",
                )
            ]
        case stages.MakePseudoLabels() if "irnet" not in inputs:
            return _of_the_walk_alone(params)
        case stages.Evaluate() if not inputs:
            return [
                Problem(
                    "there is nothing to score.",
                    "inputs",
                    f"Give at least one of {', '.join(CATALOGUE['evaluate'].inputs)}.",
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


def producer(kind: ArtifactKind) -> StageName:
    """The stage whose jobs leave artifacts of ``kind``."""
    return next(stage.name for stage in CATALOGUE.values() if stage.output == kind)
