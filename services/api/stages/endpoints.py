"""/stages."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.stages.schemas import StageView
from services.api.state import requires
from services.jobs import NotFound, Scope
from wsmis_core.spec import CATALOGUE

__all__ = ["router"]

router = APIRouter(prefix="/stages", tags=["stages"], dependencies=[requires(Scope.READ)])


@router.get("")
def listed() -> list[StageView]:
    """Every stage with its JSON Schema, defaults, inputs and output."""
    return [StageView.of(stage) for stage in CATALOGUE.values()]


@router.get("/{name}")
def shown(name: str) -> StageView:
    """One stage."""
    for stage in CATALOGUE.values():
        if stage.name == name:
            return StageView.of(stage)
    raise NotFound(f"there is no stage {name}.", remedy=f"Use one of {', '.join(CATALOGUE)}.")
