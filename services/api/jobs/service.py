"""Submit, look at, cancel, retry, delete jobs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.api.jobs.schemas import JobPreview, JobRetry, JobView
from services.api.pages import Page, page
from services.api.state import State
from services.jobs import (
    Idempotency,
    JobRequest,
    Status,
    cancel,
    change_min_score,
    delete,
    get_job,
    list_jobs,
    lock_job,
    make_once,
    prepare_job,
    publish_job,
    retry,
    store_job,
)

__all__ = ["JobFilter", "cancelled", "dry_run", "listed", "removed", "retried", "shown", "submit"]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list holds."""

    statuses: Sequence[Status] = ()
    stage: str | None = None
    pipeline: str | None = None
    dataset: str | None = None


def submit(service: State, request: JobRequest, idempotency: Idempotency | None) -> JobView:
    """Store the job and tell the workers, or find the one that the same key has made."""

    def make(session: Session) -> str:
        return store_job(session, prepare_job(session, request, service.settings)).id

    job_id, made = make_once(service.database, idempotency, make)
    view = shown(service, job_id)
    if made and view.status is Status.QUEUED:
        publish_job(service.queue, job_id)
    return view


def dry_run(service: State, request: JobRequest) -> JobPreview:
    """Every validation; nothing is stored."""
    with service.database.reading() as session:
        return JobPreview.of(prepare_job(session, request, service.settings))


def listed(service: State, which: JobFilter, *, cursor: str | None, limit: int) -> Page[JobView]:
    """A page of jobs, newest first."""
    with service.database.reading() as session:
        rows = list_jobs(
            session,
            statuses=which.statuses,
            stage=which.stage,
            pipeline=which.pipeline,
            dataset=which.dataset,
            before=cursor,
            limit=limit + 1,
        )
    return page(rows, limit, view=JobView.of, cursor=lambda row: row.id)


def shown(service: State, job_id: str) -> JobView:
    """One job."""
    with service.database.reading() as session:
        return JobView.of(get_job(session, job_id))


def cancelled(service: State, job_id: str) -> JobView:
    """Cancel a job that has not ended."""
    with service.database.writing() as session:
        cancel(session, lock_job(session, job_id))
    return shown(service, job_id)


def retried(service: State, job_id: str, change: JobRetry) -> JobView:
    """Take up a failed or cancelled job again."""
    with service.database.writing() as session:
        job = lock_job(session, job_id)
        change_min_score(job, change.min_score)
        queued = retry(session, job)
    for ready in queued:
        publish_job(service.queue, ready)
    return shown(service, job_id)


def removed(service: State, job_id: str) -> None:
    """Forget a job that has ended and that no other one uses, with all its files."""
    with service.database.writing() as session:
        delete(session, lock_job(session, job_id))
    for folder in (service.settings.run_folder(job_id), service.settings.artifact_folder(job_id)):
        shutil.rmtree(folder, ignore_errors=True)
