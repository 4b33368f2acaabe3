"""A job as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from services.jobs import AttemptOutcome, PreparedJob, Status
from services.jobs.tables import Attempt, Job, JobEvent
from wsmis_core.spec import CATALOGUE, Failure, MinScore, MinScoreChange, Resources, Spec

__all__ = ["ArtifactView", "AttemptView", "EventView", "JobPreview", "JobRetry", "JobView", "Progress"]


class Progress(BaseModel):
    """How far a job is in its phase."""

    phase: str
    done: int
    total: int
    unit: str
    rate: float | None
    eta_seconds: float | None


class AttemptView(BaseModel):
    """One try at a job."""

    number: int
    worker: str
    gpus: int
    started: datetime
    finished: datetime | None
    outcome: AttemptOutcome | None
    failure: Failure | None
    progress: Progress | None


class JobRetry(Spec):
    """What a retry may change."""

    min_score: MinScoreChange = Field(default_factory=dict)


class ArtifactView(BaseModel):
    """What a job left; GET /jobs/{id}/artifacts lists its files."""

    kind: str
    digest: str
    bytes: int


class JobView(BaseModel):
    """A job: what was asked, how far it is, what came of it."""

    id: str
    name: str | None
    stage: str
    dataset: str | None
    params: dict[str, Any]
    inputs: dict[str, str]
    resources: Resources
    priority: int
    max_attempts: int
    min_score: MinScore
    status: Status
    progress: Progress | None
    metrics: dict[str, float]
    failure: Failure | None
    attempts: list[AttemptView]
    created: datetime
    queued: datetime | None
    started: datetime | None
    finished: datetime | None
    seconds: float | None
    pipelines: list[str]
    artifact: ArtifactView | None

    @classmethod
    def of(cls, row: Job) -> Self:
        """The view of a row; ``seconds`` adds up the attempts that have ended."""
        return cls(
            id=row.id,
            name=row.name,
            stage=row.stage,
            dataset=row.dataset_id,
            params=row.params,
            inputs=row.inputs,
            resources=row.resources,
            priority=row.priority,
            max_attempts=row.max_attempts,
            min_score=row.min_score,
            status=row.status,
            progress=None if row.progress is None else Progress.model_validate(row.progress),
            metrics=row.metrics,
            failure=row.failed_for,
            attempts=[AttemptView.model_validate(attempt, from_attributes=True) for attempt in row.attempts],
            created=row.created,
            queued=row.queued,
            started=row.started,
            finished=row.finished,
            seconds=_seconds(row.attempts),
            pipelines=[link.pipeline_id for link in row.pipeline_rows],
            artifact=_artifact(row),
        )


class JobPreview(BaseModel):
    """What POST /jobs would store."""

    name: str | None
    stage: str
    dataset: str | None
    params: dict[str, Any]
    inputs: dict[str, str]
    resources: Resources
    priority: int
    max_attempts: int
    min_score: MinScore

    @classmethod
    def of(cls, prepared: PreparedJob) -> Self:
        """The view of a request that has passed every validation."""
        request = prepared.request
        return cls(
            name=request.name,
            stage=request.stage,
            dataset=prepared.dataset.id if prepared.dataset else None,
            params=prepared.params,
            inputs=request.inputs,
            resources=request.resources,
            priority=request.priority,
            max_attempts=request.max_attempts,
            min_score=request.min_score,
        )


class EventView(BaseModel):
    """One thing that happened to a job."""

    seq: int
    attempt: int | None
    time: datetime
    type: str
    payload: dict[str, Any]

    @classmethod
    def of(cls, row: JobEvent) -> Self:
        """The view of a row."""
        return cls.model_validate(row, from_attributes=True)


def _seconds(attempts: list[Attempt]) -> float | None:
    ended = [attempt.finished - attempt.started for attempt in attempts if attempt.finished]
    return round(sum(time.total_seconds() for time in ended), 3) if ended else None


def _artifact(row: Job) -> ArtifactView | None:
    if row.artifact_digest is None or row.artifact_bytes is None:
        return None
    kind = next(stage.output for stage in CATALOGUE.values() if stage.name == row.stage)
    return ArtifactView(kind=kind, digest=row.artifact_digest, bytes=row.artifact_bytes)
