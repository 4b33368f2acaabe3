"""A refused call's body, RFC 9457 `application/problem+json`, as an exception."""

from __future__ import annotations

import json
from typing import Any

from services.client.errors import RefusedError
from wsmis_core.errors import Problem

__all__ = ["refusal"]

UNAUTHORIZED = 401


def refusal(status: int, body: str) -> RefusedError:
    """The error that ``body`` tells, or that ``status`` alone does where it is not such a body."""
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return RefusedError(f"status {status}: {body[:200]}", status=status)
    problems = [
        Problem(str(problem["message"]), problem.get("field"), problem.get("remedy"))
        for problem in told.get("problems") or []
    ]
    message = str(told.get("detail") or told.get("title") or f"status {status}")
    remedy = told.get("remedy")
    if status == UNAUTHORIZED and not remedy:
        remedy = "Put an API key into WSMIS_API_KEY, or WSMIS_HOME on the service's home."
    if problems:
        first = problems[0]
        return RefusedError(
            first.message, status=status, field=first.field, remedy=first.remedy, problems=problems
        )
    return RefusedError(message, status=status, remedy=remedy)
