"""/jobs/{job}/previews: the pictures that a job has shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel

from services.api.files import file_under
from services.api.state import Service, requires
from services.jobs import NotFound, Scope, events_after, get_status

__all__ = ["router"]

router = APIRouter(prefix="/jobs/{job}/previews", tags=["jobs"], dependencies=[requires(Scope.READ)])

PREVIEW = "preview"


class Preview(BaseModel):
    """A picture; ``url`` answers with its PNG."""

    seq: int
    attempt: int | None
    time: datetime
    caption: str
    url: str


@router.get("")
def listed(service: Service, job: str) -> list[Preview]:
    """The pictures, oldest first."""
    with service.database.reading() as session:
        get_status(session, job)
        events = events_after(session, job, 0, kind=PREVIEW)
    return [
        Preview(
            seq=event.seq,
            attempt=event.attempt,
            time=event.time,
            caption=event.payload["caption"],
            url=f"/jobs/{job}/previews/{event.seq}",
        )
        for event in events
    ]


@router.get("/{seq}", response_class=FileResponse)
def shown(service: Service, job: str, seq: Annotated[int, Path(ge=1, lt=2**31)]) -> FileResponse:
    """One picture."""
    with service.database.reading() as session:
        get_status(session, job)
        events = events_after(session, job, seq - 1, kind=PREVIEW, limit=1)
    if not events or events[0].seq != seq or events[0].attempt is None:
        raise NotFound(
            f"the job {job} has no preview {seq}.",
            remedy=f"GET /jobs/{job}/previews lists those that are there.",
        )
    folder = service.settings.attempt_folder(job, events[0].attempt)
    return FileResponse(
        file_under(folder, events[0].payload["path"]), headers={"X-Content-Type-Options": "nosniff"}
    )
