"""Lists a page at a time: newest first, the cursor is the id of the last one seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

__all__ = ["Cursor", "Limit", "Page", "page"]

Row = TypeVar("Row")
View = TypeVar("View", bound=BaseModel)

Cursor = Annotated[str | None, Query(max_length=40, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


class Page(BaseModel, Generic[View]):
    """A part of a list; ``next`` is the cursor of the part behind it."""

    items: list[View]
    next: str | None


def page(
    rows: Sequence[Row], limit: int, *, view: Callable[[Row], View], cursor: Callable[[Row], str]
) -> Page[View]:
    """The first ``limit`` of ``rows``, of which there is one more if there is a next page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(items=[view(row) for row in shown], next=cursor(shown[-1]) if more else None)
