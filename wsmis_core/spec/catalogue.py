"""The eight stages: what each takes in, what it leaves, and what it needs of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec import stages
from wsmis_core.spec.joint import joint_problems
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
    # The model must know the very classes of the job's data set.
    same_classes: bool = False
    # It is there to be scored, which takes true masks or boxes.
    needs_truth: bool = False
    # What a training learns from: none is needed, or taken, where it has no epochs.
    targets: bool = False


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
_SAME_MODEL = {"same_dataset": False, "same_classes": True}

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
        Stage(
            "extract_cams", stages.ExtractCams, "cams", {"classifier": InputRole("classifier", **_SAME_MODEL)}
        ),
        Stage("make_ir_labels", stages.MakeIrLabels, "ir_labels", {"cams": InputRole("cams")}),
        Stage(
            "train_irnet",
            stages.TrainIrnet,
            "irnet",
            {
                "ir_labels": InputRole("ir_labels", targets=True),
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
                "pseudo_labels": InputRole("pseudo_labels", required=False, targets=True),
                "classifier": InputRole("classifier", required=False, **_MODEL),
            },
            trains=True,
        ),
        Stage(
            "evaluate",
            stages.Evaluate,
            "report",
            {
                "classifier": InputRole("classifier", required=False, **_SAME_MODEL),
                "cams": InputRole("cams", required=False, needs_truth=True),
                "ir_labels": InputRole("ir_labels", required=False, needs_truth=True),
                "pseudo_labels": InputRole("pseudo_labels", required=False, needs_truth=True),
                "segmenter": InputRole("segmenter", required=False, needs_truth=True, **_SAME_MODEL),
                "ceiling": InputRole("segmenter", required=False, needs_truth=True, **_SAME_MODEL),
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
    no_training = isinstance(made, stages.Training) and made.epochs == 0
    problems.extend(_input_problems(entry, inputs, no_training=no_training))
    if made is not None:
        problems.extend(joint_problems(made, inputs, roles=entry.inputs))
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    return made  # type: ignore[no-any-return]  # the union's member for this stage


def _input_problems(entry: Stage, inputs: Mapping[str, object], *, no_training: bool) -> list[Problem]:
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
        if wanted.required and role not in inputs and not (no_training and wanted.targets)
    ]
    problems += [
        Problem("a training of 0 epochs would not use it.", f"inputs.{role}", "Take it out, or train.")
        for role, wanted in entry.inputs.items()
        if role in inputs and no_training and wanted.targets
    ]
    return problems


def producer(kind: ArtifactKind) -> StageName:
    """The stage whose jobs leave artifacts of ``kind``."""
    return next(stage.name for stage in CATALOGUE.values() if stage.output == kind)
