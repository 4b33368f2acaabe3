"""Is it up, is it ready, and what is here."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.api.state import Service, State, requires
from services.jobs import Scope, ping
from services.jobs.tables import Job

__all__ = ["router"]

router = APIRouter(tags=["service"])

UNAVAILABLE = 503


class Health(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """What the service stands on, each part `ok` or what is wrong with it."""

    status: str
    database: str
    redis: str


class Root(BaseModel):
    """Where to go from here."""

    name: str
    version: str
    links: list[str]


@router.get("/healthz")
def healthz() -> Health:
    """The process answers; needs no key."""
    return Health(status="ok")


@router.get("/readyz", responses={UNAVAILABLE: {"model": Readiness}})
def readyz(service: Service) -> JSONResponse:
    """The database has its schema and Redis answers: 200, else 503; needs no key."""
    database = _database(service)
    redis = "ok" if ping(service.queue) else "does not answer"
    ready = database == redis == "ok"
    readiness = Readiness(status="ready" if ready else "not ready", database=database, redis=redis)
    return JSONResponse(readiness.model_dump(), 200 if ready else UNAVAILABLE)


@router.get("/", dependencies=[requires(Scope.READ)])
def root() -> Root:
    """Where to go from here."""
    links = ["/docs", "/openapi.json", "/datasets", "/stages", "/recipes", "/jobs", "/pipelines"]
    return Root(name="WSMIS", version=version("wsmis"), links=links)


def _database(service: State) -> str:
    try:
        with service.database.reading() as session:
            session.scalars(select(Job.id).limit(1)).first()
    except SQLAlchemyError:
        return "does not answer, or has no schema (`python -m services.jobs migrate`)"
    return "ok"
