"""The application: routers, middleware, error handlers, and what lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI

from services.api.artifacts import endpoints as artifacts
from services.api.authentication import Authentication
from services.api.body_limit import BodyLimit
from services.api.body_text import check_body_text
from services.api.datasets import endpoints as datasets
from services.api.health import endpoints as health
from services.api.jobs import endpoints as jobs
from services.api.jobs import events, logs, previews, series
from services.api.pipelines import endpoints as pipelines
from services.api.problems import HANDLERS, PROBLEM_RESPONSES
from services.api.recipes import endpoints as recipes
from services.api.stages import endpoints as stages
from services.api.state import State
from services.jobs import Database, Settings, make_queue

__all__ = ["make_app"]

ROUTERS = tuple(
    module.router
    for module in (
        health,
        datasets,
        stages,
        recipes,
        jobs,
        events,
        logs,
        series,
        previews,
        artifacts,
        pipelines,
    )
)


def make_app(settings: Settings) -> FastAPI:
    """The API on the database, Redis and folders of ``settings``; the schema is migrated beforehand."""
    state = State(settings=settings, database=Database(settings.database_url), queue=make_queue(settings))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        state.queue.close()
        state.database.close()

    app = FastAPI(
        title="WSMIS",
        summary="Weakly supervised medical image segmentation: image labels in, pixel masks out.",
        version=version("wsmis"),
        lifespan=lifespan,
        redoc_url=None,
        responses=PROBLEM_RESPONSES,
        exception_handlers=HANDLERS,
        dependencies=[Depends(check_body_text)],
    )
    app.state.service = state
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(Authentication, database=state.database)  # the outermost: nothing is read before it
    return app
