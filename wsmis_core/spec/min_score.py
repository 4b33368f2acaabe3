"""Quality gates: the least that a job's own figures must be, so that what depends on it goes on."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from wsmis_core.errors import Problem
from wsmis_core.spec.coverage import Coverage
from wsmis_core.spec.metrics import METRICS, Metric, metric_named, missing
from wsmis_core.spec.stages import StageParams

__all__ = ["MetricName", "MinScore", "MinScoreChange", "changed_min_score", "gate_problems"]


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{value} is no score. Give a number.")
    return value


MetricName = Annotated[str, Field(pattern=r"^\w[\w .:/()+-]*$", max_length=200)]
Least = Annotated[float, BeforeValidator(_no_bool)]
MinScore = Annotated[
    dict[MetricName, Least],
    Field(description="{metric: least} of the job's own metrics; below one, the job fails at its end"),
]
MinScoreChange = Annotated[
    dict[MetricName, Least | None],
    Field(description="{metric: least} over the gates that are there; null takes one away"),
]

_MOST_NAMED = 12  # metrics in a remedy


def changed_min_score(min_score: Mapping[str, float], change: Mapping[str, float | None]) -> dict[str, float]:
    """``min_score`` with ``change`` laid over it."""
    return {metric: least for metric, least in {**min_score, **change}.items() if least is not None}


def gate_problems(
    min_score: Mapping[str, float | None],
    params: StageParams,
    roles: Collection[str],
    coverage: Coverage,
    *,
    field: str = "min_score",
) -> list[Problem]:
    """The gates that no job with ``params`` and inputs in ``roles`` can pass or be held to, under ``field``.

    ``coverage`` is of its data set.
    """
    metrics = METRICS[params.stage]
    possible = [
        name
        for name, metric in metrics.items()
        if metric.better and missing(metric, params, roles, coverage) is None
    ]
    problems = []
    for name, least in min_score.items():
        metric = metric_named(name, metrics)
        why = None if least is None else _refused(name, least, metric, params, roles, coverage)
        if why is not None:
            problems.append(Problem(why, f"{field}.{name}", _remedy(name, possible)))
    return problems


def _refused(
    name: str,
    least: float,
    metric: Metric | None,
    params: StageParams,
    roles: Collection[str],
    coverage: Coverage,
) -> str | None:
    """What is wrong with one gate."""
    if metric is None:
        return f"{params.stage} has no metric {name}."
    absent = missing(metric, params, roles, coverage)
    if absent is not None:
        return f"the job will not have the metric {name}: {absent}."
    if not metric.better:
        return f"a gate is the least that a metric must be, and more of {name} is not better."
    if least > metric.most:
        return f"{name} is at most {metric.most:g}, so no job reaches {least:g}."
    return None


def _remedy(name: str, possible: Collection[str]) -> str:
    if not possible:
        return "Take it out: none of this job's metrics can be a gate."
    if name in possible:
        return "Lower it."
    named = difflib.get_close_matches(name, possible, n=3) or list(possible)
    more = len(named) - _MOST_NAMED
    rest = f" or {more} more of this job's metrics" if more > 0 else ""
    return f"Take it out, or set it on {', '.join(named[:_MOST_NAMED])}{rest}."
