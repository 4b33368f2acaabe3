"""Submit, look at, cancel, retry pipelines."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.api.pages import Page, page
from services.api.pipelines.schemas import PipelineRetry, PipelineView
from services.api.state import State
from services.jobs import (
    Idempotency,
    PipelineRequest,
    Status,
    cancel_pipeline,
    delete_pipeline,
    get_pipeline,
    list_pipelines,
    make_once,
    publish_job,
    retry_pipeline,
    submit_pipeline,
)

__all__ = ["cancelled", "listed", "removed", "retried", "shown", "submit"]


def submit(service: State, request: PipelineRequest, idempotency: Idempotency | None) -> PipelineView:
    """Store the recipe's jobs and tell the workers, or find what the same key has made."""

    def make(session: Session) -> str:
        return submit_pipeline(session, request, service.settings).id

    pipeline_id, made = make_once(service.database, idempotency, make)
    view = shown(service, pipeline_id)
    if made:
        for job in view.jobs:
            if job.status is Status.QUEUED:
                publish_job(service.queue, job.id)
    return view


def listed(service: State, *, cursor: str | None, limit: int) -> Page[PipelineView]:
    """A page of pipelines, newest first."""
    with service.database.reading() as session:
        rows = list_pipelines(session, before=cursor, limit=limit + 1)
    return page(rows, limit, view=PipelineView.of, cursor=lambda row: row.id)


def shown(service: State, pipeline_id: str) -> PipelineView:
    """One pipeline."""
    with service.database.reading() as session:
        return PipelineView.of(get_pipeline(session, pipeline_id))


def cancelled(service: State, pipeline_id: str) -> PipelineView:
    """Cancel every job that has not ended."""
    with service.database.writing() as session:
        cancel_pipeline(session, get_pipeline(session, pipeline_id))
    return shown(service, pipeline_id)


def retried(service: State, pipeline_id: str, change: PipelineRetry) -> PipelineView:
    """Take up every failed or cancelled job again."""
    with service.database.writing() as session:
        queued = retry_pipeline(session, get_pipeline(session, pipeline_id), change.min_score)
    for job in queued:
        publish_job(service.queue, job)
    return shown(service, pipeline_id)


def removed(service: State, pipeline_id: str) -> None:
    """Forget a pipeline whose jobs have all ended."""
    with service.database.writing() as session:
        delete_pipeline(session, get_pipeline(session, pipeline_id))
