"""The `Idempotency-Key` of a request, with what it stands for."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends, Header, Request

from services.api.state import CallerDependency
from services.jobs import Idempotency
from services.jobs.idempotency import KEPT

__all__ = ["IdempotencyDependency"]


async def _idempotency(
    request: Request,
    caller: CallerDependency,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description=f"The same key and body give the same answer, for {KEPT.days} days.",
        ),
    ] = None,
) -> Idempotency | None:
    if idempotency_key is None:
        return None
    said = f"{request.method} {request.url.path}\0".encode() + await request.body()
    return Idempotency(
        api_key=caller.key_id, key=idempotency_key, body_sha256=hashlib.sha256(said).hexdigest()
    )


IdempotencyDependency = Annotated[Idempotency | None, Depends(_idempotency)]
