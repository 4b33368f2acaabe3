"""Registered data sets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.jobs.status import DatasetStatus
from services.jobs.tables.table import Table, named
from services.jobs.times import utc_now

__all__ = ["Dataset"]


class Dataset(Table):
    """A reference to files that stay where they are, and what their validation found."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    format: Mapped[str] = mapped_column(String(40))
    root: Mapped[str]
    options: Mapped[dict[str, Any]]
    status: Mapped[DatasetStatus] = mapped_column(named(DatasetStatus), default=DatasetStatus.VALIDATING)
    created: Mapped[datetime] = mapped_column(default=utc_now)
    finished: Mapped[datetime | None]
    published: Mapped[datetime] = mapped_column(default=utc_now)
    progress: Mapped[dict[str, Any] | None]
    # The claim: a token that grows with each, so that a lost worker writes nothing.
    token: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires: Mapped[datetime | None]
    # What the validation found.
    classes: Mapped[list[str]] = mapped_column(default=list)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    labels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    splits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    has_masks: Mapped[bool | None]
    has_boxes: Mapped[bool | None]
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    problems: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    problems_total: Mapped[int] = mapped_column(default=0)
