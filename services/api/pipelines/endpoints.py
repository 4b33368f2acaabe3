"""/pipelines."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.api.etags import etagged
from services.api.idempotency import IdempotencyDependency
from services.api.pages import Cursor, Limit, Page
from services.api.pipelines import service as pipelines
from services.api.pipelines.schemas import PipelineRetry, PipelineView
from services.api.state import Service, requires
from services.jobs import PipelineRequest, Scope

__all__ = ["router"]

router = APIRouter(prefix="/pipelines", tags=["pipelines"], dependencies=[requires(Scope.READ)])


@router.post("", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def submit(
    service: Service, request: PipelineRequest, response: Response, idempotency: IdempotencyDependency
) -> PipelineView:
    """Submit a whole recipe for a data set; what is already done is linked instead."""
    view = pipelines.submit(service, request, idempotency)
    response.headers["Location"] = f"/pipelines/{view.id}"
    return view


@router.get("")
def listed(service: Service, cursor: Cursor = None, limit: Limit = 50) -> Page[PipelineView]:
    """The pipelines, newest first."""
    return pipelines.listed(service, cursor=cursor, limit=limit)


@router.get("/{pipeline}", response_model=PipelineView)
def shown(request: Request, service: Service, pipeline: str) -> Response:
    """A pipeline with its jobs; with an ETag."""
    return etagged(request, pipelines.shown(service, pipeline))


@router.post("/{pipeline}/cancel", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def cancel(service: Service, pipeline: str) -> PipelineView:
    """Cancel every job that has not ended."""
    return pipelines.cancelled(service, pipeline)


@router.post("/{pipeline}/retry", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def retry(service: Service, pipeline: str, change: PipelineRetry | None = None) -> PipelineView:
    """Queue every failed or cancelled job again; what was skipped for it waits again."""
    return pipelines.retried(service, pipeline, change or PipelineRetry())


@router.delete("/{pipeline}", status_code=204, dependencies=[requires(Scope.SUBMIT)])
def remove(service: Service, pipeline: str) -> None:
    """Forget a pipeline whose jobs have all ended; the jobs stay, and can then be deleted one by one."""
    pipelines.removed(service, pipeline)
