"""No key, no answer: every path but the two probes, known or not."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.problems import database_away, problem_response
from services.jobs import Caller, Database, Unauthorized, authenticate

__all__ = ["Authentication"]

log = logging.getLogger(__name__)

OPEN = frozenset({"/healthz", "/readyz"})


class Authentication:
    """Puts the Caller into the request's state, or answers 401."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app = app
        self.database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN:
            try:
                caller = await run_in_threadpool(self._caller, key_of(Headers(scope=scope)))
            except Unauthorized as error:
                await problem_response(Request(scope), error)(scope, receive, send)
                return
            except SQLAlchemyError:  # the application's handlers are further in
                log.exception("the database cannot be asked for the key")
                await database_away(Request(scope))(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)

    def _caller(self, key: str | None) -> Caller:
        with self.database.reading() as session:
            return authenticate(session, key)


def key_of(headers: Headers) -> str | None:
    """The key of `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else headers.get("x-api-key")
