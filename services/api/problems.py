"""Errors as RFC 9457 problem details; the only place that knows which error has which HTTP status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from services.jobs import Conflict, Forbidden, NotConfigured, NotFound, Unauthorized
from wsmis_core.errors import Problem, WsmisError
from wsmis_core.spec import problems_of

__all__ = ["HANDLERS", "PROBLEM_RESPONSES", "database_away", "problem_of_status", "problem_response"]

MEDIA_TYPE = "application/problem+json"

# The most specific class of an error counts.
STATUSES: Mapping[type[WsmisError], HTTPStatus] = {
    WsmisError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotConfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    field: str | None
    message: str
    remedy: str | None


class ProblemDetails(BaseModel):
    """RFC 9457, with every problem and its remedy."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    remedy: str | None
    problems: list[FieldProblem]


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused",
        "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}},
    }
}


def problem_response(request: Request, error: WsmisError) -> JSONResponse:
    """The answer to an ``error`` that the caller can mend."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return _response(request, status, error.reason, error.problems)


def problem_of_status(
    request: Request,
    status: int,
    detail: str,
    remedy: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer where HTTP alone knows what is wrong."""
    known = HTTPStatus(status)
    return _response(
        request, known, known.name.lower(), [Problem(detail, remedy=remedy)], headers=headers or {}
    )


async def _on_error(request: Request, error: Any) -> JSONResponse:
    return problem_response(request, error)


async def _on_invalid_request(request: Request, error: Any) -> JSONResponse:
    """FastAPI's own validation: of the body's shape, the query and the headers."""
    errors = [{**told, "loc": told["loc"][1:]} for told in error.errors()]
    body_is_no_json = [told for told in error.errors() if told["type"] == "json_invalid"]
    if body_is_no_json:
        return problem_of_status(
            request, HTTPStatus.BAD_REQUEST, "the body is not JSON.", "Send a JSON object."
        )
    return _response(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", problems_of(errors))


async def _on_http_error(request: Request, error: Any) -> JSONResponse:
    remedies = {
        HTTPStatus.NOT_FOUND: "GET /openapi.json lists the routes.",
        HTTPStatus.METHOD_NOT_ALLOWED: "GET /openapi.json lists the methods of each route.",
    }
    status = HTTPStatus(error.status_code)
    detail = (
        error.detail
        if error.detail != status.phrase
        else f"{request.method} {request.url.path}: {status.phrase}."
    )
    return problem_of_status(request, status, detail, remedies.get(status), headers=error.headers)


async def _on_database_away(request: Request, error: Any) -> JSONResponse:
    if "disk is full" in str(error.orig) or "No space left" in str(error.orig):
        return problem_of_status(
            request,
            HTTPStatus.INSUFFICIENT_STORAGE,
            "the disk that the database is on is full.",
            "Free some space there; old runs and artifacts below WSMIS_HOME can be deleted.",
        )
    return database_away(request)


def database_away(request: Request) -> JSONResponse:
    """The answer while the database cannot be asked."""
    return problem_of_status(
        request,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the database does not answer.",
        "Try again in a moment.",
        headers={"Retry-After": "5"},
    )


async def _on_unstorable(request: Request, _: Any) -> JSONResponse:
    """PostgreSQL takes no NUL character in any text."""
    return problem_of_status(
        request,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a text of the request holds a character that cannot be stored.",
        "Take out the NUL characters.",
    )


async def _on_bug(request: Request, _: Any) -> JSONResponse:
    """What was raised goes to the log, not to the caller."""
    return problem_of_status(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the service has failed.",
        "Its log tells more; please report it.",
    )


def _response(
    request: Request,
    status: HTTPStatus,
    reason: str,
    problems: Sequence[Problem],
    *,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    first = problems[0]
    details = ProblemDetails(
        type=f"urn:wsmis:{reason.replace('_', '-')}",
        title=status.phrase,
        status=status,
        detail="; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems),
        instance=request.url.path,
        remedy=first.remedy,
        problems=[FieldProblem(field=p.field, message=p.message, remedy=p.remedy) for p in problems],
    )
    challenge = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(
        details.model_dump(), status, headers={**(headers or {}), **challenge}, media_type=MEDIA_TYPE
    )


HANDLERS: dict[int | type[Exception], Any] = {
    WsmisError: _on_error,
    RequestValidationError: _on_invalid_request,
    HTTPException: _on_http_error,
    OperationalError: _on_database_away,
    DataError: _on_unstorable,
    Exception: _on_bug,
}
