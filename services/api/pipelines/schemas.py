"""A pipeline as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from services.api.jobs.schemas import JobView
from services.jobs import Status, pipeline_status
from services.jobs.tables import Pipeline

__all__ = ["PipelineView", "StepView"]


class StepView(JobView):
    """The job of one step; ``cached`` if an earlier one had already done the same."""

    step: str
    cached: bool


class PipelineView(BaseModel):
    """A recipe's jobs for a data set."""

    id: str
    name: str | None
    recipe: str
    dataset: str
    params: dict[str, Any]
    priority: int
    status: Status
    created: datetime
    jobs: list[StepView]

    @classmethod
    def of(cls, row: Pipeline) -> Self:
        """The view of a row with its jobs."""
        return cls(
            id=row.id,
            name=row.name,
            recipe=row.recipe,
            dataset=row.dataset_id,
            params=row.params,
            priority=row.priority,
            status=pipeline_status(step.job.status for step in row.steps),
            created=row.created,
            jobs=[
                StepView(**dict(JobView.of(step.job)), step=step.step, cached=step.cached)
                for step in row.steps
            ],
        )
