"""Pipelines, and the jobs that they are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.jobs.tables.job import Job
from services.jobs.tables.table import Table
from services.jobs.times import utc_now

__all__ = ["Pipeline", "PipelineJob"]


class Pipeline(Table):
    """The jobs made from a recipe for a data set."""

    __tablename__ = "pipelines"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(200))
    recipe: Mapped[str] = mapped_column(String(100))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    params: Mapped[dict[str, Any]]
    min_score: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as asked for: {step: {metric: least}}
    priority: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(default=utc_now)

    steps: Mapped[list[PipelineJob]] = relationship(
        order_by="PipelineJob.position", cascade="all, delete-orphan", passive_deletes=True
    )


class PipelineJob(Table):
    """A step of a pipeline: a job made for it, or one that had already done the same."""

    __tablename__ = "pipeline_jobs"

    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(String(100), primary_key=True)
    position: Mapped[int]
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    cached: Mapped[bool] = mapped_column(default=False)

    job: Mapped[Job] = relationship(back_populates="pipeline_rows")
