"""Quality gates: the least that a job's own figures must be, so that what depends on it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

__all__ = ["MetricName", "MinScore", "MinScoreChange", "changed_min_score"]

MetricName = Annotated[str, Field(pattern=r"^\w[\w .:/()+-]*$", max_length=200)]
MinScore = Annotated[
    dict[MetricName, float],
    Field(description="{metric: least} of the job's own metrics; below one, the job fails at its end"),
]
MinScoreChange = Annotated[
    dict[MetricName, float | None],
    Field(description="{metric: least} over the gates that are there; null takes one away"),
]


def changed_min_score(min_score: Mapping[str, float], change: Mapping[str, float | None]) -> dict[str, float]:
    """``min_score`` with ``change`` laid over it."""
    return {metric: least for metric, least in {**min_score, **change}.items() if least is not None}
