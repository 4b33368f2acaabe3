"""A data set as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from services.jobs import DatasetStatus
from services.jobs.tables import Dataset

__all__ = ["DatasetView", "FileProblem"]


class FileProblem(BaseModel):
    """What is wrong with a file of a data set."""

    file: str | None
    message: str
    remedy: str | None
    severity: str


class DatasetView(BaseModel):
    """A data set, and what its validation found."""

    id: str
    name: str
    format: str
    root: str
    options: dict[str, Any]
    status: DatasetStatus
    classes: list[str]
    counts: dict[str, Any]
    labels: dict[str, Any]
    splits: dict[str, Any]
    has_masks: bool | None
    has_boxes: bool | None
    fingerprint: str | None
    problems: list[FileProblem]
    problems_total: int
    created: datetime
    finished: datetime | None
    progress: dict[str, Any] | None

    @classmethod
    def of(cls, row: Dataset) -> Self:
        """The view of a row."""
        return cls.model_validate(row, from_attributes=True)
