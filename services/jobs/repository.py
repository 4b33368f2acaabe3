"""Queries: what is there, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from services.jobs.errors import NotFound
from services.jobs.status import Status
from services.jobs.tables import Dataset, Job, JobEvent, Pipeline, PipelineJob

__all__ = [
    "events_after",
    "find_dataset",
    "get_dataset",
    "get_job",
    "get_pipeline",
    "get_status",
    "list_datasets",
    "list_jobs",
    "list_pipelines",
]

WHOLE_JOB = (selectinload(Job.attempts), selectinload(Job.pipeline_rows))
WHOLE_PIPELINE = (selectinload(Pipeline.steps).selectinload(PipelineJob.job).options(*WHOLE_JOB),)


def find_dataset(session: Session, reference: str) -> Dataset | None:
    """The data set with this id or name."""
    return session.scalars(
        select(Dataset).where(or_(Dataset.id == reference, Dataset.name == reference))
    ).first()


def get_dataset(session: Session, reference: str) -> Dataset:
    """The data set with this id or name; raises NotFound."""
    dataset = find_dataset(session, reference)
    if dataset is None:
        raise NotFound(
            f"there is no data set {reference}.", remedy="GET /datasets lists those that are there."
        )
    return dataset


def list_datasets(
    session: Session, *, name: str | None = None, before: str | None = None, limit: int
) -> Sequence[Dataset]:
    """Up to ``limit`` data sets older than the id ``before``."""
    query = select(Dataset).order_by(Dataset.id.desc()).limit(limit)
    if name is not None:
        query = query.where(Dataset.name == name)
    if before is not None:
        query = query.where(Dataset.id < before)
    return session.scalars(query).all()


def get_job(session: Session, job_id: str) -> Job:
    """The job with its inputs, attempts and pipelines; raises NotFound."""
    job = session.scalars(select(Job).where(Job.id == job_id).options(*WHOLE_JOB)).one_or_none()
    if job is None:
        raise _no_job(job_id)
    return job


def get_status(session: Session, job_id: str) -> Status:
    """The job's status alone; raises NotFound."""
    status = session.scalars(select(Job.status).where(Job.id == job_id)).one_or_none()
    if status is None:
        raise _no_job(job_id)
    return status


def list_jobs(
    session: Session,
    *,
    statuses: Sequence[Status] = (),
    stage: str | None = None,
    pipeline: str | None = None,
    dataset: str | None = None,
    before: str | None = None,
    limit: int,
) -> Sequence[Job]:
    """Up to ``limit`` jobs older than the id ``before`` that pass every filter."""
    query = select(Job).order_by(Job.id.desc()).limit(limit).options(*WHOLE_JOB)
    if statuses:
        query = query.where(Job.status.in_(statuses))
    if stage is not None:
        query = query.where(Job.stage == stage)
    if pipeline is not None:
        query = query.where(Job.id.in_(select(PipelineJob.job_id).where(PipelineJob.pipeline_id == pipeline)))
    if dataset is not None:
        query = query.where(
            Job.dataset_id.in_(select(Dataset.id).where(or_(Dataset.id == dataset, Dataset.name == dataset)))
        )
    if before is not None:
        query = query.where(Job.id < before)
    return session.scalars(query).all()


def get_pipeline(session: Session, pipeline_id: str) -> Pipeline:
    """The pipeline with its jobs; raises NotFound."""
    pipeline = session.scalars(
        select(Pipeline).where(Pipeline.id == pipeline_id).options(*WHOLE_PIPELINE)
    ).one_or_none()
    if pipeline is None:
        raise NotFound(
            f"there is no pipeline {pipeline_id}.", remedy="GET /pipelines lists those that are there."
        )
    return pipeline


def list_pipelines(session: Session, *, before: str | None = None, limit: int) -> Sequence[Pipeline]:
    """Up to ``limit`` pipelines older than the id ``before``."""
    query = select(Pipeline).order_by(Pipeline.id.desc()).limit(limit).options(*WHOLE_PIPELINE)
    if before is not None:
        query = query.where(Pipeline.id < before)
    return session.scalars(query).all()


def events_after(
    session: Session, job_id: str, after: int, *, limit: int | None = None, kind: str | None = None
) -> Sequence[JobEvent]:
    """The job's events behind the one with ``seq`` ``after``, oldest first."""
    query = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after).order_by(JobEvent.seq)
    if kind is not None:
        query = query.where(JobEvent.type == kind)
    return session.scalars(query.limit(limit) if limit else query).all()


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id}.", remedy="GET /jobs lists those that are there.")
