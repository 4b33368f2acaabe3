"""A pipeline as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from services.api.jobs.schemas import JobView
from services.jobs import Status, pipeline_status
from services.jobs.tables import Pipeline
from wsmis_core.spec import Failure, MinScoreChange, Spec

__all__ = ["PipelineRetry", "PipelineView", "StepFailure", "StepView"]


class StepView(JobView):
    """The job of one step; ``cached`` if an earlier one had already done the same."""

    step: str
    cached: bool


class StepFailure(Failure):
    """Why a pipeline failed: the failure of its first failed step."""

    step: str
    job: str


class PipelineRetry(Spec):
    """What a retry may change."""

    min_score: dict[str, MinScoreChange] = Field(
        default_factory=dict, description="{step: {metric: least}} over the gates that are there"
    )


class PipelineView(BaseModel):
    """A recipe's jobs for a data set."""

    id: str
    name: str | None
    recipe: str
    dataset: str
    params: dict[str, Any]
    min_score: dict[str, MinScoreChange]
    priority: int
    status: Status
    failure: StepFailure | None
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
            min_score=row.min_score,
            priority=row.priority,
            status=pipeline_status(step.job.status for step in row.steps),
            failure=_failure(row),
            created=row.created,
            jobs=[
                StepView(**dict(JobView.of(step.job)), step=step.step, cached=step.cached)
                for step in row.steps
            ],
        )


def _failure(row: Pipeline) -> StepFailure | None:
    for step in row.steps:
        if step.job.status is Status.FAILED and step.job.failure is not None:
            return StepFailure(**step.job.failure, step=step.step, job=step.job_id)
    return None
