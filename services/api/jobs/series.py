"""/jobs/{job}/metrics: the figures of a training over its steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.api.state import Service, requires
from services.jobs import Scope, events_after, get_job
from services.jobs.tables import JobEvent

__all__ = ["router"]

router = APIRouter(prefix="/jobs/{job}/metrics", tags=["jobs"], dependencies=[requires(Scope.READ)])

METRIC = "metric"


class Point(BaseModel):
    """A figure at a step."""

    step: int
    epoch: int | None
    value: float
    time: datetime
    attempt: int | None


class Metrics(BaseModel):
    """The latest figures, and each figure's series by step."""

    job: str
    latest: dict[str, float]
    series: dict[str, list[Point]]


@router.get("")
def metrics(
    service: Service, job: str, name: Annotated[list[str] | None, Query(description="these alone")] = None
) -> Metrics:
    """Each figure by step; where an attempt has repeated a step, the later value counts."""
    with service.database.reading() as session:
        latest = get_job(session, job).metrics
        events = events_after(session, job, 0, kind=METRIC)
    return Metrics(job=job, latest=latest, series=_series(events, set(name or ())))


def _series(events: Sequence[JobEvent], wanted: set[str]) -> dict[str, list[Point]]:
    points: dict[str, dict[int, Point]] = {}
    for event in events:
        step, epoch = event.payload["step"], event.payload["epoch"]
        for figure, value in event.payload["values"].items():
            if not wanted or figure in wanted:
                points.setdefault(figure, {})[step] = Point(
                    step=step, epoch=epoch, value=value, time=event.time, attempt=event.attempt
                )
    return {figure: [by_step[step] for step in sorted(by_step)] for figure, by_step in points.items()}
