"""/jobs/{job}/logs: what an attempt printed, also while it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from services.api.byte_ranges import ByteRange, byte_range
from services.api.state import Service, State, requires
from services.jobs import NotFound, Scope, get_job

__all__ = ["router"]

router = APIRouter(prefix="/jobs/{job}/logs", tags=["jobs"], dependencies=[requires(Scope.READ)])

LOG_FILE = "log.txt"
TEXT = "text/plain; charset=utf-8"
CHUNK = 1 << 16
PARTIAL = 206
BEHIND_THE_END = 416


@router.get("", response_class=Response, responses={200: {"content": {"text/plain": {}}}, PARTIAL: {}})
def log(
    service: Service,
    job: str,
    attempt: Annotated[int | None, Query(ge=1, lt=2**31, description="by default the latest")] = None,
    offset: Annotated[int, Query(ge=0, description="the first byte")] = 0,
    limit: Annotated[int | None, Query(ge=1, description="at most so many bytes")] = None,
    wanted: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """The log as text, by `offset` and `limit` or by a `Range` header; `X-Log-Size` is its size so far."""
    path = _path(service, job, attempt)
    size = path.stat().st_size if path and path.is_file() else 0
    headers = {"X-Log-Size": str(size), "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if wanted is None:
        stop = size if limit is None else min(size, offset + limit)
        return _text(path, ByteRange(min(offset, stop), stop), 200, headers)
    part = byte_range(wanted, size)
    if part is None:
        return Response(status_code=BEHIND_THE_END, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return _text(path, part, PARTIAL, headers)


def _path(service: State, job: str, attempt: int | None) -> Path | None:
    """The log of an attempt; None before the first. Raises NotFound."""
    with service.database.reading() as session:
        numbers = [known.number for known in get_job(session, job).attempts]
    if attempt is not None and attempt not in numbers:
        raise NotFound(
            f"the job {job} has no attempt {attempt}.",
            remedy=f"It has had {len(numbers)}; leave it out for the latest.",
        )
    if not numbers:
        return None
    return service.settings.attempt_folder(job, attempt or numbers[-1]) / LOG_FILE


def _text(path: Path | None, part: ByteRange, status: int, headers: dict[str, str]) -> Response:
    if path is None or not len(part):
        return Response(b"", status, headers=headers, media_type=TEXT)
    headers["Content-Length"] = str(len(part))
    return StreamingResponse(_chunks(path, part), status, headers=headers, media_type=TEXT)


def _chunks(path: Path, part: ByteRange) -> Iterator[bytes]:
    """Exactly ``part``, however much the file has grown meanwhile."""
    left = len(part)
    with path.open("rb") as file:
        file.seek(part.start)
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
