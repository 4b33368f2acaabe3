"""/jobs/{job}/events: a page of JSON, or a stream of Server-Sent Events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from services.api.jobs.schemas import EventView
from services.api.pages import Page, page
from services.api.state import Service, State, requires
from services.jobs import FINAL, Scope, events_after, get_status

__all__ = ["router"]

router = APIRouter(prefix="/jobs/{job}/events", tags=["jobs"], dependencies=[requires(Scope.READ)])

EVENT_STREAM = "text/event-stream"
NO_CONTENT = 204  # tells an EventSource not to come back
LOOK_SECONDS = 0.5
SILENCE_SECONDS = 15.0  # a comment after that, so that proxies keep the connection
BATCH = 500


@router.get("", response_model=Page[EventView], responses={200: {"content": {EVENT_STREAM: {}}}})
async def events(
    request: Request,
    service: Service,
    job: str,
    cursor: Annotated[int, Query(ge=0, lt=2**31, description="the `seq` of the last event seen")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    type: Annotated[str | None, Query(description="of this type alone")] = None,  # noqa: A002 - the event's own word
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**31)] = None,
) -> Response:
    """Oldest first. With `Accept: text/event-stream` as they come, until the job has ended.

    Each has its `seq` as id; a stream that broke goes on behind `Last-Event-ID`. A finished job
    without further events answers 204.
    """
    if EVENT_STREAM not in request.headers.get("accept", ""):
        rows, _ = await run_in_threadpool(_look, service, job, cursor, limit=limit + 1, kind=type)
        found = page(rows, limit, view=lambda row: row, cursor=lambda row: str(row.seq))
        return Response(found.model_dump_json(), media_type="application/json")
    after = cursor if last_event_id is None else last_event_id
    rows, ended = await run_in_threadpool(_look, service, job, after, limit=1, kind=type)
    if ended and not rows:
        return Response(status_code=NO_CONTENT)
    return StreamingResponse(
        _stream(service, job, after, kind=type),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store"},
    )


async def _stream(service: State, job: str, after: int, *, kind: str | None) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    said = time.monotonic()
    while True:
        rows, ended = await run_in_threadpool(_look, service, job, after, limit=BATCH, kind=kind)
        for row in rows:
            yield f"id: {row.seq}\nevent: {row.type}\ndata: {row.model_dump_json()}\n\n"
            after = row.seq
        if rows:
            said = time.monotonic()
            continue
        if ended:
            return
        if time.monotonic() - said > SILENCE_SECONDS:
            yield ": still here\n\n"
            said = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)


def _look(
    service: State, job: str, after: int, *, limit: int, kind: str | None
) -> tuple[Sequence[EventView], bool]:
    """The next events, and whether the job had ended when they were read. Raises NotFound."""
    with service.database.reading() as session:
        ended = get_status(session, job) in FINAL
        rows = events_after(session, job, after, limit=limit, kind=kind)
        return [EventView.of(row) for row in rows], ended
