"""From a recipe to steps that can run: overrides, gates, and what the data set has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from wsmis_core.errors import Problem, SpecError
from wsmis_core.spec.catalogue import CATALOGUE, StageName, make_params
from wsmis_core.spec.coverage import Coverage
from wsmis_core.spec.joint import source_problems
from wsmis_core.spec.min_score import MinScore, changed_min_score, gate_problems
from wsmis_core.spec.model import Spec
from wsmis_core.spec.recipe import Recipe, Step
from wsmis_core.spec.stages import Params

__all__ = ["EVERY_STEP", "PlannedStep", "plan"]

# The key of overrides that go to every step that has such a param.
EVERY_STEP = "*"


class PlannedStep(Spec):
    """A step whose params are whole and checked; ``inputs``: role -> step."""

    name: str
    stage: StageName
    params: dict[str, Any]
    inputs: dict[str, str]
    min_score: MinScore = Field(default_factory=dict)


def plan(
    recipe: Recipe,
    overrides: Mapping[str, Mapping[str, Any]],
    *,
    coverage: Coverage,
    min_score: Mapping[str, Mapping[str, float | None]] | None = None,
) -> list[PlannedStep]:
    """The recipe's steps in an order that can run, with ``overrides`` ({step: {param: value}}) applied.

    ``min_score`` ({step: {metric: least}}) is laid over the recipe's own gates. Steps that train on
    true masks are left out where the train split has none, and so are optional inputs that name
    them, or that are to be scored where no split has masks or boxes; a step that is left without
    its inputs is left out too. Raises SpecError that lists every offending field as
    `params.<step>.<param>` or `min_score.<step>`.
    """
    gates = min_score or {}
    steps = _possible(recipe, coverage)
    problems = _unknown_steps(recipe, overrides, gates) + _left_out(recipe, steps, gates)
    planned: dict[str, PlannedStep] = {}
    for name in _order(steps):
        step = steps[name]
        given = {
            **step.params,
            **_for_every(overrides, CATALOGUE[step.stage].params),
            **overrides.get(name, {}),
        }
        try:
            params = make_params(step.stage, given, step.inputs)
        except SpecError as error:
            problems += [_under_step(problem, name) for problem in error.problems]
            continue
        made = {role: planned[source].params for role, source in step.inputs.items() if source in planned}
        problems += [_under_step(problem, name) for problem in source_problems(params, made)]
        least = changed_min_score(step.min_score, gates.get(name, {}))
        problems += gate_problems(least, params, step.inputs, coverage, field=f"min_score.{name}")
        planned[name] = PlannedStep(
            name=name,
            stage=step.stage,
            params=params.model_dump(mode="json"),
            inputs=step.inputs,
            min_score=least,
        )
    if problems:
        first = problems[0]
        raise SpecError(first.message, field=first.field, remedy=first.remedy, problems=problems)
    return list(planned.values())


def _possible(recipe: Recipe, coverage: Coverage) -> dict[str, Step]:
    """The steps that the data set has what they need for, with the inputs that are left."""
    has_truth = coverage.masks or coverage.boxes
    learns = "train" in coverage.masks
    steps = {name: step for name, step in recipe.steps.items() if learns or not step.needs_masks}
    possible = {}
    for name, step in steps.items():
        roles = CATALOGUE[step.stage].inputs
        inputs = {
            role: source
            for role, source in step.inputs.items()
            if source in steps and (has_truth or role not in roles or not roles[role].needs_truth)
        }
        if inputs or not step.inputs:
            possible[name] = step.model_copy(update={"inputs": inputs})
    return possible


def _order(steps: Mapping[str, Step]) -> list[str]:
    """The steps as listed, each moved behind the last of its inputs."""
    order: list[str] = []
    while len(order) < len(steps):
        waiting = [name for name in steps if name not in order]
        ready = (name for name in waiting if all(source in order for source in steps[name].inputs.values()))
        following = next(ready, None)
        if following is None:
            raise SpecError(
                f"these steps wait for each other: {', '.join(waiting)}.",
                field="steps",
                remedy="Let no step be its own input, not through others either.",
            )
        order.append(following)
    return order


def _for_every(overrides: Mapping[str, Mapping[str, Any]], params: type[Params]) -> dict[str, Any]:
    return {key: value for key, value in overrides.get(EVERY_STEP, {}).items() if key in params.model_fields}


def _unknown_steps(
    recipe: Recipe, overrides: Mapping[str, Mapping[str, Any]], gates: Mapping[str, object]
) -> list[Problem]:
    named = [("params", name) for name in overrides if name != EVERY_STEP]
    problems = []
    for part, name in [*named, *(("min_score", name) for name in gates)]:
        if name not in recipe.steps:
            close = difflib.get_close_matches(name, recipe.steps, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            problems.append(
                Problem(
                    f"the recipe {recipe.name} has no step of this name.",
                    f"{part}.{name}",
                    f"Its steps are {', '.join(recipe.steps)}.{hint}",
                )
            )
    known = {param for step in recipe.steps.values() for param in CATALOGUE[step.stage].params.model_fields}
    problems += [
        Problem("no step of the recipe has this param.", f"params.{EVERY_STEP}.{key}", "Take it out.")
        for key in overrides.get(EVERY_STEP, {})
        if key not in known
    ]
    return problems


def _left_out(recipe: Recipe, steps: Mapping[str, Step], gates: Mapping[str, object]) -> list[Problem]:
    return [
        Problem(
            "the step is left out: the data set lacks the true masks, on its train split where it learns "
            "from them, or the boxes that it takes.",
            f"min_score.{name}",
            f"Take it out, or set a gate on one of {', '.join(steps)}.",
        )
        for name in gates
        if name in recipe.steps and name not in steps
    ]


def _under_step(problem: Problem, step: str) -> Problem:
    inner = (problem.field or "").removeprefix("params.")
    return Problem(problem.message, f"params.{step}.{inner}".rstrip("."), problem.remedy)
