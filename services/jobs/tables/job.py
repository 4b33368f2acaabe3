"""Jobs with their inputs, attempts and events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.jobs.status import AttemptOutcome, Status
from services.jobs.tables.dataset import Dataset
from services.jobs.tables.table import Table, named
from services.jobs.times import utc_now
from wsmis_core.spec import Failure, Resources

if TYPE_CHECKING:
    from services.jobs.tables.pipeline import PipelineJob

__all__ = ["Attempt", "Job", "JobEvent", "JobInput"]


class Job(Table):
    """One stage to be run with params, a data set and inputs."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_queue", "status", "priority", "id"),
        Index("ix_jobs_lease", "status", "lease_expires"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(200))
    stage: Mapped[str] = mapped_column(String(40), index=True)
    params: Mapped[dict[str, Any]]
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    gpus: Mapped[int | None]  # none: `auto`
    processes: Mapped[int | None]
    priority: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    cache_key: Mapped[str | None] = mapped_column(String(64), index=True)
    min_score: Mapped[dict[str, float]] = mapped_column(default=dict)
    reuses: Mapped[str | None] = mapped_column(String(40))  # a job that has made the same; a hint

    status: Mapped[Status] = mapped_column(named(Status))
    token: Mapped[int] = mapped_column(default=0)  # the number of the latest attempt; grows with each claim
    tries: Mapped[int] = mapped_column(default=0)  # attempts used up since the job was last queued by a user
    last_event: Mapped[int] = mapped_column(default=0)  # the `seq` of the latest event
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires: Mapped[datetime | None]
    progress: Mapped[dict[str, Any] | None]
    metrics: Mapped[dict[str, float]] = mapped_column(default=dict)
    failure: Mapped[dict[str, Any] | None]
    artifact_digest: Mapped[str | None] = mapped_column(String(64))
    artifact_bytes: Mapped[int | None] = mapped_column(BigInteger)

    created: Mapped[datetime] = mapped_column(default=utc_now)
    queued: Mapped[datetime | None]
    published: Mapped[datetime | None]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]

    dataset: Mapped[Dataset | None] = relationship()
    input_rows: Mapped[list[JobInput]] = relationship(
        foreign_keys="JobInput.job_id", lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )
    attempts: Mapped[list[Attempt]] = relationship(
        order_by="Attempt.number", cascade="all, delete-orphan", passive_deletes=True
    )
    pipeline_rows: Mapped[list[PipelineJob]] = relationship(
        order_by="PipelineJob.pipeline_id",
        back_populates="job",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )

    @property
    def inputs(self) -> dict[str, str]:
        """Role -> job id."""
        return {row.role: row.input_id for row in self.input_rows}

    @property
    def resources(self) -> Resources:
        """What the job asks of its host."""
        return Resources(gpus="auto" if self.gpus is None else self.gpus, processes=self.processes)

    @property
    def failed_for(self) -> Failure | None:
        """Why the job failed."""
        return None if self.failure is None else Failure.model_validate(self.failure)


class JobInput(Table):
    """A role of a job, and the job whose artifact stands there."""

    __tablename__ = "job_inputs"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(40), primary_key=True)
    input_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)


class Attempt(Table):
    """One try at a job; its number is also its fencing token."""

    __tablename__ = "attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worker: Mapped[str] = mapped_column(String(200))
    gpus: Mapped[int]
    started: Mapped[datetime] = mapped_column(default=utc_now)
    finished: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome | None] = mapped_column(named(AttemptOutcome))
    failure: Mapped[dict[str, Any] | None]
    progress: Mapped[dict[str, Any] | None]  # how far it was at its end


class JobEvent(Table):
    """One thing that happened to a job: what its stage said, or a change of status."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_type", "job_id", "type", "seq"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int | None]
    time: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(16))
    payload: Mapped[dict[str, Any]]
