"""What every endpoint may use, as FastAPI dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from services.jobs import Caller, Database, Scope, Settings

__all__ = ["CallerDependency", "Service", "State", "requires"]

# For the OpenAPI document alone: `Authentication` has looked at the key before.
bearer = HTTPBearer(auto_error=False, description="An API key; `X-API-Key` is taken too.")


@dataclass(frozen=True, slots=True)
class State:
    """What lives as long as the application."""

    settings: Settings
    database: Database
    queue: Any  # celery ships no types


def _state(request: Request) -> State:
    state = request.app.state.service
    assert isinstance(state, State)
    return state


def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


Service = Annotated[State, Depends(_state)]
CallerDependency = Annotated[Caller, Depends(_caller)]


def requires(scope: Scope) -> Any:
    """The dependency of a route that takes keys with ``scope`` alone; raises Forbidden."""

    def allowed(caller: CallerDependency, _: Annotated[object, Security(bearer)]) -> None:
        caller.require(scope)

    return Depends(allowed)
