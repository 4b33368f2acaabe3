"""/recipes."""

from __future__ import annotations

from fastapi import APIRouter

from services.api.state import requires
from services.jobs import NotFound, Scope
from wsmis_core.spec import Recipe, recipes

__all__ = ["router"]

router = APIRouter(prefix="/recipes", tags=["recipes"], dependencies=[requires(Scope.READ)])


@router.get("")
def listed() -> list[Recipe]:
    """The recipes that come with the product."""
    return list(recipes().values())


@router.get("/{name}")
def shown(name: str) -> Recipe:
    """One recipe: its steps with the params that differ from their stages' defaults."""
    recipe = recipes().get(name)
    if recipe is None:
        raise NotFound(f"there is no recipe {name}.", remedy=f"Use one of {', '.join(recipes())}.")
    return recipe
