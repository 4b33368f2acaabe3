"""/datasets."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.api.datasets import service as datasets
from services.api.datasets.schemas import DatasetView
from services.api.etags import etagged
from services.api.pages import Cursor, Limit, Page
from services.api.state import Service, requires
from services.jobs import DatasetRequest, Scope

__all__ = ["router"]

router = APIRouter(prefix="/datasets", tags=["datasets"], dependencies=[requires(Scope.READ)])


@router.post("", status_code=202, dependencies=[requires(Scope.SUBMIT)])
def register(service: Service, request: DatasetRequest, response: Response) -> DatasetView:
    """Register a folder below a data root; a worker then reads and checks every file."""
    view = datasets.register(service, request)
    response.headers["Location"] = f"/datasets/{view.id}"
    return view


@router.get("")
def listed(
    service: Service, name: str | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[DatasetView]:
    """The data sets, newest first."""
    return datasets.listed(service, name=name, cursor=cursor, limit=limit)


@router.get("/{dataset}", response_model=DatasetView)
def shown(request: Request, service: Service, dataset: str) -> Response:
    """A data set by id or name: status, classes, counts, splits, problems."""
    return etagged(request, datasets.shown(service, dataset))


@router.delete("/{dataset}", status_code=204, dependencies=[requires(Scope.ADMIN)])
def forget(service: Service, dataset: str) -> None:
    """Forget a data set that no job uses; its files stay where they are."""
    datasets.forget(service, dataset)
