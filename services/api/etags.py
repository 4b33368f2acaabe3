"""A poll of something that has not changed costs a 304."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["etagged"]

NOT_MODIFIED = 304


def etagged(request: Request, view: BaseModel) -> Response:
    """``view`` as JSON with its ETag; a 304 if the request's `If-None-Match` holds that."""
    body = view.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {etag, "*"}:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
