"""/jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.api.etags import etagged
from services.api.idempotency import IdempotencyDependency
from services.api.jobs import service as jobs
from services.api.jobs.schemas import JobPreview, JobRetry, JobView
from services.api.pages import Cursor, Limit, Page
from services.api.state import Service, requires
from services.jobs import JobRequest, Scope, Status

__all__ = ["router"]

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[requires(Scope.READ)])


@router.post("", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def submit(
    service: Service,
    request: JobRequest,
    response: Response,
    idempotency: IdempotencyDependency,
    dry_run: Annotated[bool, Query(description="validate, and store nothing")] = False,
) -> JobView | JobPreview:
    """Submit one stage. With `dry_run=true` the answer is 200 and what would be stored."""
    if dry_run:
        response.status_code = 200
        return jobs.dry_run(service, request)
    view = jobs.submit(service, request, idempotency)
    response.headers["Location"] = f"/jobs/{view.id}"
    return view


@router.get("")
def listed(
    service: Service,
    status: Annotated[list[Status] | None, Query()] = None,
    stage: str | None = None,
    pipeline: str | None = None,
    dataset: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[JobView]:
    """The jobs that pass every filter, newest first."""
    which = jobs.JobFilter(statuses=status or (), stage=stage, pipeline=pipeline, dataset=dataset)
    return jobs.listed(service, which, cursor=cursor, limit=limit)


@router.get("/{job}", response_model=JobView)
def shown(request: Request, service: Service, job: str) -> Response:
    """Status, progress, metrics, failure, attempts; with an ETag."""
    return etagged(request, jobs.shown(service, job))


@router.post("/{job}/cancel", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def cancel(service: Service, job: str) -> JobView:
    """Cancel a job that has not ended; one that runs is `cancelling` until its processes are gone."""
    return jobs.cancelled(service, job)


@router.post("/{job}/retry", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def retry(service: Service, job: str, change: JobRetry | None = None) -> JobView:
    """Queue a failed or cancelled job again; it goes on from its last checkpoint.

    One that its `min_score` has stopped goes on with what it has made, under a lower one.
    """
    return jobs.retried(service, job, change or JobRetry())


@router.delete("/{job}", status_code=204, dependencies=[requires(Scope.SUBMIT)])
def remove(service: Service, job: str) -> None:
    """Delete a job that has ended, is no other's input and no pipeline's step, with all its files."""
    jobs.removed(service, job)
