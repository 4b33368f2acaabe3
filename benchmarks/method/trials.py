"""A group of variants on one data set, scored on its test split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.method.kinds import Kind
from benchmarks.method.runs import Runs
from benchmarks.method.variants import GROUPS, WHOLE, WITHOUT, Variant
from wsmis_core.spec import EVERY_STEP, Coverage, PlannedStep, plan, recipes
from wsmis_core.spec.stages import ALL_SPLITS

RECIPE = "smoke"


@dataclass(frozen=True)
class Score:
    """One figure: what it is of, and its 95 % interval over the test split's patients."""

    kind: str
    seed: int
    group: str
    variant: str
    step: str
    value: float
    low: float
    high: float


def trials(kind: Kind, name: str, *, seed: int, group: str, folder: Path) -> Iterator[Score]:
    """The scores of a group's variants on the data set of ``seed``: up to the pseudo-labels, or whole."""
    data = kind.dataset(folder / "data" / name, seed=seed)
    runs = Runs.on(data, folder / "runs" / f"{name}-{seed}")
    to = ["train_segmenter", "train_ceiling"] if group in WHOLE else ["make_pseudo_labels"]
    for variant, changes in {**GROUPS, **WHOLE}[group].items():
        steps = planned(kind, changes, seed=seed)
        report = runs.report(steps, runs.follow(steps, to=to))
        for step, scores in report["steps"].items():
            if kind.score in scores.get("intervals", {}):
                low, high = scores["intervals"][kind.score]
                yield Score(name, seed, group, variant, step, scores[kind.score], low, high)


def planned(kind: Kind, changes: Variant, *, seed: int) -> list[PlannedStep]:
    """The recipe's steps with what belongs to the kind and the variant; a param may take an input out."""
    merged: dict[str, dict[str, Any]] = {EVERY_STEP: {"seed": seed}}
    for step in (*kind.overrides, *changes):
        merged[step] = {**kind.overrides.get(step, {}), **changes.get(step, {})}
    recipe = recipes()[RECIPE]
    steps = dict(recipe.steps)
    for name, params in merged.items():
        for role in params.pop(WITHOUT, ()):
            kept = {key: source for key, source in steps[name].inputs.items() if key != role}
            steps[name] = steps[name].model_copy(update={"inputs": kept})
    return plan(recipe.model_copy(update={"steps": steps}), merged, coverage=Coverage(masks=ALL_SPLITS))
